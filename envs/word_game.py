"""Guess a five-letter word in six tries (written in the short, functional form)."""

import random
import re
from typing import Annotated, Any

from pydantic import Field

from ldp_tui import Frame, FunctionalEnvironment, fenv

TRIES = 6

RULES = f"""Guess the secret word: five letters, {TRIES} tries. After each guess every letter is marked:
[A] right letter in the right place, (A) in the word but in another place, a  not in the word (again)."""

MARKS = {"here": "[{}]", "elsewhere": "({})", "absent": " {} "}
COLOURS = {"here": "\x1b[30;42m", "elsewhere": "\x1b[30;43m", "absent": "\x1b[2m"}
RESET_COLOUR = "\x1b[0m"


Word = Annotated[str, Field(min_length=5, max_length=5, pattern="^[A-Za-z]+$")]


@fenv.start()
def word_game(seed: int | None = None, word: str | None = None) -> tuple[str, dict[str, Any]]:
    """Start with a word drawn from the seed, or with a given one."""
    secret = word.casefold() if word else random.Random(seed).choice(WORDS)
    if not re.fullmatch("[a-z]{5}", secret):
        raise ValueError(f"The secret word must have five letters, not be {word!r}.")
    return RULES, {"secret": secret, "guesses": []}


@word_game.tool()
def guess(word: Word, state: Any) -> str:
    """Guess the secret word.

    Args:
        word: Five letters a to z; anything else is refused and does not count as a try
        state: What the episode remembers
    """
    if state.done:
        return "The episode is over; nothing more is counted."
    word = word.casefold()
    state.guesses = [*state.guesses, word]
    left = TRIES - len(state.guesses)
    board = "\n".join(mark(state.secret, guessed) for guessed in state.guesses)
    if word == state.secret:
        state.done, state.reward = True, 1.0
        return f"{board}\nRight after {len(state.guesses)} of {TRIES} tries."
    if left == 0:
        state.done = True
        return f"{board}\nNo tries left. The word was {state.secret.upper()}."
    return f"{board}\n{left} {'try' if left == 1 else 'tries'} left."


def judge(secret: str, guessed: str) -> list[str]:
    """Verdict on each letter: `here`, `elsewhere` or `absent`. A letter is found at most as often as it occurs."""
    verdicts = ["here" if letter == wanted else "absent" for letter, wanted in zip(guessed, secret, strict=True)]
    unmatched = [wanted for letter, wanted in zip(guessed, secret, strict=True) if letter != wanted]
    for place, letter in enumerate(guessed):
        if verdicts[place] == "absent" and letter in unmatched:
            unmatched.remove(letter)
            verdicts[place] = "elsewhere"
    return verdicts


def mark(secret: str, guessed: str, *, colour: bool = False) -> str:
    """The guess with a mark around each letter, and in capitals where the letter is in the word."""
    cells = []
    for letter, verdict in zip(guessed, judge(secret, guessed), strict=True):
        cell = MARKS[verdict].format(letter if verdict == "absent" else letter.upper())
        cells.append(f"{COLOURS[verdict]}{cell}{RESET_COLOUR}" if colour else cell)
    return " ".join(cells)


class WordGame(FunctionalEnvironment):
    """The functional environment with what viewers ask for."""

    def render(self) -> str:
        """The board: marked guesses, then a line of dots for each try that is left."""
        rows = [mark(self.state.secret, guessed, colour=True) for guessed in self.state.guesses]
        return "\n".join([*rows, *[" ".join([" · "] * 5)] * (TRIES - len(rows))])

    def success(self) -> bool:
        """Whether the word was found."""
        return self.state.secret in self.state.guesses

    def info(self) -> dict[str, Any]:
        """Tries used, and the listed words that fit all marks so far."""
        secret, guesses = self.state.secret, self.state.guesses
        fitting = sum(all(judge(word, made) == judge(secret, made) for made in guesses) for word in WORDS)
        return {"tries": len(guesses), "words_left": fitting, **({"secret": secret} if self.state.done else {})}

    def export_frame(self) -> Frame:
        """Guesses with their verdicts; the secret once the episode is over."""
        secret, guesses = self.state.secret, self.state.guesses
        return Frame(
            state={
                "guesses": [*guesses],
                "verdicts": [judge(secret, made) for made in guesses],
                "tries_left": TRIES - len(guesses),
                "done": self.state.done,
            },
            info=self.info(),
        )

    async def get_id(self) -> str:
        """Place of the secret word in the list, such as `word-0042`, or `word-own` for a word of one's own."""
        secret = self.state.secret
        return f"word-{WORDS.index(secret):04d}" if secret in WORDS else "word-own"


def make(word: Word | None = None) -> WordGame:
    """Word game; `word` fixes the secret."""
    return WordGame(word_game.start_fn, word_game.tools, word_game.allow_concurrency, word=word)


WORD_BLOCK = """
about above actor acute admit adopt adult after again agent agree ahead alarm album alert alike alive allow alone along
alter among anger angle angry apart apple apply apron arena argue arise armor aroma arrow aside asset attic audio avoid
awake award aware badge baker basic basin basis batch beach beard beast begin being below bench berry birth black blade
blame blank blast blaze blend bless blind block blood bloom board boast bonus boost booth bound brain brake brave bread
break breed brick bride brief bring broad broom brown brush build bunch buyer cabin cable camel canal candy canoe cargo
carry catch cause cease cedar chain chair chalk charm chart chase cheap check cheek cheer chess chest chief child chill
choir chord civic claim class clean clear clerk click cliff climb clock close cloth cloud clown coach coast cocoa color
comet comic coral couch cough could count court cover craft crane crash cream creek crest crime crisp cross crowd crown
crude crush curve cycle daily dairy daisy dance decay delay depth diary digit diner dirty ditch diver dizzy dough dozen
draft drain drama dream dress drift drink drive eager eagle early earth easel eight elbow elder elect empty enemy enjoy
enter entry equal error essay event every exact exist extra fable faint fairy faith false fancy favor feast fence ferry
fever field fiery fifth fifty fight final first flame flash fleet flesh float flock flood floor flour fluid flute focus
force forge forty forum found frame fresh front frost fruit funny ghost giant given glass globe glory glove grace grade
grain grand grape graph grass great green greet grief group grove guard guess guest guide habit happy harsh haste heart
heavy hedge hello hinge hobby honey horse hotel house human humor ideal image index inner input ivory jelly jewel joint
judge juice kayak knife knock label labor large laser later laugh layer learn lemon level lever light limit linen liver
local logic loose lucky lunar lunch magic major maple march marsh match maybe mayor medal melon mercy merry metal meter
might miner minor mixed model money month moral motor mount mouse mouth movie music nerve never night noble noise north
novel nurse ocean offer often olive onion opera orbit order other otter outer owner oxide paint panel panic paper party
pasta patch pause peace peach pearl pedal phase phone photo piano piece pilot pitch pizza place plain plane plant plate
plaza point polar porch pound power press price pride prime print prize proof proud puppy queen quest quick quiet quilt
quite radio raise ranch range rapid reach ready realm relax reply rider ridge rifle right rigid rinse ripen river roast
robin robot rocky rough round route royal ruler rural sadly saint salad salty sauce scale scarf scene scent score scout
serve seven shade shaft shake shape share shark sharp sheep sheet shelf shell shine shirt shock shore short shout shown
sight silly since siren sixth sixty skill skirt slate sleep slice slide slope small smart smile smoke snail snake solar
solid solve sound south space spare spark speak speed spell spend spice spike spine spoon sport spray squad stack stage
stair stamp stand start state steak steam steel steep stick still stone stood store storm story stove straw strip study
sugar sunny super sweet swift swing sword table taste teach thank theme there thick thief thing think third those three
throw thumb tiger tight timer title toast today token tooth topic torch total touch tough towel tower trace track trade
trail train treat trend trial tribe trick troop truck truly trunk trust truth tulip uncle under union unite until upper
urban usual valid value valve vapor vault video visit vital vivid vocal voice wagon waist waste watch water weave wedge
whale wheat wheel where which while white whole width witch woman world worry worth would wound wrist write wrong yacht
young youth zebra
"""

WORDS = tuple(WORD_BLOCK.split())

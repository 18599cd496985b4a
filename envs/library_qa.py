"""Two-hop questions answered by reading in a small library (HotPotQA's shape, offline)."""

import difflib
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from ldp_tui import Environment, Frame, Message, Messages, TaskDataset, Tool, ToolRequestMessage

INSTRUCTIONS = (
    "Find the answer in the library of the Veld Archipelago: search opens an article, lookup finds further sentences "
    "in it, and submit_answer ends the episode. Answer in a few words."
)
EPISODE_OVER = "The episode is over; nothing more is counted."

SPLITS = ("train", "test")


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its accepted answers (the first is the usual one) and the two articles that hold the answer."""

    id: str
    text: str
    answers: tuple[str, ...]
    supporting: tuple[str, str]


@dataclass(slots=True)
class LibraryState:
    """Open page, running lookup and outcome; `reward` is of the newest step alone."""

    question: Question
    page: str | None = None
    keyword: str | None = None
    matches_shown: int = 0
    visited: list[str] = field(default_factory=list)
    last_text: str = ""
    submitted: str | None = None
    correct: bool | None = None
    reward: float = 0.0
    done: bool = False


class LibraryEnv(Environment[LibraryState]):
    """One question per episode: the seed picks it from `questions`. The tools act in the order of their calls."""

    def __init__(
        self,
        questions: Sequence[Question],
        *,
        sentences_shown: int = 2,
        correct_reward: float = 1.0,
        incorrect_reward: float = 0.0,
    ) -> None:
        if not questions:
            raise ValueError("LibraryEnv needs at least one question.")
        self.questions = tuple(questions)
        self.sentences_shown = sentences_shown
        self.correct_reward = correct_reward
        self.incorrect_reward = incorrect_reward

    async def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Messages, list[Tool]]:
        """Pick a question. `options={"index": i}` picks the i-th, whatever the seed."""
        index = (options or {}).get("index")
        chosen = random.Random(seed).randrange(len(self.questions)) if index is None else index
        question = question_at(self.questions, chosen)
        self.state = LibraryState(question)
        self.tools = [Tool.from_function(function) for function in (self.search, self.lookup, self.submit_answer)]
        return [Message(content=f"{question.text}\n\n{INSTRUCTIONS}")], list(self.tools)

    async def step(self, action: Message) -> tuple[Messages, float, bool, bool]:
        """Run the calls one after another."""
        if self.state.done:
            return [Message(content=EPISODE_OVER)], 0.0, True, False
        if not isinstance(action, ToolRequestMessage) or not action.tool_calls:
            return self.default_no_tool_calls_response
        self.state.reward = 0.0
        answers = await self.exec_tool_calls(action, concurrency=False, handle_tool_exc=True)
        return [*answers], self.state.reward, self.state.done, False

    def search(self, entity: str) -> str:
        """Open the article about a person, place or thing and read its beginning.

        Args:
            entity: Title of the article, for example Mount Cassery
        """
        state = self.state
        if state.done:
            return EPISODE_OVER
        title = titles_by_key().get(_key(entity))
        if title is None:
            similar = similar_titles(entity)
            hint = f" Similar titles: {', '.join(similar)}." if similar else ""
            state.last_text = f"There is no article {entity[:80]!r}.{hint}"
            return state.last_text
        state.page, state.keyword, state.matches_shown = title, None, 0
        if title not in state.visited:
            state.visited.append(title)
        sentences = articles()[title]
        hidden = len(sentences) - self.sentences_shown
        more = f" (… {hidden} more {'sentence' if hidden == 1 else 'sentences'}; use lookup)" if hidden > 0 else ""
        state.last_text = " ".join(sentences[: self.sentences_shown]) + more
        return state.last_text

    def lookup(self, keyword: str) -> str:
        """Find the next sentence that contains a keyword in the article opened by the last search.

        Args:
            keyword: Word or phrase; give the same one again for the next sentence
        """
        state = self.state
        if state.done:
            return EPISODE_OVER
        if state.page is None:
            state.last_text = "No article is open. Call search first."
        elif not keyword.strip():
            state.last_text = "Give a word or phrase to look for."
        else:
            state.last_text = self._next_match(state.page, keyword.strip())
        return state.last_text

    def _next_match(self, page: str, keyword: str) -> str:
        state = self.state
        if keyword.casefold() != state.keyword:
            state.keyword, state.matches_shown = keyword.casefold(), 0
        matches = [sentence for sentence in articles()[page] if keyword.casefold() in sentence.casefold()]
        if not matches:
            return f"The article {page!r} does not contain {keyword[:80]!r}."
        if state.matches_shown == len(matches):
            return f"There are no more sentences with {keyword[:80]!r} in {page!r}."
        state.matches_shown += 1
        return f"({state.matches_shown} of {len(matches)}) {matches[state.matches_shown - 1]}"

    def submit_answer(self, answer: str) -> str:
        """Submit the answer, which ends the episode.

        Args:
            answer: A name, a number or a few words
        """
        state = self.state
        if state.done:
            return EPISODE_OVER
        state.submitted, state.done = answer.strip(), True
        state.correct = _key(answer) in {_key(accepted) for accepted in state.question.answers}
        state.reward += self.correct_reward if state.correct else self.incorrect_reward
        state.last_text = f"{answer.strip()[:80]!r} is {'correct' if state.correct else 'not correct'}."
        return state.last_text

    async def get_id(self) -> str:
        """Identifier of the question, such as `train-07`."""
        return self.state.question.id

    def success(self) -> bool:
        """Whether the right answer was submitted."""
        return bool(self.state.correct)

    def info(self) -> dict[str, Any]:
        """Pages read and how much of the evidence they are; the expected answer once the episode is over."""
        state = self.state
        found = sum(title in state.visited for title in state.question.supporting)
        revealed = {"expected": state.question.answers[0], "supporting": [*state.question.supporting]}
        return {
            "question": state.question.id,
            "pages_read": len(state.visited),
            "evidence_found": found / len(state.question.supporting),
            **(revealed if state.done else {}),
        }

    def export_frame(self) -> Frame:
        """The question, the open page, the pages visited and the newest text."""
        state = self.state
        return Frame(
            state={
                "question": state.question.text,
                "page": state.page or "",
                "visited": list(state.visited),
                "last_text": state.last_text,
                "submitted": state.submitted or "",
                "done": state.done,
            },
            info=self.info(),
        )

    def render(self) -> str:
        """The question, the path of pages read, and the newest text."""
        state = self.state
        path = " → ".join(state.visited) or "(no article opened yet)"
        return "\n".join([state.question.text, "", f"  pages: {path}", "", state.last_text]).rstrip()


class LibraryDataset(TaskDataset[LibraryEnv]):
    """One environment per question of a split, `train` or `test`; the other options are those of `make`."""

    def __init__(
        self,
        split: str = "train",
        *,
        sentences_shown: int = 2,
        correct_reward: float = 1.0,
        incorrect_reward: float = 0.0,
    ) -> None:
        self.questions = load_questions(split)
        self.sentences_shown = sentences_shown
        self.correct_reward = correct_reward
        self.incorrect_reward = incorrect_reward

    def __len__(self) -> int:
        return len(self.questions)

    def get_new_env_by_idx(self, idx: int) -> LibraryEnv:
        """Environment bound to the question at `idx`."""
        return LibraryEnv(
            [self.questions[idx]],
            sentences_shown=self.sentences_shown,
            correct_reward=self.correct_reward,
            incorrect_reward=self.incorrect_reward,
        )


make_dataset = LibraryDataset


def make(
    split: Literal["train", "test"] = "train",
    index: int | None = None,
    *,
    sentences_shown: int = 2,
    correct_reward: float = 1.0,
    incorrect_reward: float = 0.0,
) -> LibraryEnv:
    """Environment over a split; `index` fixes the question. Search shows the first `sentences_shown` of an article."""
    questions = load_questions(split)
    return LibraryEnv(
        questions if index is None else [question_at(questions, index)],
        sentences_shown=sentences_shown,
        correct_reward=correct_reward,
        incorrect_reward=incorrect_reward,
    )


def load_questions(split: str) -> list[Question]:
    """Questions of a split: every fourth belongs to `test`, the others to `train`."""
    if split not in SPLITS:
        raise ValueError(f"Unknown split {split!r}; the splits are {', '.join(SPLITS)}.")
    rows = [
        paragraph.split("\n")
        for number, paragraph in enumerate(QUESTIONS.strip().split("\n\n"))
        if (number % 4 == 3) is (split == "test")
    ]
    return [
        Question(f"{split}-{number:02d}", text, tuple(answers.split(" | ")), _pair(titles))
        for number, (text, answers, titles) in enumerate(rows)
    ]


def question_at(questions: Sequence[Question], index: int) -> Question:
    """Question number `index`; raises ValueError if there is none."""
    if not 0 <= index < len(questions):
        raise ValueError(f"There is no question {index}; the questions are 0 to {len(questions) - 1}.")
    return questions[index]


def _pair(titles: str) -> tuple[str, str]:
    first, second = titles.split(" + ")
    return first, second


@cache
def articles() -> dict[str, tuple[str, ...]]:
    """Sentences of each article by title."""
    pages = {}
    for paragraph in ARTICLES.strip().split("\n\n"):
        title, *lines = paragraph.splitlines()
        pages[title.removeprefix("# ")] = tuple(re.split(r"(?<=[.!?]) ", " ".join(lines)))
    return pages


@cache
def titles_by_key() -> dict[str, str]:
    """Title by its normalised form."""
    return {_key(title): title for title in articles()}


def similar_titles(entity: str, limit: int = 5) -> list[str]:
    """Titles that share a word with `entity`, then titles spelt like it."""
    wanted = set(_key(entity).split())
    sharing = sorted(
        (key for key in titles_by_key() if wanted & set(key.split())),
        key=lambda key: (-len(wanted & set(key.split())), key),
    )
    close = difflib.get_close_matches(_key(entity), titles_by_key(), n=limit, cutoff=0.6)
    return [titles_by_key()[key] for key in dict.fromkeys([*sharing, *close])][:limit]


def _key(text: str) -> str:
    """Form in which texts are compared: lower case, no punctuation, no articles, no commas inside numbers."""
    text = re.sub(r"(?<=\d),(?=\d)", "", text.casefold())
    words = re.sub(r"\W+", " ", re.sub(r"['’]s\b", "s", text)).split()
    return " ".join(word for word in words if word not in {"a", "an", "the", "of"})


ARTICLES = """
# Veld Archipelago
The Veld Archipelago is a group of seven islands in the Sea of Anneth. Its islands are Orrin, Sault, Brackle, Tamsey,
Hollin, Pell and Little Gaunt. The capital is Quillon. About 214,000 people live on the islands, and they are called
Velders. The islands were united by the Treaty of Kestle Ford.

# Sea of Anneth
The Sea of Anneth surrounds the Veld Archipelago. Its deepest point, the Sump, lies 3,140 metres below the surface west
of Pell. The sea is named after Anneth, a ferrywoman of an old Velder song.

# Orrin
Orrin is the largest island of the Veld Archipelago. Its highest point is Mount Cassery. Its towns are Quillon, Ostrel
and Kestle Ford. Wheat and barley grow in the valley of the River Ewle.

# Sault
Sault is a flat island south of Orrin. Its people have made salt from sea water for six centuries. Its only town is
Dunmarrow. The highest point of the island is a dune of 31 metres.

# Brackle
Brackle is an island of peat bogs in the north of the Veld Archipelago. Its main town is Hythe Fen. Peat from Brackle
heated most Velder homes until 1930. The island is also known for a smoked cheese.

# Tamsey
Tamsey is the warmest island of the Veld Archipelago. It is covered with apple and quince orchards. Its main town is
Merrowby. No motor cars are allowed on the island.

# Hollin
Hollin is a mountainous island in the east of the Veld Archipelago. Copper was mined there from 1702 to 1971. Its main
town is Redadit. In the middle of the island lies Lake Imber.

# Pell
Pell is the westernmost island of the Veld Archipelago. Almost all its people fish or build boats. Its harbour town is
Lanthorn Bay. The Museum of Sail stands on Pell.

# Little Gaunt
Little Gaunt is the smallest island of the Veld Archipelago. Nobody has lived there since the last lighthouse keeper
left in 1986. Its only building is the Gaunt Light. The island is a reserve for the Gaunt petrel.

# Quillon
Quillon is the capital of the Veld Archipelago and stands at the mouth of the River Ewle on Orrin. It has 61,000
inhabitants. Its best known buildings are Chancery Hall, the Quillon Opera House and the Tide Clock. A third of the
town burned down in the Fire of Quillon.

# Ostrel
Ostrel is a town on the River Ewle in the middle of Orrin. It is the seat of the University of Ostrel. The town is
famous for its paper mills and for its covered market, which opens only at night.

# Kestle Ford
Kestle Ford is a small town in the east of Orrin. The treaty that united the islands was signed in its barn market. The
town grows most of the hops of the islands. It is the birthplace of the architect Halden Croy.

# Dunmarrow
Dunmarrow is the only town on Sault. It grew around the Dunmarrow Salt Works. Every November it holds the Festival of
Lamps. Its houses are painted white so that sailors can see them from afar.

# Hythe Fen
Hythe Fen is the main town of Brackle. It stands on 4,000 oak piles above the bog. The Brackle pipe was first made
there. Its weekly cheese market has been held on Thursdays since 1611.

# Merrowby
Merrowby is the main town of Tamsey. Its long beach is made of black sand. The composer Tobin Arkwell was born there,
and his house is a music school today. The town presses 3 million litres of cider a year.

# Redadit
Redadit is the main town of Hollin. It is named after the red entrance of the Redadit Copper Mine. The town hall has a
roof of pure copper. The sea captain Jorun Halk was born there.

# Lanthorn Bay
Lanthorn Bay is the harbour town of Pell. The Regatta of the Seven starts from its pier every June. The cartographer
Corvin Thale was born there. The town is known for its blue fishing sheds.

# Mount Cassery
Mount Cassery is the highest mountain of the Veld Archipelago at 1,482 metres. The River Ewle rises on its southern
slope. Near its summit stands the Cassery Observatory. The Cassery lily grows nowhere else.

# River Ewle
The River Ewle is the longest river of Orrin at 88 kilometres. It rises on Mount Cassery, flows through Ostrel and
reaches the sea at Quillon. The railway crosses it on the Ewle Viaduct.

# Lake Imber
Lake Imber is a lake on Hollin. It is 96 metres deep and fills the crater of an old volcano. The Imber trout lives only
in its waters. Its water is green because of copper in the rock.

# Isaura Penhallick
Isaura Penhallick was an engineer who designed the Gaunt Light. She was born in Dunmarrow in 1801 as the daughter of a
salt boiler. She later taught at the University of Ostrel, where Oswin Marl was her pupil. She died in 1877.

# Tobin Arkwell
Tobin Arkwell was a composer born in Merrowby in 1834. His most famous work is the opera The Drowned Bell. He was the
first composer to use the Brackle pipe in an orchestra. He was married to the painter Sabine Orlow.

# Mirelle Osgrave
Mirelle Osgrave was a botanist born in Hythe Fen in 1847. She was the first to describe moon sedge. For thirty years
she directed the botanical garden of the University of Ostrel. She never learned to swim.

# Corvin Thale
Corvin Thale was a cartographer born in Lanthorn Bay in 1779. He drew the first complete map of the islands, published
as Thale's Atlas. He measured the coasts from a rowing boat with his sister Edda. He lost his left eye in a duel.

# Odessa Brill
Odessa Brill was the first Chancellor of the Veld Archipelago, from 1790 to 1804. She had been a miller in Ostrel. She
signed the Treaty of Kestle Ford for Orrin. Her portrait is on the five crown coin.

# Jorun Halk
Jorun Halk was a sea captain born in Redadit in 1811. She commanded the Patient Heron on its voyage around the world.
She kept a tame Gaunt petrel on board. In old age she founded the Museum of Sail.

# Perrin Vosk
Perrin Vosk was a printer who founded The Quillon Courant in 1768. He was born in Kestle Ford. He printed on both sides
of the paper with two colours of ink. His press was lost in the Fire of Quillon.

# Ada Linnock
Ada Linnock was an astronomer at the Cassery Observatory. She discovered Comet Linnock in 1902. She was born in Quillon
as the daughter of the clockmaker Ansel Dray. She wrote her notes in a cipher of her own.

# Emeric Toll
Emeric Toll was a poet who worked for twenty years at the Dunmarrow Salt Works. His only book is Salt Hours. He was
born on Pell and never returned there. He won the Reed Prize in 1921.

# Sabine Orlow
Sabine Orlow was a painter born in Ostrel in 1839. Her best known picture is The Ferry at Night. She painted the
ceiling of the Quillon Opera House. She was colour-blind.

# Halden Croy
Halden Croy was an architect born in Kestle Ford in 1752. He designed Chancery Hall. He never used a straight staircase
in any building. His pupil Ilse Varn completed his last works.

# Ilse Varn
Ilse Varn was an architect and a pupil of Halden Croy. She designed the Quillon Opera House. She was born on Tamsey in
1783. She introduced coloured roof tiles to the islands.

# Bettany Crake
Bettany Crake was a glassmaker from Lanthorn Bay. She cast the great lens of the Gaunt Light. Her workshop also made
the goblets that are used at state dinners. She held eleven patents.

# Ansel Dray
Ansel Dray was a clockmaker who built the Tide Clock. He was born in Merrowby in 1846. His workshop employed forty
people. He was the father of the astronomer Ada Linnock.

# Nerys Foll
Nerys Foll was a physician who founded the Hospital of the Two Lamps. She was born in Hythe Fen in 1818. She proved
that bog fever is carried by midges. She treated the sailors of the Patient Heron without payment.

# Oswin Marl
Oswin Marl was an engineer who built the Ewle Viaduct. He was a pupil of Isaura Penhallick. He was born on Sault in
1836. He later drained the southern bogs of Brackle.

# Thessa Quint
Thessa Quint was a schoolteacher who invented the board game Harrow. She taught in Redadit for 41 years. She made the
first pieces from copper waste. She refused every payment for the game.

# Lucan Reeve
Lucan Reeve owned the Redadit Copper Mine from 1845 to 1889. He gave the money for the Cassery Observatory. He
collected more than 900 walking sticks. He was born in Quillon.

# Gaunt Light
The Gaunt Light is a lighthouse on Little Gaunt, designed by Isaura Penhallick. It was lit for the first time in 1829.
It was built because of the ships lost in the Great Storm of 1823. It is 54 metres tall and its light is visible for 38
kilometres.

# Chancery Hall
Chancery Hall is the seat of the government in Quillon. It was completed in 1796. It has a spiral staircase of 210
steps. It survived the Fire of Quillon because its roof is made of slate.

# Cassery Observatory
The Cassery Observatory stands near the summit of Mount Cassery. It opened in 1893. Its telescope has a mirror of 1.1
metres. A mule railway carried the mirror up the mountain in nine days.

# University of Ostrel
The University of Ostrel was founded in 1655 by a guild of paper makers. Its library owns 1.2 million books. It is the
oldest university of the islands. Its emblem is the Cassery lily.

# Hospital of the Two Lamps
The Hospital of the Two Lamps is the oldest hospital in Dunmarrow. It was founded in 1851. It is named after the two
lamps that burn day and night at its door. It has 320 beds.

# Ewle Viaduct
The Ewle Viaduct carries the railway over the River Ewle near Ostrel. It has 23 arches and was completed in 1874. It is
built of yellow brick from Kestle Ford.

# Tide Clock
The Tide Clock stands on the harbour square of Quillon. It shows the tides of all seven islands. It was finished in
1881 and has 5,200 moving parts. It has stopped only once, in the winter of 1919.

# Museum of Sail
The Museum of Sail in Lanthorn Bay was founded in 1872. It keeps 64 historic boats. The Patient Heron lies in its dock.
Its tower has a camera obscura.

# Quillon Opera House
The Quillon Opera House opened in 1822. It has 1,150 seats. The first performance of The Drowned Bell was given there.
Its roof of coloured tiles shows a map of the stars.

# Dunmarrow Salt Works
The Dunmarrow Salt Works on Sault produces 18,000 tonnes of salt a year. It was founded in 1403. Wind pumps lift the
sea water into its pans. The salt is packed in sacks of blue cloth.

# Redadit Copper Mine
The Redadit Copper Mine on Hollin closed in 1971. Its deepest shaft reaches 870 metres. At its height 2,300 people
worked there. Its galleries are used to ripen cheese today.

# The Drowned Bell
The Drowned Bell is an opera in three acts by Tobin Arkwell. It was first performed in 1866. Its story is set in the
Great Storm of 1823. The bell of the title is played by striking a ship's anchor.

# Salt Hours
Salt Hours is a book of 77 poems published in 1920. Each poem describes one hour of work at the salt pans. It was
printed on paper from Ostrel. It has been translated into nine languages.

# The Ferry at Night
The Ferry at Night is an oil painting of 1871. It shows the steam ferry Grey Lantern leaving its pier. It hangs in
Chancery Hall. The painter included her husband among the passengers.

# The Quillon Courant
The Quillon Courant is the oldest newspaper of the islands. It appears every day except Tuesday. It is printed on green
paper. Its crossword has been set by the same family since 1931.

# Thale's Atlas
Thale's Atlas is the first complete map of the Veld Archipelago. It was published in 1812 and has 49 sheets. It still
named an eighth island, Farlow, which does not exist.

# Patient Heron
The Patient Heron was a three-masted ship built in Lanthorn Bay in 1838. It sailed around the world from 1849 to 1852.
It carried a crew of 57. Its figurehead was stolen and found again in a garden in Merrowby.

# Grey Lantern
The Grey Lantern was a steam ferry between Orrin and Tamsey. It was launched in 1863 and ran for 51 years. It had two
funnels painted yellow. Its bell hangs in the school of Merrowby.

# Moon sedge
Moon sedge is a plant that grows only in the bogs of Brackle. Its flowers open on nights with a full moon. Hats are
woven from its dried leaves. It was described in 1874.

# Gaunt petrel
The Gaunt petrel is a seabird that nests only on Little Gaunt. It lays a single egg of pale violet colour. About 900
pairs are left. It was hunted for its down until 1911.

# Imber trout
The Imber trout is a fish of Lake Imber with copper-coloured fins. It lives to an age of 34 years. Fishing it is
allowed on only one day of the year, the second Sunday of September.

# Cassery lily
The Cassery lily is a white mountain flower. It needs seven years to bloom for the first time. It is protected by law.
Its bulbs taste of pepper.

# Brackle pipe
The Brackle pipe is a wind instrument made of bog oak. It has nine holes and a reed of split rush. Its sound carries
over three kilometres. It is played at funerals.

# Harrow
Harrow is a board game for two players on a board of 64 triangles. It was invented in 1887. Each player has 12 pieces
called rooks and gates. The world championship is held in Ostrel.

# Ember bread
Ember bread is a dark rye bread baked in hot ashes. It belongs to the Festival of Lamps. A coin is baked into every
seventh loaf.

# Festival of Lamps
The Festival of Lamps remembers the rescue of 112 sailors in the Great Storm of 1823. It lasts three nights, in which
ember bread is eaten. Children carry lamps made from hollow turnips.

# Regatta of the Seven
The Regatta of the Seven is a boat race around all seven islands. It has been held in Lanthorn Bay since 1855 and is
312 kilometres long. The prize is a silver oar. The record is 21 hours and 9 minutes.

# Treaty of Kestle Ford
The Treaty of Kestle Ford united the islands in 1790. It has 16 articles. It introduced the Velder crown as common
money. It was written on paper made from nettles.

# Velder crown
The Velder crown is the money of the Veld Archipelago. One crown is divided into 40 bits. The coins have seven sides,
one for each island.

# Great Storm of 1823
The Great Storm of 1823 lasted four days in October. It sank 29 ships between Orrin and Little Gaunt. Sailors from
Dunmarrow saved 112 people.

# Fire of Quillon
The Fire of Quillon began in a rope store on the third of May 1868. It burned for two days and destroyed 1,900 houses.
After it, thatched roofs were forbidden.

# Comet Linnock
Comet Linnock returns every 88 years. It bears the name of Ada Linnock. It has a faint green tail. It will be seen
again in 1990 and in 2078.

# Reed Prize
The Reed Prize is given each year for the best book of the islands. It was founded by the University of Ostrel in 1898.
The winner receives a silver reed and a year's supply of cheese.
"""

QUESTIONS = """
In which year was the engineer who designed the Gaunt Light born?
1801
Gaunt Light + Isaura Penhallick

In which town was the composer of The Drowned Bell born?
Merrowby
The Drowned Bell + Tobin Arkwell

How many inhabitants does the capital of the Veld Archipelago have?
61,000
Veld Archipelago + Quillon

How high is the highest point of Orrin, in metres?
1,482
Orrin + Mount Cassery

What does the only town on Sault paint its houses?
white
Sault + Dunmarrow

On which day of the week is the cheese market of Brackle's main town held?
Thursday | Thursdays
Brackle + Hythe Fen

What colour is the sand of the beach in Tamsey's main town?
black
Tamsey + Merrowby

What is the roof of the town hall made of in the main town of Hollin?
copper | pure copper
Hollin + Redadit

In which month does the boat race start from the harbour town of Pell?
June
Pell + Lanthorn Bay

How tall is the only building on Little Gaunt, in metres?
54
Little Gaunt + Gaunt Light

How long is the river that rises on Mount Cassery, in kilometres?
88
Mount Cassery + River Ewle

How many arches has the bridge that carries the railway over the River Ewle?
23
River Ewle + Ewle Viaduct

To what age does the fish live that is found only in Lake Imber?
34 years | 34
Lake Imber + Imber trout

Of what is the instrument made that Tobin Arkwell was the first to use in an orchestra?
bog oak
Tobin Arkwell + Brackle pipe

On which nights do the flowers of the plant open that Mirelle Osgrave described?
full moon | nights with a full moon | nights with full moon
Mirelle Osgrave + Moon sedge

How many sheets has the first complete map drawn by Corvin Thale?
49
Corvin Thale + Thale's Atlas

How many articles has the treaty that Odessa Brill signed?
16
Odessa Brill + Treaty of Kestle Ford

How large was the crew of the ship that Jorun Halk commanded?
57
Jorun Halk + Patient Heron

On which day does the newspaper founded by Perrin Vosk not appear?
Tuesday
Perrin Vosk + The Quillon Courant

How often, in years, does the comet return that Ada Linnock discovered?
88 | every 88 years | 88 years
Ada Linnock + Comet Linnock

How many poems are in the only book of Emeric Toll?
77
Emeric Toll + Salt Hours

In which building does the best known picture of Sabine Orlow hang?
Chancery Hall
Sabine Orlow + The Ferry at Night

How many steps has the spiral staircase in the building designed by Halden Croy?
210
Halden Croy + Chancery Hall

How many seats has the building that Ilse Varn designed?
1,150
Ilse Varn + Quillon Opera House

How many moving parts has the clock that Ansel Dray built?
5,200
Ansel Dray + Tide Clock

How many beds has the hospital that Nerys Foll founded?
320
Nerys Foll + Hospital of the Two Lamps

In which year was the viaduct built by Oswin Marl completed?
1874
Oswin Marl + Ewle Viaduct

On a board of how many triangles is the game played that Thessa Quint invented?
64
Thessa Quint + Harrow

In which year did the observatory open for which Lucan Reeve gave the money?
1893
Lucan Reeve + Cassery Observatory

How many ships were sunk by the storm that led to the building of the Gaunt Light?
29
Gaunt Light + Great Storm of 1823

Where was the teacher of Oswin Marl born?
Dunmarrow
Oswin Marl + Isaura Penhallick

In which town was the painter born who was married to Tobin Arkwell?
Ostrel
Tobin Arkwell + Sabine Orlow

Where was the father of Ada Linnock born?
Merrowby
Ada Linnock + Ansel Dray

What colour was the paint on the funnels of the ferry shown in The Ferry at Night?
yellow
The Ferry at Night + Grey Lantern

Into how many bits is the money divided that the Treaty of Kestle Ford introduced?
40
Treaty of Kestle Ford + Velder crown

What is baked into every seventh loaf of the bread eaten at the Festival of Lamps?
a coin
Festival of Lamps + Ember bread

How many tonnes of salt a year does the place produce where Emeric Toll worked?
18,000
Emeric Toll + Dunmarrow Salt Works

What colour is the egg of the bird that Jorun Halk kept on board?
pale violet | violet
Jorun Halk + Gaunt petrel

How many years does the emblem of the University of Ostrel need to bloom for the first time?
seven | 7 | seven years | 7 years
University of Ostrel + Cassery lily

By whom was the university founded that gives the Reed Prize?
a guild of paper makers | paper makers | guild of paper makers
Reed Prize + University of Ostrel

What is the prize of the boat race that starts from Lanthorn Bay?
a silver oar | silver oar
Lanthorn Bay + Regatta of the Seven

In what kind of store did the fire begin in which the press of Perrin Vosk was lost?
rope store | a rope store | rope
Perrin Vosk + Fire of Quillon

How deep is the deepest shaft of the mine that gave Redadit its name, in metres?
870
Redadit + Redadit Copper Mine

Which opened first, the Quillon Opera House or the Cassery Observatory?
Quillon Opera House
Quillon Opera House + Cassery Observatory

Who was born first, Halden Croy or Corvin Thale?
Halden Croy
Halden Croy + Corvin Thale

Which is older, the University of Ostrel or the Dunmarrow Salt Works?
Dunmarrow Salt Works
University of Ostrel + Dunmarrow Salt Works

Who is older, the botanist Mirelle Osgrave or the physician Nerys Foll?
Nerys Foll
Mirelle Osgrave + Nerys Foll

Which was completed first, the Ewle Viaduct or the Tide Clock?
Ewle Viaduct
Ewle Viaduct + Tide Clock
"""

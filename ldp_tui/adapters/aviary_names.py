"""The environments that aviary's packages are known to bring, as a static table: listing them imports nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ldp_tui.adapters.real_packages import AVIARY_EXTRA, is_installed, versions

PREFIX: Final = "aviary"
"""`aviary:NAME` asks for one of them."""


@dataclass(frozen=True, slots=True)
class AviaryName:
    """One name. `module` holds it: what must be imported for aviary to know the name, "" where it knows it anyway."""

    name: str
    extra: str
    """The extra of `fhaviary` that brings it; "" for fhaviary itself."""
    summary: str
    module: str = ""

    @property
    def needs(self) -> str:
        """What has to be installed first, or ""."""
        if not is_installed("aviary"):
            return f"ldp-tui[{AVIARY_EXTRA}]"
        missing = self.extra and f"aviary.{self.extra}" not in versions(f"aviary.envs.{self.extra}")
        return f"fhaviary[{self.extra}]" if missing else ""


_LABBENCH: Final = "aviary.envs.labbench"

AVIARY_NAMES: Final = (
    AviaryName("dummy", "", "aviary's smallest environment: write a story, cast numbers first."),
    AviaryName("calculator", "gsm8k", "aviary's calculator: problem_id=…, problem=…, answer=…, or task=TEXT."),
    AviaryName("gsm8k", "gsm8k", "Grade-school mathematics: split=train|val|test, task=NUMBER."),
    AviaryName("hotpotqa", "hotpotqa", "Questions answered from Wikipedia: split=train|eval|test, task=NUMBER."),
    AviaryName("litqa2", "labbench", "LAB-Bench: questions about the literature.", _LABBENCH),
    AviaryName("figqa", "labbench", "LAB-Bench: questions about figures.", _LABBENCH),
    AviaryName("tableqa", "labbench", "LAB-Bench: questions about tables.", _LABBENCH),
    AviaryName("figqa2", "labbench", "LAB-Bench 2: questions about figures.", _LABBENCH),
    AviaryName("tableqa2", "labbench", "LAB-Bench 2: questions about tables.", _LABBENCH),
    AviaryName("figqa-text", "labbench", "LAB-Bench: figures given as text.", _LABBENCH),
    AviaryName("tableqa-text", "labbench", "LAB-Bench: tables given as text.", _LABBENCH),
    AviaryName("paperqa-local", "labbench", "Questions about papers on this disk: task=QUESTION.", _LABBENCH),
    AviaryName("lfrqa", "lfrqa", "Long answers, judged beside those of people.", "aviary.envs.lfrqa"),
)
BY_NAME: Final = {entry.name: entry for entry in AVIARY_NAMES}

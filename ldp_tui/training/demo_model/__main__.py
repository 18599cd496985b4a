"""`python -m ldp_tui.training.demo_model --out DIR`: record, train, evaluate, and write the card."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ldp_tui.core.errors import LdpTuiError
from ldp_tui.training.demo_model.build import build
from ldp_tui.training.demo_model.card import write_card
from ldp_tui.training.demo_model.evaluate import EXAMS, MODES, Result, take_exam
from ldp_tui.training.demo_model.examples import LONGEST_HISTORY
from ldp_tui.training.demo_model.recipe import RECIPE

logger = logging.getLogger("demo-model")


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the model; 0 if it reached what was asked for, 1 if not, 2 if it could not be made."""
    parser = argparse.ArgumentParser(prog="python -m ldp_tui.training.demo_model", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--recordings", type=Path, help="database of the teacher's episodes, made if it does not exist")
    parser.add_argument("--only-evaluate", action="store_true", help="evaluate the model that is there")
    options = parser.parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    began = time.monotonic()

    def progress(text: str) -> None:
        logger.info("%6.0f s  %s", time.monotonic() - began, text)

    try:
        if not options.only_evaluate:
            with tempfile.TemporaryDirectory() as folder:
                database = options.recordings or Path(folder) / "teacher.db"
                build(options.out, RECIPE, database=database, progress=progress)
        results = _evaluate(options.out, progress)
    except LdpTuiError as error:
        logger.error("%s", error)  # noqa: TRY400 (one sentence, as on every command line)
        return 2
    write_card(options.out, results, RECIPE, history=LONGEST_HISTORY)
    missed = [result for result in results if not result.passed]
    for result in missed:
        progress(f"missed: {result.exam.environment} {result.mode}, {result.exam.least} was asked for")
    return 1 if missed else 0


def _evaluate(folder: Path, progress: Callable[[str], None]) -> list[Result]:
    results = []
    for exam in EXAMS:
        for mode in MODES:
            result = take_exam(folder, exam, mode)
            results.append(result)
            mean = result.returns
            progress(f"{exam.environment} {mode}: {mean.mean:.4f} ± {mean.margin:.4f} (n {mean.n})")
    return results


if __name__ == "__main__":
    sys.exit(main())

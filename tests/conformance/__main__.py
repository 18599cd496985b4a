"""Runs the suites and tells how they went: `python -m tests.conformance [aviary] [ldp] [--out FILE]`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.conformance.environment import HERE, ROOT, SetupFailed, bare_environment, environment_python, unpacked
from tests.conformance.verdicts import Suite, SuiteResult, judge, page, table

SUITES = ("aviary", "ldp")
PAGE = ROOT / "docs" / "conformance.md"
SUITE_SECONDS = 1800


def main() -> None:
    """Exit status 1 if a key-free case fails that is no listed deviation, 2 if the tests cannot be run."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"{' or '.join(SUITES)}; both by default")
    parser.add_argument("--out", type=Path, help=f"where the page goes; {PAGE.relative_to(ROOT)} if both suites run")
    arguments = parser.parse_args()
    chosen = arguments.suites or list(SUITES)
    if unknown := set(chosen) - set(SUITES):
        parser.error(f"there is no suite {', '.join(unknown)}")
    try:
        python = environment_python()
        results = [_result(Suite.load(name), python) for name in chosen]
    except SetupFailed as failure:
        print(failure, file=sys.stderr)
        raise SystemExit(2) from None
    if path := arguments.out or (PAGE if set(chosen) == set(SUITES) else None):
        path.write_text(page(results), encoding="utf-8")
    raise SystemExit(0 if all(result.ok for result in results) else 1)


def _result(suite: Suite, python: Path) -> SuiteResult:
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        result = judge(suite, _outcomes(suite, python, unpacked(suite, Path(folder), python)))
    print(f"{suite.distribution} {suite.version}", *table(result), "", sep="\n")
    for case, why in result.reasons.items():
        print(f"FAILED {case}\n       {why[:200]}")
    for case in result.needless:
        print(f"passes, though it is listed as a deviation: {case}")
    return result


def _outcomes(suite: Suite, python: Path, source: Path) -> dict[str, dict[str, str]]:
    outcomes = source / "outcomes.json"
    options = ["-o", "addopts=", "--record-mode=none", "-p", "no:cacheprovider", "-p", "stand_in", "--tb=short", "-q"]
    ignored = [f"--ignore={file}" for file in suite.not_offered]
    done = subprocess.run(
        [str(python), "-m", "pytest", "tests", *options, "--timeout=120", "--continue-on-collection-errors", *ignored],
        cwd=source,
        env={**bare_environment(), "PYTHONPATH": str(HERE), "CONFORMANCE_OUTCOMES": str(outcomes)},
        capture_output=True,
        text=True,
        timeout=SUITE_SECONDS,
        check=False,
    )
    if not outcomes.exists():
        raise SetupFailed(f"The tests of {suite.distribution} did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    told: dict[str, dict[str, str]] = json.loads(outcomes.read_text(encoding="utf-8"))
    return told


if __name__ == "__main__":
    main()

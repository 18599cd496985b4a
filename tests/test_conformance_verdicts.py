"""What `make conformance` makes of outcomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.aliases import MODULES
from tests.conformance.environment import bare_environment
from tests.conformance.verdicts import Suite, judge, page

SUITE = Suite(
    name="theirs",
    distribution="theirs",
    version="1.0",
    sha256="",
    key_free=("tests/test_a.py::one", "tests/test_a.py::two", "tests/test_b.py::one", "tests/test_c.py::one"),
    deviations={"tests/test_a.py::two": "Better here.", "tests/test_b.py::one": "Was better here."},
    not_offered={"tests/test_d.py": "Another part."},
)
PASSED, FAILED = {"outcome": "passed", "why": ""}, {"outcome": "failed", "why": "AssertionError"}


def test_verdicts() -> None:
    """Listed deviations are no failures, and those that pass are told; what was not run has failed, as its file has."""
    result = judge(
        SUITE,
        {
            "tests/test_a.py::one": PASSED,
            "tests/test_a.py::two": FAILED,
            "tests/test_a.py::asks a model": PASSED,
            "tests/test_a.py::asks another": FAILED,
            "tests/test_a.py::needs a GPU": {"outcome": "skipped", "why": ""},
            "tests/test_b.py::one": PASSED,
            "tests/test_c.py": {"outcome": "failed", "why": "ImportError: nothing"},
        },
    )
    assert [result.count("passed"), result.count("deviation"), result.count("failed")] == [2, 1, 1]
    assert result.reasons == {"tests/test_c.py::one": "ImportError: nothing"}
    assert not result.ok
    assert result.needless == ("tests/test_b.py::one",)
    assert {file.file: file.with_keys for file in result.files} == {
        "tests/test_a.py": (1, 2),
        "tests/test_b.py": (0, 0),
        "tests/test_c.py": (0, 0),
    }
    told = page([result])
    for line in (
        "| test_a.py | 2              | 1      | 1          | 0      | 1 of 2                |",
        "| all       | 4              | 2      | 1          | 1      | 1 of 2                |",
        "- `test_a.py::two`: Better here.",
        "- `test_d.py`: Another part.",
    ):
        assert line in told


def test_case_that_was_not_run() -> None:
    """It has failed."""
    assert judge(SUITE, {}).reasons["tests/test_c.py::one"] == "was not run"


def test_everything_as_expected() -> None:
    """Nothing is told."""
    result = judge(SUITE, {case: FAILED if case in SUITE.deviations else PASSED for case in SUITE.key_free})
    assert result.ok
    assert result.needless == ()


@pytest.mark.parametrize(("name", "key_free"), [("aviary", 148), ("ldp", 110)])
def test_expectations(name: str, key_free: int) -> None:
    """Each deviation is a key-free case with a reason, and each is on the page of compatibility."""
    suite = Suite.load(name)
    assert len(suite.key_free) == len(set(suite.key_free)) == key_free
    assert set(suite.deviations) <= set(suite.key_free)
    assert all(suite.deviations.values())
    page_text = (Path(__file__).parent.parent / "docs" / "compatibility.md").read_text(encoding="utf-8")
    assert all(case.rpartition("::")[2].partition("[")[0] in page_text for case in suite.deviations)


def test_no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests get none of this machine's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OTHER_API_KEY", "sk-secret")
    monkeypatch.setenv("HF_TOKEN", "hf-secret")
    assert not [value for value in bare_environment().values() if "secret" in value]


def test_modules_that_stand_in() -> None:
    """They are ours."""
    homes = [home for homes in MODULES.values() for home in ([homes] if isinstance(homes, str) else homes)]
    root = Path(__file__).parent.parent
    for home in homes:
        path = root / home.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file(), home

"""Runs what the pages show; docs/development.md tells the convention."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"python", "console", "sh", "text", "json", "sql", "yaml", ""}

_BLOCK = re.compile(
    r"(?:^<!-- file: (?P<file>\S+) -->\n)?^```(?P<language>\w*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@dataclass(frozen=True)
class Block:
    """One fenced block: shown in `language`, to be written to `file` where one is named."""

    language: str
    code: str
    file: str | None
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["language"], found["code"], found["file"], text[: found.start()].count("\n") + 1)
        for found in _BLOCK.finditer(text)
    ]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the blocks of a page run: an empty folder with `recordings/`, and `ldp-tui` on the path."""
    command = tmp_path / "bin" / "ldp-tui"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from ldp_tui.cli import main; main()' \"$@\"\n")
    command.chmod(0o755)
    work = tmp_path / "work"
    (work / "recordings").mkdir(parents=True)
    monkeypatch.chdir(work)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("LDP_TUI_DB", raising=False)
    monkeypatch.delenv("LDP_TUI_ENVS", raising=False)
    return work


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_blocks(folder: Path, page: Path) -> None:
    """Every python block runs, in order and in one namespace; every command of a console block exits with 0."""
    namespace: dict[str, object] = {"__name__": "docs"}
    for block in blocks(page):
        where = f"{name_of(page)}:{block.line}"
        assert block.language in LANGUAGES, f"{where}: {block.language} is none of the languages used in these pages"
        if block.file is not None:
            (folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (folder / block.file).write_text(block.code)
        elif block.language == "python":
            exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)
        elif block.language == "console":
            for line in block.code.splitlines():
                if line.startswith("$ "):
                    command(where, line.removeprefix("$ "))


def command(where: str, line: str) -> None:
    done = subprocess.run(
        line, shell=True, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{where}: {line}: {done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links(page: Path) -> None:
    """Every link to a file of this project leads to one."""
    missing = [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert not [link for link in missing if not link.startswith(("images/", "docs/images/"))]


def test_commands_and_options() -> None:
    """docs/cli.md names every command and every option of it."""
    from typer.main import get_command

    from ldp_tui.cli.app import app

    page = (ROOT / "docs" / "cli.md").read_text()
    named = []

    def collect(path: str, group: object) -> None:
        for name, each in getattr(group, "commands", {}).items():
            named.append(f"{path} {name}")
            named.extend(option for param in each.params for option in param.opts if option.startswith("--"))
            collect(f"{path} {name}", each)

    collect("ldp-tui", get_command(app))
    assert not [name for name in named if name not in page]

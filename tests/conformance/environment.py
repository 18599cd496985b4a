"""Where the tests are run: their sources in a temporary folder, and a virtual environment of their own."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from tests.conformance.verdicts import Suite

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-conformance"
REQUIREMENTS = HERE / "requirements.txt"
WITHOUT_DEPENDENCIES = "fhlmi==1.10.0"
"""LDP's model library, which some tests use beside; it would bring aviary itself."""

_NAME = re.compile(r"[A-Za-z0-9._-]+")


class SetupFailed(Exception):
    """The tests cannot be run; the message says why."""


def environment_python() -> Path:
    """Python of the virtual environment, which is made, or made anew if what it is made of has changed."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "made-of"
    wanted = _made_of()
    if python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return python
    print(f"Making {ENVIRONMENT.name} (some minutes) ...", flush=True)
    _run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)])
    constraints = ENVIRONMENT / "constraints.txt"
    constraints.write_text(_constraints(), encoding="utf-8")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--constraint", str(constraints), "--requirement", str(REQUIREMENTS), "--editable", str(ROOT)])
    _run([*install, "--no-deps", WITHOUT_DEPENDENCIES])
    stamp.write_text(wanted, encoding="utf-8")
    return python


def unpacked(suite: Suite, folder: Path, python: Path) -> Path:
    """Folder of the suite's source distribution, downloaded and compared with its known hash."""
    download = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    wanted = f"{suite.distribution}=={suite.version}"
    _run([*download, "--no-binary", suite.distribution, "--dest", str(folder), wanted])
    archive = folder / f"{suite.distribution}-{suite.version}.tar.gz"
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != suite.sha256:
        raise SetupFailed(f"{archive.name} is not the one that is known: its SHA-256 is {found}, not {suite.sha256}.")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    return folder / f"{suite.distribution}-{suite.version}"


def bare_environment() -> dict[str, str]:
    """This process's environment without keys, with placeholders where a client will not start without one."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith(("_API_KEY", "_TOKEN"))}
    placeholders = {f"{provider}_API_KEY": "placeholder" for provider in ("OPENAI", "ANTHROPIC", "GEMINI")}
    return {**kept, **placeholders, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "HF_HUB_OFFLINE": "1"}


def _constraints() -> str:
    """The project's pins, without those that the requirements here pin otherwise."""
    own = {_name(line) for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines() if "==" in line}
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if _name(line) not in own) + "\n"


def _name(line: str) -> str:
    found = _NAME.match(line)
    return found[0].lower().replace("_", "-") if found else line


def _made_of() -> str:
    parts = [sys.version, WITHOUT_DEPENDENCIES, str(ROOT)]
    files = (REQUIREMENTS, ROOT / "constraints.txt", ROOT / "pyproject.toml")
    parts += [file.read_text(encoding="utf-8") for file in files]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        told = [line for line in done.stderr.splitlines() if not line.startswith("WARNING")]
        raise SetupFailed("\n".join([f"{' '.join(command[1:6])} … failed:", *told[-15:]]))

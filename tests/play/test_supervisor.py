"""The handle that a front end holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ldp_tui.core.environment import Picture
from ldp_tui.play.messages import Pause, View
from tests.play.environments import counter
from tests.play.playing import Front

_IMPORTS = """
import sys
import ldp_tui.play.supervisor
heavy = {"textual", "gymnasium", "litellm", "torch", "transformers", "numpy", "PIL", "sqlite3", "pygame"}
print(sorted(heavy & set(sys.modules)))
"""


def test_what_the_handle_imports() -> None:
    """Nothing that environments, models or the store need, and no Textual."""
    found = subprocess.run([sys.executable, "-c", _IMPORTS], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_state_from_start_to_end(front: Front, tmp_path: Path) -> None:
    """Starting until the engine is heard, ready then, off once closed."""
    assert front.handle.state.kind == "starting"
    front.play((counter(tmp_path, "count"), "random"), speed=None)
    front.until(lambda: front.handle.state.kind == "ready")
    front.until(front.ended)
    front.handle.close()
    assert front.handle.state.kind == "off"
    assert front.handle.pid is None


def test_handle_without_engine() -> None:
    """It can be asked and closed like any other; commands go nowhere."""
    front = Front((sys.executable, "-c", "raise SystemExit('cannot start')"))
    front.until(lambda: front.handle.state.kind == "ended")
    front.until(lambda: front.handle.state.lines == ("cannot start",))
    assert front.handle.state.code == 1
    front.handle.send(Pause())
    assert front.handle.drain() == []
    front.handle.close()
    front.handle.close()
    front.handle.restart()
    assert front.handle.state.kind == "off"


def test_engine_that_cannot_be_started(tmp_path: Path) -> None:
    """The state says why; the handle can be asked and closed."""
    front = Front((str(tmp_path / "python"),))
    assert front.handle.state.kind == "ended"
    assert "No such file" in front.handle.state.text
    front.handle.restart()
    front.until(lambda: front.handle.state.kind == "ended")
    front.handle.close()


def test_commands_to_an_engine_that_reads_nothing(tmp_path: Path) -> None:
    """They never make the front end wait."""
    front = Front((sys.executable, "-c", "import time; time.sleep(600)"))
    for _ in range(20_000):  # far more than a socket's buffer takes
        front.handle.send(View(0, 80, 24))
    assert front.handle.state.kind == "starting"
    front.handle.close(grace=0.1)


def test_restart_of_an_engine_that_responds(front: Front, tmp_path: Path) -> None:
    """The session starts again with its views, in another process, and the handle never waits."""
    drawing = counter(tmp_path, "drawing", render="return Picture(64, 32, bytes(64 * 32 * 3))")
    front.play((drawing, "human"))
    front.handle.send(View(0, 16, 16))
    front.until(lambda: shown_small(front))
    first = front.handle.pid
    front.reports.clear()
    front.handle.restart()
    assert front.handle.state.kind == "starting"
    front.until(lambda: shown_small(front))
    assert front.handle.pid != first


def shown_small(front: Front) -> bool:
    """Whether a picture came that fits the view, be it an episode's first or a later one."""
    renderings = [*(event.rendering for event in front.started()), *(report.rendering for report in front.pictures())]
    return Picture(16, 8, bytes(16 * 8 * 3)) in renderings

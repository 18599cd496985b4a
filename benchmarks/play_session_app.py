"""The app with two lanes, measuring itself: frames, loop lag, key to paint. play_session.py starts it in a pty."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

from textual import events

from ldp_tui.play.session_spec import LaneSpec, SessionSpec
from ldp_tui.tui import app as app_module
from ldp_tui.tui.app import LdpTuiApp
from ldp_tui.tui.terminal import own_terminal
from ldp_tui.tui.widgets.frame_view import FrameView

HEARTBEAT = 0.01


class MeasuredApp(LdpTuiApp):
    """Counts from the moment both lanes show pictures, for `seconds`, then writes the numbers and leaves."""

    CSS_PATH = [Path(app_module.__file__).parent / path for path in LdpTuiApp.CSS_PATH]  # noqa: RUF012

    def __init__(self, *, seconds: float, result: Path, lanes: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._seconds, self._result, self._lanes = seconds, result, lanes
        self._lags: list[float] = []
        self._key_waits: list[float] = []
        self._key_at: float | None = None
        self._handled = False
        self._began: float | None = None
        self._shown_at_start: list[int] = []
        self._expected = 0.0
        self._cpu = 0.0

    def on_mount(self) -> None:
        # Textual calls the base class's on_mount by itself.
        self.set_interval(HEARTBEAT, self._heartbeat)

    def _views(self) -> list[FrameView]:
        return list(self.screen.query(FrameView))[: self._lanes]

    def _heartbeat(self) -> None:
        now = time.perf_counter()
        views = self._views()
        if self._began is None:
            if len(views) >= self._lanes and all(view.stats.shown > 10 for view in views):
                self._began, self._cpu = now, time.process_time()
                self._shown_at_start = [view.stats.shown for view in views]
                self._expected = now + HEARTBEAT
            return
        self._lags.append(max(0.0, now - self._expected))
        self._expected = now + HEARTBEAT
        if now - self._began >= self._seconds:
            self._write(views, now - self._began)
            self.exit()

    def _write(self, views: list[FrameView], seconds: float) -> None:
        shown = [view.stats.shown - before for view, before in zip(views, self._shown_at_start, strict=True)]
        told = {
            "seconds": seconds,
            "fps": [count / seconds for count in shown],
            "loop_lag_ms": _quantiles([1e3 * lag for lag in self._lags]),
            "key_to_paint_ms": _quantiles([1e3 * wait for wait in self._key_waits]),
            "keys": len(self._key_waits),
            "ui_cpu_share": (time.process_time() - self._cpu) / seconds,
            "size": [self.size.width, self.size.height],
        }
        self._result.write_text(json.dumps(told), encoding="utf-8")

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and event.key in {"tab", "left", "right"} and self._key_at is None:
            self._key_at = time.perf_counter()
            await super().on_event(event)
            self._handled = True
            return
        await super().on_event(event)

    def post_display_hook(self) -> None:
        if self._key_at is not None and self._handled:
            self._key_waits.append(time.perf_counter() - self._key_at)
            self._key_at, self._handled = None, False


def _quantiles(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    ordered = sorted(values)
    at = lambda share: ordered[min(len(ordered) - 1, int(share * len(ordered)))]  # noqa: E731
    return {"p50": at(0.5), "p95": at(0.95), "max": ordered[-1]}


def _lane(text: str) -> LaneSpec:
    """`ENVIRONMENT@PLAYER`; without a player, the streaming one."""
    environment, _, player = text.partition("@")
    return LaneSpec(environment, player or "benchmarks.streaming_agent:StreamingAgent")


def main() -> None:
    """Arguments: result file, seconds, database, lanes separated by `|`."""
    result, seconds, db, environments = sys.argv[1:5]
    names = environments.split("|")
    lanes = tuple(_lane(name) for name in names)
    session = SessionSpec(lanes=lanes, seed=1, db=db, speed=1.0)
    visible = sum("blocking" not in name for name in names)
    app = MeasuredApp(seconds=float(seconds), result=Path(result), lanes=visible, db=Path(db), session=session)
    with own_terminal(Path(result).with_suffix(".log")):
        app.run()


if __name__ == "__main__":
    main()

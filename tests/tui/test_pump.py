from ldp_tui.tui.pump import BEHIND, HERTZ, Cadence, writer_backlog


def beats(seconds: float, *, backlog: int = 0) -> dict[str, int]:
    """How often each kind was due while the pump beat for some seconds of a made-up clock."""
    now = 0.0
    cadence = Cadence(lambda: now)
    counts = {"pictures": 0, "text": 0, "charts": 0, "clocks": 0}
    for beat in range(round(seconds * HERTZ)):
        now = beat / HERTZ
        due = cadence.beat(backlog=backlog)
        for kind in counts:
            counts[kind] += getattr(due, kind)
    return counts


def test_ten_seconds():
    """Pictures come at every beat; text at most 15, charts 5 and clocks 2 times a second."""
    assert beats(10) == {"pictures": 300, "text": 150, "charts": 50, "clocks": 20}


def test_slow_terminal():
    """While writes pile up, pictures are skipped and text still comes."""
    counts = beats(1, backlog=BEHIND + 1)
    assert counts["pictures"] == 0
    assert counts["text"] == 15


def test_no_terminal_thread():
    """Nothing waits where there is no such thread."""
    assert writer_backlog(object()) == 0

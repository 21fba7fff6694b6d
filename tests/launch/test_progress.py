from __future__ import annotations

import io

import pytest

from launch.progress import BarProgress, LineProgress, QuietProgress, duration, make_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_rate_limited_and_the_last_always_comes():
    clock, stream = [0.0], io.StringIO()
    progress = LineProgress(stream, interval_s=5.0, clock=lambda: clock[0])
    progress.start("label", total=100, done=10)
    for done in range(11, 101):
        clock[0] += 0.125
        progress.advance("label", done, failed=int(done > 50), note="36 calls")
    progress.finish("label")
    lines = stream.getvalue().splitlines()
    assert lines[0] == "label: 90 of 100 to do"
    assert lines[1] == "label: 50/100 (36 calls)"
    assert lines[-1] == "label: 100/100, 1 failed in 11.2 s"
    assert len(lines) == 4


def test_nothing_is_said_when_nothing_changes():
    clock, stream = [0.0], io.StringIO()
    progress = LineProgress(stream, interval_s=1.0, clock=lambda: clock[0])
    progress.start("kmc", total=2, done=0)
    for _ in range(10):
        clock[0] += 2
        progress.advance("kmc", 0)
    assert len(stream.getvalue().splitlines()) == 1


def test_the_stream_chooses_the_kind(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(make_progress(stream=io.StringIO()), LineProgress)
    assert isinstance(make_progress(stream=io.StringIO(), quiet=True), QuietProgress)
    bars = make_progress(stream=Terminal())
    bars.close()
    assert isinstance(bars, BarProgress)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_progress(stream=Terminal()), LineProgress)


def test_bars_end_full(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    bars = BarProgress(stream, color=False)
    bars.start("train", total=4, done=1)
    bars.advance("train", 4, failed=1, note="epoch 4")
    bars.message("a [message] with brackets")
    bars.finish("train")
    bars.close()
    text = stream.getvalue()
    assert "4/4" in text
    assert "1 failed, epoch 4" in text
    assert "a [message] with brackets" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (245, "4 min 05 s"), (7380, "2 h 03 min")]
)
def test_duration(seconds: float, text: str):
    assert duration(seconds) == text

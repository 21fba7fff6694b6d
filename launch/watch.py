"""The state of a campaign again and again: redrawn on a terminal, a line per change in a pipe."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import TextIO

from launch.campaign import Campaign
from launch.status import StageStatus, Status, campaign_status
from launch.status_text import status_text

CLEAR = "\x1b[H\x1b[2J"
REST = 3.0  # times as long as a look takes, at least, is waited before the next: others use this machine too


def watch(campaign: Campaign, seconds: float, stream: TextIO) -> None:
    """Show the state every `seconds` until nobody runs the campaign any more, or Ctrl-C."""
    redraws = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    lines = Lines()
    try:
        while True:
            began = time.monotonic()
            state = campaign_status(campaign)
            now = datetime.now().astimezone().isoformat(timespec="seconds")
            text = f"{CLEAR}{now}\n{status_text(state)}\n" if redraws else lines.changed(state, now)
            stream.write(text)
            stream.flush()
            if state.driver is None or state.driver.state == "dead":
                return
            time.sleep(max(seconds, REST * (time.monotonic() - began)))
    except KeyboardInterrupt:
        return


class Lines:
    """A line for each stage whose state has changed, and for the driver."""

    def __init__(self) -> None:
        self._shown: dict[str, str] = {}

    def changed(self, state: Status, now: str) -> str:
        """The lines that differ from those shown before, each with the time and an end."""
        driver = "not running" if state.driver is None else str(state.driver)
        lines = {"": f"{state.name}: {driver}"} | {stage.stage: _line(stage) for stage in state.stages}
        new = [line for name, line in lines.items() if self._shown.get(name) != line]
        self._shown = lines
        return "".join(f"{now} {line}\n" for line in new)


def _line(stage: StageStatus) -> str:
    parts = [f"{stage.done}/{stage.items} done"]
    parts += [f"{stage.running} running"] if stage.running else []
    parts += [f"{stage.failed} failed"] if stage.failed else []
    parts += [stage.note] if stage.note else []
    return f"{stage.stage}: {', '.join(parts)}"

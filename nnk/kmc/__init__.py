"""Kinetic Monte Carlo of vacancies: the compiled engine, runs in memory and on disk, trajectories."""

from nnk.kmc.frames import Frames, KeyFrames
from nnk.kmc.replay import Replay, Replayed, replay
from nnk.kmc.running import run
from nnk.kmc.segments import run_to_files
from nnk.kmc.setup import RunSetup, RunSummary
from nnk.kmc.trajectory import State, Trajectory

__all__ = [
    "Frames",
    "KeyFrames",
    "Replay",
    "Replayed",
    "RunSetup",
    "RunSummary",
    "State",
    "Trajectory",
    "replay",
    "run",
    "run_to_files",
]

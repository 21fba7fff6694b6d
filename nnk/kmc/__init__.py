"""Kinetic Monte Carlo of a vacancy: the compiled engine, runs in memory and on disk, trajectories."""

from nnk.kmc.frames import Frames, KeyFrames
from nnk.kmc.replay import replay
from nnk.kmc.running import run
from nnk.kmc.segments import run_to_files
from nnk.kmc.setup import RunSetup, RunSummary
from nnk.kmc.trajectory import Trajectory

__all__ = ["Frames", "KeyFrames", "RunSetup", "RunSummary", "Trajectory", "replay", "run", "run_to_files"]

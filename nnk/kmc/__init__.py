"""Kinetic Monte Carlo of a vacancy: the compiled engine, runs in memory and on disk, trajectories."""

from nnk.kmc.running import run
from nnk.kmc.trajectory import Frames, KeyFrames, Trajectory

__all__ = ["Frames", "KeyFrames", "Trajectory", "run"]

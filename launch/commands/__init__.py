"""The verbs of the command line, in the order in which ``launch --help`` lists them.

Each reads its arguments and calls the module of its subject.
"""

from __future__ import annotations

from launch.commands import run, look, retry, cancel, clean, results, doctor, sites, start  # isort: skip
from launch.commands.base import ExitCode, Output, UsageError, app, say

VERBS = (run, look, retry, cancel, clean, results, doctor, sites, start)  # each registers its own on the app

__all__ = ["VERBS", "ExitCode", "Output", "UsageError", "app", "say"]

"""``python -m site_configs.interchange``: Parsl's interchange in a session of its own.

Ctrl-C in a terminal, and SIGTERM sent to a process group, reach every process of the driver's group; the
interchange must outlive them, so that the jobs can still save what they have.
"""

from __future__ import annotations

import os
import runpy

if __name__ == "__main__":
    os.setsid()
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__", alter_sys=True)

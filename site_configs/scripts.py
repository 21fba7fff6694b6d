"""The scripts that would be submitted, written by Parsl's own providers; nothing is submitted.

What only a run knows stands in capitals: RUN_DIR, ADDRESS and PORT of its driver.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from site_configs.builder import executor
from site_configs.layout import Pool
from site_configs.site import Site, SiteError

ANSWERS = {"sbatch": "Submitted batch job 0", "qsub": "0.server"}
TIME = re.compile(r"(\.block-0)\.[0-9.]+[0-9]")  # Parsl adds it to the names of jobs


@dataclass(frozen=True)
class SubmitScript:
    """How a job is asked for.

    Attributes:
        command: the shell's command.
        text: the script.
    """

    command: str
    text: str


def submit_script(site: Site, pool: Pool, environment: Mapping[str, str]) -> SubmitScript:
    """How a job of a pool would be asked for.

    Args:
        site: the machine, with a scheduler.
        pool: the workers of the job.
        environment: variables of the workers, besides the site's.

    Raises:
        SiteError: the machine has no scheduler.
    """
    if site.jobs is None:
        raise SiteError(f"site {site.name} has no scheduler, so nothing is submitted")
    made = executor(site, environment, pool, site.address)
    provider: Any = made.provider
    commands: list[str] = []

    def keep(command: str, timeout: float | None = None) -> tuple[int, str, str]:
        commands.append(command)
        return 0, ANSWERS.get(command.split()[0], ""), ""

    provider.execute_wait = keep
    with tempfile.TemporaryDirectory() as folder:
        provider.script_dir = folder
        provider.submit(_worker_command(made), 1, f"parsl.{pool.name}.block-0")
        (script,) = Path(folder).iterdir()
        text = script.read_text()
    return SubmitScript(_plain(commands[0], folder), _plain(text, folder))


def _worker_command(made: Any) -> str:
    """What starts the workers of a job."""
    made.run_dir, made.worker_port, made.cert_dir = "RUN_DIR", "PORT", "RUN_DIR/certificates"
    made.all_addresses = [made.address or "ADDRESS"]
    made.logconf_path = None  # as Parsl has it where no logging is configured
    made.initialize_scaling()
    return str(made._get_launch_command("0"))


def _plain(text: str, folder: str) -> str:
    """Without what differs from run to run."""
    return TIME.sub(r"\1", text.replace(folder, "RUN_DIR/submit_scripts"))

"""The job that `launch` itself runs in (``jobs.driver: job``): how many nodes it has, and until when."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from site_configs.site import Site, SiteError

END = "NNK_BLOCK_END_UNIX_S"
_LEFT = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")  # of Slurm: [[days-]hours:]minutes:seconds


@dataclass(frozen=True)
class Allocation:
    """Nodes that are there already.

    Attributes:
        job: the scheduler's name of the job.
        nodes: how many.
        end_unix_s: when the scheduler takes them back (s since the epoch); None: never.
    """

    job: str
    nodes: int
    end_unix_s: float | None


def of_its_job(site: Site, environment: Mapping[str, str] = os.environ) -> tuple[Site, Allocation | None]:
    """A site as it is within the job that this process is in; as it is if `launch` submits its jobs itself.

    Raises:
        SiteError: the site says that `launch` runs in a job, and there is none, or nothing says when it ends.
    """
    if not site.in_job or site.jobs is None:
        return site, None
    found = allocation(site, environment)
    jobs = site.jobs.model_copy(update={"nodes_per_job": found.nodes})
    return site.model_copy(update={"jobs": jobs}), found


def allocation(site: Site, environment: Mapping[str, str]) -> Allocation:
    """The job that this process is in.

    Raises:
        SiteError: there is none, or nothing says when it ends.
    """
    find = {"slurm": _of_slurm, "pbs": _of_pbs}[site.scheduler]
    found = find(environment)
    if found is None:
        submit = {"slurm": "sbatch", "pbs": "qsub"}[site.scheduler]
        raise SiteError(
            f"no allocation found: site {site.name} says jobs.driver: job; start launch in a job's script "
            f"({submit}), or set jobs.driver: login in the site's file"
        )
    job, nodes, ask = found
    try:
        end = float(environment[END]) if END in environment else ask()
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise SiteError(
            f"cannot learn when job {job} ends ({type(error).__name__}: {error}): set {END} in the job's "
            "script, in seconds since the epoch"
        ) from error
    return Allocation(job, nodes, end)


def _of_slurm(environment: Mapping[str, str]) -> Any:
    job = environment.get("SLURM_JOB_ID")
    if job is None:
        return None
    nodes = environment.get("SLURM_JOB_NUM_NODES") or environment.get("SLURM_NNODES") or "1"
    return job, int(nodes), lambda: _slurm_end(job)


def _slurm_end(job: str) -> float | None:
    text = _said("squeue", "--noheader", "--job", job, "--format", "%L").strip()
    if text == "UNLIMITED":
        return None
    match = _LEFT.fullmatch(text)
    if match is None:
        raise ValueError(f"squeue: got {text[:80]!r} for the time that is left")
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return time.time() + 86400 * days + 3600 * hours + 60 * minutes + seconds


def _of_pbs(environment: Mapping[str, str]) -> Any:
    job, file = environment.get("PBS_JOBID"), environment.get("PBS_NODEFILE")
    if job is None or file is None:
        return None
    hosts = set(Path(file).read_text().split())  # with mpiprocs a node is there several times
    return job, len(hosts), lambda: _pbs_end(job)


def _pbs_end(job: str) -> float | None:
    jobs = json.loads(_said("qstat", "-f", "-F", "json", job))["Jobs"]
    facts = jobs.get(job) or next(iter(jobs.values()))
    walltime = facts["Resource_List"].get("walltime")
    if walltime is None:
        return None
    hours, minutes, seconds = map(int, walltime.split(":"))
    start = dt.datetime.strptime(facts["stime"], "%a %b %d %H:%M:%S %Y").timestamp()
    return start + 3600 * hours + 60 * minutes + seconds


def _said(*command: str) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout

"""The scheduler's commands, and what it says to the jobs that campaigns would ask for."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from jobs.examine import says_of
from launch.doctor.check import Check
from site_configs import Pool, Request, Site, verdict

COMMANDS = {"slurm": ("sbatch", "squeue", "scancel"), "pbs": ("qsub", "qstat", "qdel")}
ASK = {"slurm": ("squeue", "--noheader", "--format=%i"), "pbs": ("qstat",)}
QUEUES = {"slurm": "sinfo --summarize", "pbs": "qstat -Q"}
CURES = {
    r"\b(down|drained)\b|nodenotavail": "see why (sinfo -R, pbsnodes -l), ask for fewer nodes, or wait",
    r"account|project|allocation|association": "set jobs.account of the site, or resources.account",
    r"partition|unknown queue|illegal queue": "set jobs.queue of the site to one of: {queues}",
    r"time limit|walltime": "ask for less time: jobs.walltime of the site, or resources of the campaign",
    r"qos": "set jobs.qos of the site to one that you may use (sacctmgr show associations user=$USER)",
    r"node configuration|node count|more processors|nodes? .*limit|resource limits": (
        "ask for fewer nodes or cores: nodes of stages, cores_per_node of the site"
    ),
    r"memory": "set the memory in jobs.directives of the site",
}
"""What a scheduler's words mean for the site file."""


def cure_of(text: str, site: Site) -> str:
    """What to do when the scheduler says so."""
    queues = QUEUES[site.scheduler]
    found = [cure for words, cure in CURES.items() if re.search(words, text, re.IGNORECASE)]
    found.append("see what the site asks of submit scripts (launch plan --scripts shows ours)")
    return found[0].format(queues=queues)


def commands(site: Site) -> Check:
    """The scheduler's programs."""
    names = COMMANDS[site.scheduler]
    missing = [name for name in names if shutil.which(name) is None]
    found = f"no {', '.join(missing)} on PATH" if missing else ", ".join(map(str, map(shutil.which, names)))
    cure = "run on a login node of the site, or put its commands on PATH"
    return Check("scheduler's commands", not missing, found, cure)


def answers(site: Site) -> Check:
    """Whether the scheduler answers at all."""
    command, timeout_s = ASK[site.scheduler], float(site.jobs.command_timeout_s) if site.jobs else 0.0
    code, text = says_of(command, timeout_s)
    cure = "wait until it does; if it is only slow, set jobs.command_timeout_s of the site"
    said = "answers" if code == 0 else f"{command[0]}: {text}"
    return Check("scheduler", code == 0, said, cure)


def requests(site: Site, pools: Sequence[Pool]) -> Iterator[Check]:
    """The jobs that campaigns ask for: what is known of the queues, and what Slurm says to them."""
    for pool in pools:
        name = f"jobs of {pool.nodes} node{'s' * (pool.nodes > 1)} for {pool.walltime}"
        name += f" in {pool.queue}" if pool.queue else ""
        known = verdict(site.queues, Request(pool.queue, pool.nodes, str(pool.walltime)), site.name)
        if known.refused:
            yield Check(name, False, known.text, "set stages or jobs of the site accordingly")
        elif site.scheduler == "slurm":
            yield _slurm_test(name, site, pool)
        else:
            yield Check(name, True, known.text)


def _slurm_test(name: str, site: Site, pool: Pool) -> Check:
    """What ``sbatch --test-only`` says of the script of a pool; nothing is submitted."""
    from site_configs.scripts import submit_script  # which imports parsl

    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script"
        script.write_text(submit_script(site, pool, {}).text)
        code, text = says_of(["sbatch", "--test-only", str(script)], 60)
    text = re.sub(r"sbatch: (error: )?|allocation failure: |Job \d+ to start", "", text).strip()
    return Check(name, code == 0, "would be taken" if code == 0 else text, cure_of(text, site))


def state_of(site: Site, job: str) -> tuple[str, str]:
    """State of a job and the reason why it waits, in the scheduler's words.

    Both are empty if it does not know the job; the state is ``?`` if it does not answer.
    """
    slurm = site.scheduler == "slurm"
    query = ["squeue", "--noheader", f"--jobs={job}", "--format=%T|%r"]
    code, text = says_of(query if slurm else ["qstat", "-x", "-f", "-F", "json", job], 60)
    if code:
        return ("", "") if re.search("invalid job id|unknown job id", text, re.IGNORECASE) else ("?", text)
    if slurm:
        word, _, reason = text.partition("|")
        return word, reason if reason != "None" else ""
    letter, comment = (re.search(rf'"{key}": *"([^"]*)', text) for key in ("job_state", "comment"))
    return letter[1] if letter else "?", comment[1] if comment else ""


def is_gone(site: Site, job: str) -> bool:
    """Whether a job no longer has nodes, nor waits for any."""
    ending: Sequence[str] = ("", "CANCELLED", "COMPLETED", "COMPLETING", "FAILED", "TIMEOUT", "F", "E", "X")
    return state_of(site, job)[0] in ending

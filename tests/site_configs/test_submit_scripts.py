"""What would be submitted, for every site and stage; nothing is.

The scripts in ``golden/`` are compared exactly. After a change that is meant:

    RENEW_GOLDEN=1 pytest tests/site_configs/test_submit_scripts.py

and then read what ``git diff`` shows.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from site_configs import SiteError, load_site, pools_of, shipped_site_names
from site_configs.builder import build, driver_address, worker_environment
from site_configs.modes import what_is_lacking
from site_configs.parts import StageName
from site_configs.scripts import submit_script

GOLDEN = Path(__file__).parent / "golden"
IN_BLOCKS = ("slurm", "pbs", "perlmutter", "polaris")  # of these also jobs that several units share
SCHEDULED = [name for name in shipped_site_names() if load_site(name).jobs is not None]
HOSTILE = [
    "$(touch pwned)",
    "a;touch pwned",
    "a\n#SBATCH --wrap=x",
    "`touch pwned`",
    "a b",
    "-x",
    "a'b",
    'a"b',
    "é",
]


def layouts(site):
    """A layout for each stage: labels on two nodes, kMC on cores and, where there are any, on GPUs."""
    queue = next((name for name in site.queues if site.gpus_in(name)), None)
    found = {
        "label": site.layout("label", 2 if site.cores > 1 else 1, 2),
        "train": site.layout("train"),
        "kmc": site.layout("kmc"),
        "analysis": site.layout("analysis"),
    }
    if queue is not None:
        walltime = site.queues[queue].limits[0].walltime or site.jobs.walltime
        found["kmc-gpu"] = site.gpu_layout("kmc", queue=queue, walltime=walltime)
    return found


def changed(site, **jobs):
    """A site whose jobs are other; None if it cannot."""
    jobs = site.jobs.model_copy(update=jobs)
    return None if what_is_lacking(jobs, site.mpi) else site.model_copy(update={"jobs": jobs})


def layouts_in_blocks(site):
    """Layouts of jobs of eight nodes, by how their units share them, if the site can: labels, and kMC."""
    whole = changed(site, mpi_units="whole nodes", nodes_per_job=8)
    shared = changed(site, mpi_units="shared nodes", nodes_per_job=8)
    found = {}
    if whole is not None:
        found["label-whole"] = whole, whole.layout("label", 2 if site.cores > 1 else 1, 2)
        found["kmc-8"] = whole, whole.layout("kmc")
    if shared is not None:
        found["label-shared"] = shared, shared.layout("label", max(1, site.cores // 4))
    return found


def all_layouts(site):
    """Sites, perhaps changed, and layouts by what they show."""
    own = {stage: (site, layout) for stage, layout in layouts(site).items()}
    return own | (layouts_in_blocks(site) if site.name in IN_BLOCKS else {})


def scripts(name):
    """The submit scripts of a site by stage, with what starts them and their units."""
    environment = worker_environment(Path("CACHES"))
    for stage, (site, layout) in all_layouts(load_site(name).paid_by("my-project")).items():
        made = submit_script(site, layout.pool, environment)
        text = made.text.replace(str(Path(sys.executable).parent), "ENVIRONMENT/bin")
        units = " ".join(layout.mpi_command) or "no MPI"
        if layout.resources:
            units += " " + json.dumps(layout.resources)
        header = f"# {made.command}\n# units: {layout.at_once} at a time, of {layout.ranks} ranks: {units}\n"
        yield stage, header + "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"


@pytest.mark.parametrize("name", SCHEDULED)
def test_the_scripts_of_every_site_and_stage(name):
    made = dict(scripts(name))
    if os.environ.get("RENEW_GOLDEN"):
        for stage, text in made.items():
            (GOLDEN / f"{name}-{stage}.sh").write_text(text)
    wanted = {path.stem.removeprefix(f"{name}-"): path for path in GOLDEN.glob(f"{name}-*.sh")}
    wanted = {stage: path.read_text() for stage, path in wanted.items() if stage in made}
    assert made == wanted


def test_no_script_is_left_over():
    known = {f"{name}-{stage}" for name in SCHEDULED for stage in all_layouts(load_site(name))}
    assert {path.stem for path in GOLDEN.glob("*.sh")} == known


@pytest.mark.parametrize("name", shipped_site_names())
def test_parsl_takes_the_configuration_of_every_site(name, tmp_path):
    site = load_site(name)
    found = [site.layout(stage) for stage in ("prepare", "label", "train", "kmc", "report")]
    if site.jobs:
        found += [*layouts(site).values(), *(layout for _, layout in layouts_in_blocks(site).values())]
    pools = pools_of(found)
    config = build(site, tmp_path, pools=pools, environment={}, address="127.0.0.1")
    assert [executor.label for executor in config.executors] == [pool.name for pool in pools]
    assert all(executor.provider.init_blocks == 0 for executor in config.executors if site.jobs)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stage", get_args(StageName))
@pytest.mark.parametrize("name", shipped_site_names())
def test_parsl_takes_each_stage_of_every_site(name, stage, tmp_path):
    site = load_site(name)
    layout = site.layout(stage)
    (executor,) = build(site, tmp_path, pools=[layout.pool], environment={}, address="127.0.0.1").executors
    assert executor.encrypted
    assert executor.label == layout.pool.name
    assert (site.jobs is None) == (executor.provider.label == "local")
    assert (layout.ranks == 1) == (not layout.mpi_command)


def test_an_interface_that_is_not_there_is_refused():
    with pytest.raises(SiteError, match=r"no network interface hsn0 .* allowed here: .*lo"):
        driver_address(load_site("aurora"))


def test_a_machine_without_scheduler_has_no_scripts():
    site = load_site("local")
    with pytest.raises(SiteError, match="site local has no scheduler"):
        submit_script(site, site.layout("kmc").pool, {})


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "line",
    [
        "jobs: {{account: {}}}",
        "jobs: {{queue: {}}}",
        "jobs: {{qos: {}}}",
        "jobs: {{constraint: {}}}",
        "jobs: {{walltime: {}}}",
        "jobs: {{directives: [{}]}}",
        "queues: {{fast: {{limits: [{{nodes: [1, 2], walltime: null}}], partition: {}}}}}",
        "queues: {{{}: {{limits: [{{nodes: [1, 2], walltime: null}}]}}}}",
        "stages: {{kmc: {{queue: {}}}}}",
        "environment: {{{}: a}}",
        "interface: {}",
        "address: {}",
    ],
)
def test_nothing_of_a_site_file_reaches_a_shell_but_worker_init(tmp_path, line, text):
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    (tmp_path / "mine.yaml").write_text("extends: slurm\ncores_per_node: 2\n" + line.format(quoted) + "\n")
    with pytest.raises(SiteError, match=r"mine\.yaml:3:.*: got .*; allowed: "):
        load_site("./mine.yaml", tmp_path)


@pytest.mark.parametrize("text", ["#SBATCH -t 1\ntouch pwned", "touch pwned", "#PBS"])
def test_directives_are_comments_to_the_shell(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(f"extends: pbs\njobs: {{directives: [{text!r}]}}\n".replace("'", '"'))
    with pytest.raises(SiteError, match=r"jobs\.directives\.0"):
        load_site("./mine.yaml", tmp_path)


def test_values_of_variables_reach_the_workers_as_they_are(tmp_path):
    value = "$(touch pwned) `touch pwned`; touch pwned ' \" \\ $HOME %s {block_id}"
    site = load_site("slurm").model_copy(update={"environment": {"VALUE": value}})
    script = tmp_path / "script.sh"
    script.write_text(submit_script(site, site.layout("kmc").pool, {}).text)
    program = tmp_path / "bin" / "process_worker_pool.py"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf %s "$VALUE"\n')
    program.chmod(0o755)
    text = script.read_text().replace("process_worker_pool.py", str(program))
    script.write_text(text)
    said = subprocess.run(["bash", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert said.stdout == value
    assert not (tmp_path / "pwned").exists()

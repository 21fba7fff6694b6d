"""How many ranks train, on which cores or GPUs, and how they are started."""

from pathlib import Path

import pytest

from jobs.unit import Unit
from launch.campaign import load_campaign
from launch.training_layout import training_layout
from launch.units import _command
from site_configs import SiteError, load_site

CAMPAIGN = """\
schema_version: 1
name: layout
seed: 7
workdir: work
resources: {{train: {resources}}}
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label: {{compositions: [equimolar], cells: [5, 5, 5], vacancies_per_composition: 12}}
train:
  models: [{{name: main, kind: mlp}}]
  test_compositions: 0
  {train}
"""
MINE = "cores_per_node: 4\ngpus_per_node: {gpus}\ndescription: mine\n"
CLUSTER = 'extends: slurm\njobs: {walltime: "01:00:00", at_most: 3}\n'


@pytest.fixture
def layout(tmp_path):
    def make(train, *, gpus=0, resources="{}", cluster=False):
        (tmp_path / "c.yaml").write_text(CAMPAIGN.format(train=train, resources=resources))
        extends = CLUSTER if cluster else "extends: local\n"
        (tmp_path / "mine.yaml").write_text(extends + MINE.format(gpus=gpus))
        return training_layout(load_site("./mine.yaml", tmp_path), load_campaign(tmp_path / "c.yaml"))

    return make


def command(layout, backend):
    unit = Unit("train", "u", Path("/w"), 1, layout.ranks, {"backend": backend}, ())
    return " ".join(_command(unit, layout))


def test_one_rank_needs_no_launcher(layout):
    alone = layout("epochs: 3")
    assert (alone.ranks, alone.mpi_command, alone.at_once, alone.pool.workers) == (1, (), 4, 4)
    assert "mpiexec" not in command(alone, "single")
    assert "torch.distributed" not in command(alone, "single")


def test_several_ranks_share_the_cores(layout):
    two = layout("backend: horovod\n  ranks: 2")
    assert (two.ranks, two.at_once, two.pool.on_gpus) == (2, 2, False)
    assert command(two, "horovod").startswith("mpiexec -n 2 ")
    assert "-m torch.distributed.run --standalone --nproc-per-node=2 -m jobs.train" in command(two, "ddp")
    with pytest.raises(SiteError, match=r"train\.ranks: got 5 on a node; allowed on site mine: at most 4"):
        layout("backend: ddp\n  ranks: 5")


def test_horovod_spreads_over_nodes(layout):
    spread = layout("backend: horovod\n  ranks: 6", resources="{nodes: 2}", cluster=True)
    assert (spread.ranks, spread.pool.nodes, spread.pool.workers, spread.at_once) == (6, 2, 1, 3)
    assert command(spread, "horovod").startswith("srun --nodes 2 --ntasks 6 --ntasks-per-node 3 ")
    assert (
        layout("backend: horovod\n  ranks: 6", resources="{ranks_per_node: 2}", cluster=True).pool.nodes == 3
    )
    with pytest.raises(SiteError, match=r"train\.ranks: got 5 on 2 nodes; allowed: a multiple"):
        layout("backend: horovod\n  ranks: 5", resources="{nodes: 2}", cluster=True)


def test_each_rank_has_a_gpu(layout):
    alone = layout("epochs: 3", gpus=2)
    assert (alone.ranks, alone.at_once, alone.pool.on_gpus) == (1, 2, True)
    two = layout("backend: ddp\n  ranks: 2", gpus=2, cluster=True)
    assert (two.ranks, two.at_once, two.pool.workers, two.pool.on_gpus) == (2, 3, 1, True)
    unbound = "env -u CUDA_VISIBLE_DEVICES -u ROCR_VISIBLE_DEVICES -u ZE_AFFINITY_MASK "
    assert command(two, "ddp").startswith(unbound)
    assert "VISIBLE" not in command(alone, "single")
    assert not layout("device: cpu", gpus=2).pool.on_gpus
    with pytest.raises(
        SiteError, match=r"site mine has 2 on a node, one for each rank; or train\.device: cpu"
    ):
        layout("backend: ddp\n  ranks: 3", gpus=2)
    with pytest.raises(SiteError, match="a GPU is asked for, and there is none on site mine"):
        layout("device: cuda", gpus=0)

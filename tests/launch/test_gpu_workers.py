"""What binds a worker to its GPU, as it stands in the environment of what the worker runs."""

import pytest

from jobs.apps import GPU_VARIABLES
from jobs.unit import Unit
from launch.dispatch import dispatcher
from launch.units import Order
from nnk.files import Workdir
from site_configs import load_site

SITE = """\
extends: local
description: two made-up GPUs
gpus_per_node: 2
gpu_variable: {variable}
environment: {{HIP_VISIBLE_DEVICES: "0,1"}}
"""
WAIT = "env > {mine}; until test -e {other}; do sleep 0.1; done"


def environment_of(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)


@pytest.mark.parametrize("variable", ["ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"])
def test_each_worker_has_a_gpu_of_its_own_by_one_variable(tmp_path, variable):
    (tmp_path / "gpus.yaml").write_text(SITE.format(variable=variable))
    site = load_site("./gpus.yaml", tmp_path)
    layout, workdir = site.gpu_layout("kmc"), Workdir(tmp_path / "work")
    files = [tmp_path / "a", tmp_path / "b"]
    with dispatcher(site, workdir, 1, [layout.pool], print) as parsl:
        futures = []
        for mine, other in (files, files[::-1]):  # each ends when both are at work
            unit = Unit("kmc", mine.name, workdir.root, 1, 1, {}, ())
            command = ("sh", "-c", WAIT.format(mine=mine, other=other))
            futures.append(parsl.submit(Order(unit, layout.pool.name, command=command)))
        assert [future.result(timeout=120) for future in futures] == [0, 0]
    found = [environment_of(path) for path in files]
    assert sorted(one[variable] for one in found) == ["0", "1"]
    for one in found:
        others = {*GPU_VARIABLES, "HIP_VISIBLE_DEVICES"} - {variable}
        assert not others & one.keys()

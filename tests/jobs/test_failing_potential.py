"""A potential that fails now and then: labels that say so among labels that are as they would have been."""

import os
import subprocess
import sys

import numpy as np
import pytest

from jobs.merge import merge_labels
from jobs.unit import Unit, UnitItem
from nnk.barriers import BarrierSet, Flag
from nnk.files import Workdir, read_records
from nnk.potentials import AseCalculator

NAME = "Cu50Ni50"
MODULE = '''
import numpy as np
from ase.calculators.emt import EMT


class Moody(EMT):
    """EMT that gives no numbers, or up, at one evaluation of its life, and again when it is made anew."""

    def __init__(self, nan_at=0, error_at=0):
        super().__init__()
        self.nan_at, self.error_at, self.evaluations = nan_at, error_at, 0

    def calculate(self, *arguments):
        super().calculate(*arguments)
        self.evaluations += 1
        if self.evaluations == self.nan_at:
            self.results["forces"] = self.results["forces"] * np.nan
        if self.evaluations == self.error_at:
            raise RuntimeError("no convergence")
'''


def unit_of(root, stage, items, calculator, **options):
    settings = {
        "seed": 3,
        "elements": ["Cu", "Ni"],
        "structure": "fcc",
        "potential": AseCalculator(calculator, options).to_json(),
        "cells": [3, 3, 3],
        "compositions": {NAME: {"Cu": 0.5, "Ni": 0.5}},
        "search": {"max_force_eV_A": 0.02, "connect": False, "method": "search"},
        "box": "zero-pressure",
        "ranks_per_barrier": 1,
        "samples": None,
        "far_field": None,
        "sites": {},
    }
    (root / "epoch").write_text("1")
    unit = Unit(stage, f"000001-{stage}-{len(options)}", root, 1, 1, settings, tuple(items))
    unit.save()
    return unit


def run(unit, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
    command = [sys.executable, "-P", "-m", f"jobs.{unit.stage}", str(unit.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr


VACANCY = UnitItem(f"{NAME}/s0000/v00000", "0" * 32, "g", {"composition": NAME, "sample": 0, "vacancy": 0})


def labels_of(root):
    unit = unit_of(root, "label", [], "ase.calculators.emt.EMT")
    merge_labels(Workdir(root), [VACANCY.hash], unit.fence)
    labels = BarrierSet.load(Workdir(root).labels_file)
    return labels.select(np.argsort(labels.jump))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Folders of three campaigns that are alike but for the potential, with what the labels need."""
    first = tmp_path_factory.mktemp("good")
    (first / "moody.py").write_text(MODULE)
    items = [
        UnitItem("system", "s" * 32, "g"),
        UnitItem(f"lattice/{NAME}", "l" * 32, "g", {"composition": {"Cu": 0.5, "Ni": 0.5}, "a_A": 3.56}),
    ]
    run(unit_of(first, "prepare", items, "ase.calculators.emt.EMT"), first)
    return first


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"nan_at": 60}, "is not finite"), ({"error_at": 60}, "RuntimeError: no convergence")],
)
def test_one_bad_state_is_one_failed_label(options, reason, prepared, tmp_path):
    for path in (prepared / "labels").rglob("*.json"):
        target = tmp_path / path.relative_to(prepared)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    if not list((prepared / "labels").glob("*.nc")):
        run(unit_of(prepared, "label", [VACANCY], "ase.calculators.emt.EMT"), prepared)
    good = labels_of(prepared)
    run(unit_of(tmp_path, "label", [VACANCY], "moody.Moody", **options), prepared)
    labels = labels_of(tmp_path)
    (record,) = [r for r in read_records(Workdir(tmp_path), "label") if r["state"] != "started"]
    assert record["state"] == "done"
    failed = labels.flag == Flag.ERROR
    assert failed.any()
    assert not failed.all()
    assert not labels.usable[failed].any()
    assert all(reason in text for text in np.array(labels.reason)[failed])
    np.testing.assert_allclose(labels.E_fwd_eV[~failed], good.E_fwd_eV[~failed], atol=1e-9)

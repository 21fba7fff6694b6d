"""Starts and models of kinetic Monte Carlo runs."""

import dataclasses

import numpy as np
import pytest

from jobs.kmc import model_of, start_of, trajectory_file
from jobs.unit import Unit, UnitItem
from nnk.files import Workdir


def unit_of(root, **settings):
    common = {
        "seed": 3,
        "elements": ["Nb", "Mo", "Ta"],
        "structure": "bcc",
        "cells": [4, 4, 4],
        "a_A": 3.24,
        "vacancies": 1,
    }
    return Unit("kmc", "u", root, 1, 1, {**common, **settings}, ())


def item_of(temperature_K=800.0, replica=0, start=None, **more):
    inputs = {
        "case": "c",
        "temperature_K": temperature_K,
        "replica": replica,
        "composition": {"Nb": 0.5, "Mo": 0.25, "Ta": 0.25},
        "start": start or {"kind": "random"},
        **more,
    }
    return UnitItem("c/T0800.0K/r000", "h", "g", inputs)


def file_start(path, frame="last"):
    return {"kind": "file", "file": str(path), "frame": frame}


def test_a_random_start_has_exact_counts_and_one_vacancy(tmp_path):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    assert lattice.a_A == 3.24
    assert (occupancy == 0).sum() == 1
    counts = np.bincount(occupancy, minlength=4)[1:]
    assert (np.array([64, 32, 32]) - counts).tolist() in ([1, 0, 0], [0, 1, 0], [0, 0, 1])


def test_replicas_start_differently_temperatures_alike(tmp_path):
    unit = unit_of(tmp_path)
    first = start_of(unit, item_of())[1]
    np.testing.assert_array_equal(first, start_of(unit, item_of(temperature_K=1200.0))[1])
    assert (first != start_of(unit, item_of(replica=1))[1]).any()
    assert (first != start_of(unit_of(tmp_path, seed=4), item_of())[1]).any()


def dump(path, lattice, types):
    edge = "\n".join(f"0 {edge!r}" for edge in lattice.box_A.tolist())
    rows = [
        f"{i + 1} {t} {x!r} {y!r} {z!r}"
        for i, (t, (x, y, z)) in enumerate(zip(types, lattice.positions_A.tolist(), strict=True))
        if t
    ]
    head = f"ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n{len(rows)}\nITEM: BOX BOUNDS pp pp pp\n{edge}\n"
    path.write_text(head + "ITEM: ATOMS id type x y z\n" + "\n".join(rows) + "\n")


@pytest.mark.parametrize("n_vacancies", [0, 1])
def test_a_start_file_is_taken_as_it_is(tmp_path, n_vacancies):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    if not n_vacancies:
        occupancy[occupancy == 0] = 1
    dump(tmp_path / "start.dump", lattice, occupancy)
    _, found = start_of(unit_of(tmp_path), item_of(start=file_start(tmp_path / "start.dump")))
    assert (found == 0).sum() == 1
    filled = found > 0
    np.testing.assert_array_equal(found[filled], occupancy[filled])


@pytest.mark.parametrize(
    ("cells", "emptied", "message"), [([5, 4, 4], 0, "kmc.cells says"), ([4, 4, 4], 1, "2 vacancies")]
)
def test_a_start_file_that_does_not_fit_is_refused(tmp_path, cells, emptied, message):
    lattice, occupancy = start_of(unit_of(tmp_path), item_of())
    occupancy[np.flatnonzero(occupancy)[:emptied]] = 0
    dump(tmp_path / "start.dump", lattice, occupancy)
    unit, start = unit_of(tmp_path, cells=cells), file_start(tmp_path / "start.dump")
    with pytest.raises(ValueError, match=message):
        start_of(unit, item_of(start=start))


def test_a_pickle_is_read_only_if_it_is_trusted(tmp_path):
    choice = {"published": "nkk", "file": str(tmp_path / "weights.npy"), "allow_pickle": False}
    with pytest.raises(ValueError, match="allow_pickle"):
        model_of(unit_of(tmp_path, model=choice))


def test_the_published_network_is_numbered_as_the_campaign(tmp_path, nkk_weights):
    choice = {"published": "nkk", "file": str(nkk_weights), "allow_pickle": True}
    unit = unit_of(tmp_path, model=choice, elements=["Ta", "Nb", "Mo"])
    assert tuple(model_of(unit).elements) == ("Ta", "Nb", "Mo")


def test_a_run_goes_where_the_plan_looks_for_it(tmp_path):
    path = trajectory_file(Workdir(tmp_path), item_of())
    assert path == tmp_path / "kmc" / "c" / "T0800.0K" / "r000.nc"


def test_units_survive_their_file(tmp_path):
    (tmp_path / "epoch").write_text("1")
    unit = dataclasses.replace(unit_of(tmp_path), items=(item_of(),))
    assert Unit.load(unit.save()) == unit

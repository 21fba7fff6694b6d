"""Networks as models: what their files and hashes hold, weights that do not fit, and runs that ask them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.kmc.engine import Engine, RunConditions
from nnk.kmc.sources import source_hash, source_of
from nnk.lattice import Lattice
from nnk.models import NetworkModel, load
from nnk.networks.kinds import network_class, options_of
from nnk.networks.setting import Setting, Start

ELEMENTS = ("Nb", "Mo", "Ta")
LATTICE = Lattice.bcc((5, 5, 5), 3.2)


def make_model(kind="neuron-map-cnn", seed=0, **options):
    setting = Setting(ELEMENTS, "bcc", 2, 3.2)
    chosen = options_of(kind, options or {"filters": [4, 4, 4, 4]})
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        network = network_class(kind)(setting, chosen).eval()
        torch.nn.init.normal_(network.out.weight)
    return network.export(Start(np.full(3, 1.5), np.full(3, 1.5), 0.25), {"source": "invented"})


def occupancy_of(seed):
    occupancy = np.random.default_rng(seed).integers(1, 4, LATTICE.n_sites).astype(np.uint8)
    occupancy[0] = 0
    return occupancy


def test_output_is_in_units_of_the_start():
    model, occupancy = make_model(), occupancy_of(1)
    barriers = model.barriers(occupancy, 0, LATTICE)
    other = replace(model, shift_eV=2.0, scale_eV=0.5)
    np.testing.assert_allclose(other.barriers(occupancy, 0, LATTICE), 2.0 + 2 * (barriers - 1.5), atol=1e-12)


def test_a_run_asks_it(tmp_path):
    model, occupancy = make_model(), occupancy_of(2)
    model.save(tmp_path)
    runs = [Engine(LATTICE, occupancy, m, RunConditions(1000.0, 4)) for m in (model, load(tmp_path))]
    for engine in runs:
        engine.advance(50)
    np.testing.assert_array_equal(runs[0].occupancy, runs[1].occupancy)
    assert (runs[0].occupancy != occupancy).any()


@pytest.mark.parametrize(
    "change", [{"shift_eV": 1.6}, {"scale_eV": 0.3}, {"a_A": 3.3}, {"elements": ("Mo", "Nb", "Ta")}]
)
def test_whatever_changes_barriers_changes_the_hash(change):
    model = make_model()
    again, changed = (source_hash(source_of(m, LATTICE)) for m in (make_model(), replace(model, **change)))
    assert again == source_hash(source_of(model, LATTICE)) != changed


def test_weights_of_another_architecture_are_refused(tmp_path):
    model = make_model()
    other = replace(model, options=options_of("neuron-map-cnn", {"filters": [5, 4, 4, 4]}))
    with pytest.raises(ValueError, match="do not belong to this 'neuron-map-cnn' network"):
        other.barriers(occupancy_of(3), 0, LATTICE)


def test_files_without_the_networks_numbers_are_refused(tmp_path, monkeypatch):
    model = make_model()
    arrays = {name: array for name, array in model.tensors().items() if name != "scale_eV"}
    monkeypatch.setattr(NetworkModel, "tensors", lambda self: arrays)
    model.save(tmp_path)
    with pytest.raises(ValueError, match="needs the array 'scale_eV'"):
        load(tmp_path)


def test_elsewhere_it_is_the_same_model():
    model, occupancy = make_model(), occupancy_of(4)
    there = model.on("cpu:0")
    np.testing.assert_array_equal(
        there.barriers(occupancy, 0, LATTICE), model.barriers(occupancy, 0, LATTICE)
    )
    assert there.details() == model.details()

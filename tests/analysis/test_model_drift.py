"""Drift of models side by side: lengths by the lattice, the same loops for all, fewer for slow ones."""

import numpy as np
import pytest

from analysis.model_drift import FEWEST_LOOPS, MOST_S, drift_figure, loops_in_time, model_drift
from analysis.networks import Network
from analysis.options import ModelsOptions
from analysis.style import paper_style
from nnk.models.network_model import NetworkModel
from nnk.networks.kinds import network_class, options_of
from nnk.networks.setting import Setting
from nnk.observables.drift import LENGTHS

ELEMENTS = ("Cu", "Ni")
EQUAL = {"Cu": 0.5, "Ni": 0.5}


def torch_model(structure, kind="linear", seed=0):
    """An untrained network with random weights, evaluated by torch."""
    import torch

    setting, options = Setting(ELEMENTS, structure, 1, 3.6), options_of(kind, {})
    network = network_class(kind)(setting, options)
    generator = np.random.default_rng(seed)
    weights = {
        name: generator.normal(0, 0.1, value.shape).astype(np.float32)
        for name, value in network.state_dict().items()
        if value.dtype == torch.float32
    }
    return NetworkModel(
        elements=ELEMENTS,
        structure=structure,
        shells=1,
        network=kind,
        options=options,
        reads=network.reads,
        balanced=network.detailed_balance,
        a_A=3.6,
        numbering=ELEMENTS,
        shift_eV=1.0,
        scale_eV=1.0,
        weights=weights,
    )


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_networks_that_only_torch_runs_are_led_around_loops_of_their_lattice(structure):
    model = torch_model(structure)
    assert model.compiled() is None
    found = model_drift(Network("torch", model, True), ModelsOptions(loops=6), EQUAL, seed=1)
    assert tuple(d.length for d in found.drifts) == LENGTHS[structure]
    assert {len(d.left_eV) for d in found.drifts} == {6}
    assert np.mean(np.abs(found.drifts[-1].left_eV)) > np.mean(np.abs(found.drifts[0].left_eV)) > 1e-4


def test_models_that_say_the_same_drift_alike_and_stand_in_one_figure():
    model = torch_model("fcc")
    networks = [Network(name, model, True) for name in ("first", "second")]
    found = [model_drift(n, ModelsOptions((3, 8), loops=5), EQUAL, seed=1) for n in networks]
    for a, b in zip(*(f.drifts for f in found), strict=True):
        np.testing.assert_allclose(a.left_eV, b.left_eV)
    with paper_style():
        product = drift_figure(found, "equal shares of Cu, Ni")
    (panel,) = product.figure.axes
    assert [text.get_text() for text in product.figure.legends[0].get_texts()] == ["first", "second"]
    assert panel.containers[1].lines[0].get_ydata() == pytest.approx(
        [1000 * np.abs(d.left_eV).mean() for d in found[1].drifts]
    )
    assert "5 random loops of each length." in product.caption


@pytest.mark.parametrize(
    ("jump_s", "expected"),
    [(0.001, [100, 100]), (0.5, [100, 6]), (50.0, [FEWEST_LOOPS, FEWEST_LOOPS])],
)
def test_slow_models_walk_fewer_loops(jump_s, expected):
    assert loops_in_time((4, 100), 100, jump_s) == expected
    if expected[-1] > FEWEST_LOOPS:
        spent_s = sum(length * loops * jump_s for length, loops in zip((4, 100), expected, strict=True))
        assert spent_s <= MOST_S

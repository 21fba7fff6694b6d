"""The networks of the papers, as they are printed."""

import numpy as np
import pytest
import torch
from torch import nn

from nnk.environment import EnvironmentSpec
from nnk.models import MlpModel
from nnk.networks.kinds import network_class, options_of
from nnk.networks.setting import Setting, Start

SETTING = Setting(("Nb", "Mo", "Ta"), "bcc", 8, 3.24)
START = Start(np.full(3, 1.5), np.full(3, 1.5), 0.25)


def make(kind, setting=SETTING, **options):
    torch.manual_seed(1)
    return network_class(kind)(setting, options_of(kind, options))


def shapes(network, layer):
    return [tuple(module.weight.shape) for module in network.modules() if isinstance(module, layer)]


def random_jumps(setting, m=9, seed=2):
    rng = np.random.default_rng(seed)
    species = rng.integers(1, setting.n_species + 1, (m, setting.union.n_env)).astype(np.uint8)
    return torch.tensor(species), torch.tensor(rng.integers(1, setting.n_species + 1, m).astype(np.uint8))


@pytest.mark.parametrize("layers", [4, 8, 12, 16])
def test_density_network(layers):
    network = make("sdm-cnn", layers=layers)
    assert shapes(network, nn.Conv3d) == [(60, 3, 3, 3, 3), *[(60, 60, 3, 3, 3)] * (layers - 1)]
    assert shapes(network, nn.Linear) == [(1, 60 * 4**3)]
    pooled = [i for i, module in enumerate(network.layers) if isinstance(module, nn.MaxPool3d)]
    per_group = 3 * layers // 4  # convolution, batch normalisation, ReLU
    assert pooled == [per_group, 2 * per_group + 1, 3 * per_group + 2]
    assert len(network.last) == per_group
    assert network.maps.grid.edge == 32
    assert 7.3 < network.maps.grid.cutoff_A < 8.0  # between shells 8 and 9, as 7.6 is


def test_density_network_sees_a_turn_about_the_jump_only_as_voxels_do():
    network = make("sdm-cnn", layers=4, filters=4, half_edge_A=8.0, voxel_A=1.0).eval()
    nn.init.normal_(network.out.weight)
    species, mover = random_jumps(SETTING)
    initial = torch.cat([species, mover[:, None]], dim=1)[:, network.before]
    quarter = torch.full((9,), np.pi / 2)
    straight, turned = network.maps(initial), network.maps(initial, quarter)
    torch.testing.assert_close(turned, straight.rot90(1, (3, 2)), atol=1e-5, rtol=1e-5)
    with torch.no_grad():
        assert not torch.allclose(network.barrier(initial, mover), network.barrier(initial, mover, quarter))


def test_bfloat16_leaves_the_last_group_alone():
    network = make("sdm-cnn", layers=4, filters=8, voxel_A=1.0)
    nn.init.normal_(network.out.weight)
    species, mover = random_jumps(SETTING)
    seen = []
    for part in (network.layers[0], network.last[0]):
        part.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    with torch.autocast("cpu", torch.bfloat16):
        output = network(species, mover)
    assert seen == [torch.bfloat16, torch.float32]
    assert output.forward.dtype == torch.float32


def test_neuron_map_networks():
    network = make("neuron-map-cnn")
    assert shapes(network, nn.Conv3d) == [
        (32, 1, 3, 3, 3),
        (64, 32, 3, 3, 3),
        (128, 64, 3, 3, 3),
        (128, 128, 3, 3, 3),
    ]
    assert shapes(network, nn.Linear) == [(1, 128)]
    network = make("neuron-map-mlp")
    assert shapes(network, nn.Linear) == [(128, 112), *[(128, 128)] * 3, (1, 128)]


def test_linear_regression_is_a_sum_over_the_sites():
    network = make("linear")
    nn.init.normal_(network.table)
    nn.init.normal_(network.bias)
    model = network.export(START, {})
    assert isinstance(model, MlpModel)
    rng = np.random.default_rng(0)
    species = rng.integers(0, 4, (20, model.environment.n_env)).astype(np.uint8)
    table = np.pad(network.table.detach().double().numpy(), ((0, 0), (1, 0)))
    total = table[np.arange(species.shape[1]), species].sum(axis=1) + float(network.bias.detach())
    np.testing.assert_allclose(model.predict(species, species[:, 0]), 1.5 + 0.25 * total, atol=1e-5)


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
@pytest.mark.parametrize("difference", ["free", "soft", "hard", "kolmogorov"])
def test_forms_of_the_energy_difference(structure, difference):
    setting = Setting(("Cu", "Ni"), structure, 3, 3.5)
    network = make("fingerprint", setting, difference=difference, hidden=[8], penalty=0.7).eval()
    for part in (network.kra, network.dE):
        nn.init.normal_(part.out.weight)
        nn.init.normal_(part.out.bias)
    species, mover = random_jumps(setting)
    with torch.no_grad():
        output = network(species, mover)
        reverse = network(species[:, torch.tensor(setting.union.inversion)], mover)
        own = network.energy_differences(species, mover)
        network.dE.out.weight.zero_()
        network.dE.out.bias.zero_()
        kra, same, *_ = network(species, mover)
    # the reverse jump's network sees the same two states in the other order
    torch.testing.assert_close(reverse.forward, output.backward)
    torch.testing.assert_close(reverse.backward, output.forward)
    torch.testing.assert_close(kra, same)
    there, back = 2 * (output.forward - kra), 2 * (output.backward - kra)
    assert there.std() > 0.01
    assert output.differences is None
    if difference == "free":
        assert own is None  # what there and back have in common may as well be part of KRA
    else:
        torch.testing.assert_close(own, torch.stack([there, back]))
    if difference in ("hard", "kolmogorov"):
        torch.testing.assert_close(there, -back)
    else:
        assert (there + back).abs().max() > 0.01
    if difference == "soft":
        torch.testing.assert_close(output.penalty, 0.7 * (there + back).abs())
    else:
        assert output.penalty is None


@pytest.mark.parametrize("difference", ["free", "soft", "hard", "kolmogorov"])
def test_energy_differences_that_are_taught_stand_beside_the_barriers(difference):
    setting = Setting(("Cu", "Ni"), "fcc", 3, 3.5)
    options = {"difference": difference, "hidden": [8], "difference_weight": 0.5}
    network = make("fingerprint", setting, **options).eval()
    nn.init.normal_(network.dE.out.weight)
    with torch.no_grad():
        output = network(*random_jumps(setting))
        own = network.energy_differences(*random_jumps(setting))
    assert output.differences.shape == (2, 9)
    torch.testing.assert_close(output.differences, own)
    torch.testing.assert_close(output.forward - output.backward, (own[0] - own[1]) / 2)


def test_kolmogorov_difference_is_of_states_alone():
    setting = Setting(("Cu", "Ni"), "fcc", 3, 3.5)
    network = make("fingerprint", setting, difference="kolmogorov", hidden=[8]).eval()
    nn.init.normal_(network.dE.out.weight)
    species, mover = random_jumps(setting)
    union, state = setting.union, EnvironmentSpec("fcc", 3, "initial")
    seen_before = {tuple(row) for row in state.canonical}
    beyond = torch.tensor([tuple(row) not in seen_before for row in union.canonical])
    other = torch.where(beyond, 3 - species.long(), species.long()).to(torch.uint8)
    with torch.no_grad():
        first = network.state(species, mover)[0], network.state(other, mover)[0]
        second = network.state(species, mover)[1], network.state(other, mover)[1]
    torch.testing.assert_close(*first)  # the initial state does not know what only the final one sees
    assert not torch.allclose(*second)

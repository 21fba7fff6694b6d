"""Batch normalisation: torch's own on one rank; the same on two, however unequal their shares."""

import pytest
import torch
from torch import nn

from nnk.networks.batch_norm import BatchNorm, synchronise

SHAPES = {nn.BatchNorm1d: (7, 5), nn.BatchNorm3d: (4, 5, 3, 2, 2)}


def both(reference_class, add_up):
    torch.manual_seed(0)
    reference, ours = reference_class(5, momentum=0.2), BatchNorm(5, momentum=0.2)
    with torch.no_grad():
        for weights in (reference.weight, reference.bias):
            weights.normal_()
    ours.load_state_dict(reference.state_dict(), strict=False)
    synchronise(nn.Sequential(nn.Identity(), ours), add_up)
    return reference, ours


@pytest.mark.parametrize("add_up", [None, lambda values: values], ids=["alone", "summed"])
@pytest.mark.parametrize("reference_class", SHAPES)
def test_on_one_rank_it_is_torchs(reference_class, add_up):
    reference, ours = both(reference_class, add_up)
    for _ in range(3):
        values = 30 + 2 * torch.randn(SHAPES[reference_class])
        x, y = values.clone().requires_grad_(), values.clone().requires_grad_()
        for module, inputs in ((reference, x), (ours, y)):
            (module(inputs) ** 3).sum().backward()
        torch.testing.assert_close(y.grad, x.grad, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(ours.weight.grad, reference.weight.grad, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.running_mean, reference.running_mean)
    torch.testing.assert_close(ours.running_var, reference.running_var)
    reference.eval(), ours.eval()
    torch.testing.assert_close(ours(values), reference(values))


@pytest.mark.parametrize("add_up", [None, lambda values: values], ids=["alone", "summed"])
def test_a_single_value_has_no_variance(add_up):
    _, ours = both(nn.BatchNorm1d, add_up)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        ours(torch.ones(1, 5))


def test_halves_come_out_as_halves():
    _, ours = both(nn.BatchNorm1d, lambda values: values)
    assert ours(torch.randn(6, 5, dtype=torch.bfloat16)).dtype == torch.bfloat16


PROGRAM = """
import sys
import torch
from torch import nn
from nnk.networks.batch_norm import BatchNorm, synchronise
from nnk.training.backends import open_backend

with open_backend(sys.argv[1], ranks=2) as ranks:
    for first in (5, 8, 1):  # of the 8 samples on rank 0; an empty share must do
        torch.manual_seed(first)
        whole, mine = nn.BatchNorm3d(3), BatchNorm(3)
        synchronise(mine, ranks.differentiable_total)
        for _ in range(2):
            values, weight = 20 + torch.randn(8, 3, 2, 2, 2), torch.randn(8, 3, 2, 2, 2)
            share = slice(0, first) if ranks.rank == 0 else slice(first, 8)
            x, y = values.clone().requires_grad_(), values[share].clone().requires_grad_()
            whole.zero_grad(), mine.zero_grad()
            expected, found = whole(x), mine(y)
            (expected * weight).sum().backward()
            (found * weight[share]).sum().backward()
            ranks.add_gradients(mine.parameters())
            close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5)
            close(found, expected[share])
            close(y.grad, x.grad[share])
            close(mine.weight.grad, whole.weight.grad)
            close(mine.bias.grad, whole.bias.grad)
            close(mine.running_mean, whole.running_mean)
            close(mine.running_var, whole.running_var)
    summed = ranks.total(torch.tensor([ranks.rank + 1.0], dtype=torch.float64))
    assert summed.item() == 3 and summed.dtype == torch.float64
    assert ranks.any(ranks.rank == 1) and not ranks.any(False)
    assert (ranks.world_size, str(ranks.device)) == (2, "cpu")
"""


@pytest.mark.parametrize("backend", ["ddp", "horovod"])
def test_on_two_ranks_it_is_that_of_the_whole_batch(backend, tmp_path, on_two_ranks):
    (tmp_path / "program.py").write_text(PROGRAM)
    on_two_ranks(backend, tmp_path / "program.py", backend)

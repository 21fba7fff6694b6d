"""Many cells at once give what each gives alone."""

import numpy as np
import pytest
import torch

from nnk.potentials.mtp import MtpForceField
from nnk.potentials.mtp.batched import BatchedMtp

SPECIES = ("Nb", "Mo", "Ta", "W")
SIZES = (100, 73, 20)
CELLS_A = torch.tensor([[12.0, 13.0, 14.0], [12.5, 11.0, 12.0], [3.9, 17.0, 5.5]], dtype=torch.float64)


@pytest.fixture(scope="module")
def file(nnk_data):
    path = nnk_data / "potentials" / "NbMoTaW.mtp"
    if not path.is_file():
        pytest.skip(f"published potential: no file {path}")
    return path


@pytest.fixture(scope="module")
def cells():
    """Cells of different sizes: elements, and positions no closer than in a hot crystal."""
    rng = np.random.default_rng(1)
    species, positions = [], torch.full((3, max(SIZES), 3), 5.0, dtype=torch.float64)
    for k, size in enumerate(SIZES):
        counts = np.maximum(np.round(CELLS_A[k].numpy() / 2.6), 1).astype(int)
        grid = np.stack(np.meshgrid(*[np.arange(c) / c for c in counts], indexing="ij"), axis=-1).reshape(
            -1, 3
        )
        chosen = rng.permutation(len(grid))[:size]
        species.append(rng.choice(SPECIES, len(chosen)).tolist())
        sites = grid[chosen] * CELLS_A[k].numpy() + 0.1 * rng.standard_normal((len(chosen), 3))
        positions[k, : len(chosen)] = torch.tensor(sites)
    return species, positions


def alone(file, species, positions):
    engine = MtpForceField(file, SPECIES)
    results = []
    for k, names in enumerate(species):
        engine.set(names, CELLS_A[k].numpy())
        results.append(engine.energy_forces(positions[k, : len(names)].numpy()))
    return results


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 2e-5)])
def test_batch_agrees_with_single_cells(file, cells, dtype, tolerance):
    species, positions = cells
    batched = BatchedMtp(file, SPECIES, dtype=dtype)
    tables = batched.tables(species, CELLS_A, positions)
    rng = np.random.default_rng(2)
    moved = positions + 0.05 * torch.tensor(rng.uniform(-1, 1, positions.shape))
    images = moved + CELLS_A[:, None] * torch.tensor(rng.integers(-2, 3, positions.shape))
    assert not tables.stale(images).any()
    energies, forces = batched.energies_forces(images, tables)
    assert energies.dtype == torch.float64
    assert forces.dtype == dtype
    for k, (energy, expected) in enumerate(alone(file, species, moved)):
        scale = np.abs(expected).max()
        assert float(energies[k]) == pytest.approx(energy, abs=tolerance * len(expected))
        assert forces[k, : len(expected)].numpy() == pytest.approx(expected, abs=tolerance * scale)
        assert not forces[k, len(expected) :].any()


def test_a_cell_gives_the_same_in_any_company_and_width(file, cells):
    species, positions = cells
    batched = BatchedMtp(file, SPECIES)
    energies, forces = batched.energies_forces(positions, batched.tables(species, CELLS_A, positions))
    wider = batched.tables(species[:2], CELLS_A[:2], positions[:2], skin_A=0.9, width=64)
    other_energies, other_forces = batched.energies_forces(positions[:2], wider)
    assert other_energies.numpy() == pytest.approx(energies[:2].numpy(), abs=1e-10)
    assert other_forces.numpy() == pytest.approx(forces[:2].numpy(), abs=1e-10)


def test_tables_say_when_they_no_longer_hold(file, cells):
    species, positions = cells
    batched = BatchedMtp(file, SPECIES)
    tables = batched.tables(species, CELLS_A, positions, skin_A=0.5)
    moved = positions.clone()
    moved[1, 3, 0] += 0.3
    assert tables.stale(moved).tolist() == [False, False, False]
    moved[1, 4, 1] -= 0.21
    assert tables.stale(moved).tolist() == [False, True, False]


def test_no_room_is_an_error(file, cells):
    species, positions = cells
    with pytest.raises(ValueError, match=r"width=4: an atom has \d+ neighbours within 5.3 Å"):
        BatchedMtp(file, SPECIES).tables(species, CELLS_A, positions, width=4)
    with pytest.raises(ValueError, match="expected 4 different elements"):
        BatchedMtp(file, SPECIES[:2])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_an_evaluation_can_be_recorded_as_a_cuda_graph(file, cells):
    species, positions = cells
    batched = BatchedMtp(file, SPECIES, device="cuda")
    at = positions.cuda()
    tables = batched.tables(species, CELLS_A, at)
    expected = batched.energies_forces(at, tables)
    torch.cuda.synchronize()
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        batched.energies_forces(at, tables)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        energies, forces = batched.energies_forces(at, tables)
    graph.replay()
    torch.cuda.synchronize()
    assert torch.equal(energies, expected[0])
    assert torch.equal(forces, expected[1])

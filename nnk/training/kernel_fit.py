"""The weights of a kernel regression, in closed form."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve, cholesky, solve_triangular

from nnk.files import rng
from nnk.lattice import IntArray
from nnk.networks.kernel import Fitted, KernelNetwork
from nnk.networks.options import KernelOptions
from nnk.networks.setting import Start
from nnk.training.data import Float64Array, JumpData

NOISE = 0.02  # eV^2, variance of a barrier beyond what the surroundings say
EXACT = 20000  # barriers that are all remembered: 3 GiB for their covariances
CENTRES = 8192  # of more of them so many are, chosen at random
_SEED = 0  # of that choice, the same for all data
_ROWS_AT_ONCE = 512

Barriers = tuple[torch.Tensor, torch.Tensor, Float64Array]  # species, mover, eV


def kernel_start(data: JumpData, train: IntArray, ridge: float) -> Start:
    """The regression of the training labels `train` int64[...]; labels of one direction count too.

    `ridge` is not read: the noise and the covariance say how smooth the barriers are.
    """
    network = KernelNetwork(data.setting, KernelOptions())
    both = np.stack([data.E_fwd_eV, data.E_bwd_eV])
    forward, backward = _known(both, train)
    barriers = _barriers(data, train)
    fitted = fit(network, barriers)
    network.take(fitted)
    known = np.isfinite(both)
    predicted = np.full(known.shape, np.nan)
    if len(fitted.weights) == len(
        barriers[2]
    ):  # what the fit leaves of a barrier is its weight times the noise
        remembered = np.split(barriers[2] - NOISE * fitted.weights, [len(forward)])
        predicted[0, forward], predicted[1, backward] = remembered
    _predict(network, data, known, predicted)
    missing = (both - predicted)[:, train]
    scale_eV = max(float(np.sqrt(np.nanmean(missing**2))), 1e-6)
    return Start(predicted[0], predicted[1], scale_eV, fitted)


def fitted_network(data: JumpData, train: IntArray) -> KernelNetwork:
    """A network that remembers the training labels `train` int64[...]."""
    network = KernelNetwork(data.setting, KernelOptions())
    network.take(fit(network, _barriers(data, train)))
    return network


@torch.inference_mode()
def predict(network: KernelNetwork, data: JumpData) -> Float64Array:
    """Forward and backward barriers of all jumps of `data` by a fitted network, float64[2, m], eV."""
    predicted = np.full((2, len(data)), np.nan)
    _predict(network, data, np.ones(predicted.shape, dtype=bool), predicted)
    return predicted


def _known(both: Float64Array, rows: IntArray) -> list[IntArray]:
    """Which of the `rows` have a forward barrier, and which a backward one, of those float64[2, m]."""
    return [rows[np.isfinite(E_eV[rows])] for E_eV in both]


def _barriers(data: JumpData, rows: IntArray) -> Barriers:
    """The known barriers of the labels `rows` int64[...], the forward ones first."""
    both = np.stack([data.E_fwd_eV, data.E_bwd_eV])
    forward, backward = _known(both, rows)
    species, mover = data.species, data.mover
    return (
        torch.tensor(np.concatenate([species[forward], species[backward][:, data.environment.inversion]])),
        torch.tensor(np.concatenate([mover[forward], mover[backward]])),
        np.concatenate([both[0, forward], both[1, backward]]),
    )


def fit(network: KernelNetwork, barriers: Barriers, *, exact: int = EXACT, centres: int = CENTRES) -> Fitted:
    """What `network` has to remember of `barriers`.

    Up to `exact` of them: the posterior mean of the Gaussian process. Of more, `centres` are remembered and
    all are fitted (subset of regressors, Rasmussen and Williams 2006, eq. 8.14).
    """
    species, mover, E_eV = barriers
    mean_eV = float(E_eV.mean())
    missing = E_eV - mean_eV
    if len(E_eV) <= exact:
        weights = _exact(network, species, mover, missing)
        return Fitted(species.numpy(), mover.numpy(), weights, mean_eV)
    chosen = np.sort(rng(_SEED, "kernel centres").permutation(len(E_eV))[:centres])
    weights = _from_centres(network, barriers, missing, chosen)
    return Fitted(species.numpy()[chosen], mover.numpy()[chosen], weights, mean_eV)


def _exact(
    network: KernelNetwork, species: torch.Tensor, mover: torch.Tensor, missing: Float64Array
) -> Float64Array:
    covariance = _symmetric(network, species, mover)
    covariance[np.diag_indices_from(covariance)] += NOISE
    # the lower triangle, seen as LAPACK does, is the upper one
    factor = cho_factor(covariance.T, lower=False, overwrite_a=True, check_finite=False)
    return np.asarray(cho_solve(factor, missing, check_finite=False))


def _symmetric(network: KernelNetwork, species: torch.Tensor, mover: torch.Tensor) -> Float64Array:
    """Covariances float64[n, n]; what stands above the blocks on the diagonal is 0."""
    n, places = len(mover), network.places(species)
    covariance = np.zeros((n, n))
    for first in range(0, n, _ROWS_AT_ONCE):
        last = min(n, first + _ROWS_AT_ONCE)
        rows, before = slice(first, last), tuple(place[:last] for place in places)
        block = network.covariances(species[rows], mover[rows], before, mover[:last])
        covariance[rows, :last] = block.numpy()
    return covariance


def _from_centres(
    network: KernelNetwork, barriers: Barriers, missing: Float64Array, chosen: IntArray
) -> Float64Array:
    """Least squares of all barriers by the functions of the `chosen` ones, whitened."""
    species, mover, _ = barriers
    places, standing = network.places(species[chosen]), mover[chosen]
    own = _symmetric(network, species[chosen], standing)
    own[np.diag_indices_from(own)] += 1e-3 * NOISE  # covariances are rounded to float32
    lower = cholesky(own, lower=True, overwrite_a=True, check_finite=False)
    normal, right = NOISE * np.eye(len(chosen)), np.zeros(len(chosen))
    for first in range(0, len(mover), len(chosen)):
        part = slice(first, first + len(chosen))
        rows = [
            network.covariances(some, movers, places, standing).double().numpy()
            for some, movers in zip(
                species[part].split(_ROWS_AT_ONCE), mover[part].split(_ROWS_AT_ONCE), strict=True
            )
        ]
        white = solve_triangular(lower, np.concatenate(rows).T, lower=True, check_finite=False)
        normal += white @ white.T
        right += white @ missing[part]
    factor = cho_factor(normal, lower=True, overwrite_a=True, check_finite=False)
    return np.asarray(solve_triangular(lower.T, cho_solve(factor, right), lower=False, check_finite=False))


def _predict(network: KernelNetwork, data: JumpData, known: np.ndarray, predicted: Float64Array) -> None:
    """Fill in the barriers, eV, that are `known` bool[2, m] and not `predicted` float64[2, m] yet."""
    for way, species in enumerate((data.species, data.species[:, data.environment.inversion])):
        rows = np.flatnonzero(known[way] & np.isnan(predicted[way]))
        for part in np.array_split(rows, len(rows) // network.at_once + 1):
            given = torch.tensor(species[part]), torch.tensor(data.mover[part])
            predicted[way, part] = network.barrier(*given).numpy()

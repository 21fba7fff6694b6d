"""First guesses of barriers, before a network learns: what it learns is the rest."""

from __future__ import annotations

import numpy as np

from nnk.lattice import IntArray
from nnk.networks.kinds import KINDS, imported
from nnk.networks.setting import Start
from nnk.training.data import Float64Array, JumpData
from nnk.training.ridge import fit_linear_parts


def make_start(data: JumpData, train: IntArray, kind: str, ridge: float) -> Start:
    """The first guess of a kind of network from the labels `train` int64[...].

    Args:
        data: all labels.
        train: which of them may be looked at.
        kind: of network, see `nnk.networks.kinds.KINDS`.
        ridge: strength of the penalty, where the guess is a ridge regression.
    """
    guess: Start = imported(KINDS[kind].start)(data, train, ridge)
    return guess


def mean_start(data: JumpData, train: IntArray, ridge: float) -> Start:
    """The mean barrier of the training labels, for all."""
    mean = float(np.nanmean([data.E_fwd_eV[train], data.E_bwd_eV[train]]))
    everywhere = np.full(len(data), mean)
    return Start(everywhere, everywhere, _scale_eV(data, train, everywhere, everywhere))


def linear_start(data: JumpData, train: IntArray, ridge: float) -> Start:
    """Ridge regression of KRA and of the energy difference, see `nnk.training.ridge`."""
    parts = fit_linear_parts(data, train, ridge)
    kra, dE = parts.predict(data)
    E_fwd_eV, E_bwd_eV = kra + 0.5 * dE, kra - 0.5 * dE
    return Start(E_fwd_eV, E_bwd_eV, _scale_eV(data, train, E_fwd_eV, E_bwd_eV), parts)


def _scale_eV(data: JumpData, train: IntArray, E_fwd_eV: Float64Array, E_bwd_eV: Float64Array) -> float:
    missing = np.stack([data.E_fwd_eV - E_fwd_eV, data.E_bwd_eV - E_bwd_eV])[:, train]
    return max(float(np.sqrt(np.nanmean(missing**2))), 1e-6)

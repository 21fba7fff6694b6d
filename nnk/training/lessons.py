"""Lessons: jumps in invented alloys, at the barriers of a teacher, for networks to learn besides the labels.

On few labels, or compositions far from those that were labelled, a kernel regression (`nnk.networks.kernel`)
says more than a network fitted to the labels. It is too slow for kinetics and does not obey detailed balance;
the network learns from it, in surroundings of which there are as many as one likes.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from nnk.barrier_columns import Flag
from nnk.files import rng
from nnk.lattice import IntArray
from nnk.training.data import JumpData
from nnk.training.kernel_fit import fitted_network, predict
from nnk.training.parameters import TrainParameters


def with_lessons(data: JumpData, rows: IntArray, parameters: TrainParameters, count: int) -> JumpData:
    """The labels, followed by `count` imagined jumps with the barriers that a regression of `rows` gives."""
    lessons = imagined(data, count, parameters.own_seed)
    E_fwd_eV, E_bwd_eV = predict(fitted_network(data, rows), lessons)
    lessons = replace(lessons, E_fwd_eV=E_fwd_eV, E_bwd_eV=E_bwd_eV)
    joined: dict[str, Any] = {}
    for name in (f.name for f in fields(data)):
        if isinstance(getattr(data, name), np.ndarray):
            joined[name] = np.concatenate([getattr(data, name), getattr(lessons, name)])
    return replace(data, **joined)


def imagined(data: JumpData, count: int, seed: int) -> JumpData:
    """Jumps in random alloys of all compositions, barriers unknown; `data` says of which elements."""
    generator = rng(seed, "imagined")
    n = len(data.elements)
    # from nearly pure metals to nearly equal parts
    evenness = 10 ** generator.uniform(-0.7, 0.7, (count, 1))
    composition = generator.gamma(np.broadcast_to(evenness, (count, n))) + 1e-12
    edges = np.cumsum(composition / composition.sum(axis=1, keepdims=True), axis=1)[:, None, :-1]
    drawn = generator.random((count, data.species.shape[1], 1), dtype=np.float32)
    unknown = np.full(count, np.nan)
    return replace(
        data,
        species=(1 + (drawn > edges).sum(axis=2)).astype(np.uint8),
        mover=generator.integers(1, n + 1, count).astype(np.uint8),
        jump=np.zeros(count, dtype=np.uint8),
        E_fwd_eV=unknown,
        E_bwd_eV=unknown,
        flag=np.full(count, Flag.OK, dtype=data.flag.dtype),
        group=np.full(count, -1),
        composition=np.full(count, "imagined"),
        sample=np.full(count, "imagined"),
        vacancy_site=np.zeros(count, dtype=np.int64),
    )

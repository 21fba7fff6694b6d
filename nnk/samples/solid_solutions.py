"""Samples without order: random solid solutions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import random_solution
from nnk.files import rng


def random_sample(seed: int, name: str, sample: int, counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Sample uint8[n_sites] number `sample` of the alloy `name`: a random solution of exactly these atoms."""
    return random_solution(counts, rng(seed, "label", "sample", name, sample))


def vacancy_stream(seed: int, name: str, sample: int) -> np.random.Generator:
    """Generator for the choice of the vacancies of a sample."""
    return rng(seed, "label", "vacancies", name, sample)

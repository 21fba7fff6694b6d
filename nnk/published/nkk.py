"""The published network for Nb-Mo-Ta (Xing et al. 2024; repository UCICaoLab/NKK).

A dense network on the neuron map: species numbers 1, 2, 3 on a 9 x 9 x 9 grid of edge a/2 around the vacancy,
0 where there is no atom, only the 112 sites within 7.5 Å (8 shells) filled. Each layer is dense, batch
normalisation, ReLU. The published frames of the jumps are those of `nnk.lattice.jump_frames`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from nnk.environment import EnvironmentSpec
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack, Float32Array, Float64Array
from nnk.neuron_map import EDGE, voxels

SHELLS = 8
_PER_LAYER = 6  # kernel, bias, gamma, beta, moving mean, moving variance
_BATCH_NORM_EPSILON = 1e-3
SPECIES = ("Nb", "Mo", "Ta")  # type numbers 1, 2, 3 of the map


def read_nkk_weights(
    path: Path | str, allow_pickle: bool = False, elements: Sequence[str] = SPECIES
) -> MlpModel:
    """Read ``weights.npy`` of the published code.

    The file is a NumPy object array, which is a pickle: reading it can run code that its author put there.

    Args:
        path: the file.
        allow_pickle: the file is trusted.
        elements: species numbering of the returned model, matched by name.

    Raises:
        ValueError: `allow_pickle` is not set, the file does not hold such a network, or an element other
            than Nb, Mo, Ta.
    """
    if not allow_pickle:
        raise ValueError(
            f"{path} is a pickle, and unpickling can run any code: pass allow_pickle=True if you trust it"
        )
    content = Path(path).read_bytes()
    arrays = [np.asarray(array, dtype=np.float64) for array in np.load(path, allow_pickle=True)]
    if len(arrays) < _PER_LAYER + 2:
        expected = f"{_PER_LAYER} arrays per layer and 2 for the output"
        raise ValueError(f"{path}: expected {expected}, got {len(arrays)} in all")
    layers = [_folded(arrays[i : i + _PER_LAYER]) for i in range(0, len(arrays) - 2, _PER_LAYER)]
    _check_shapes(path, layers, arrays)
    description = {
        "source": "UCICaoLab/NKK, Xing et al. 2024",
        "file": Path(path).name,
        "file_sha256": hashlib.sha256(content).hexdigest(),
    }
    network = _network(layers, arrays[-2], float(arrays[-1].reshape(-1)[0]))
    return MlpModel(SPECIES, "bcc", SHELLS, network, description).remap(elements)


def _folded(arrays: list[Float64Array]) -> tuple[Float64Array, Float64Array]:
    """Weight and bias of a dense layer with its batch normalisation folded in."""
    if len(arrays) != _PER_LAYER:
        raise ValueError(f"expected {_PER_LAYER} arrays per layer and 2 for the output, got {len(arrays)}")
    kernel, bias, gamma, beta, mean, variance = arrays
    scale = gamma / np.sqrt(variance + _BATCH_NORM_EPSILON)
    return kernel * scale, (bias - mean) * scale + beta


def _check_shapes(
    path: Path | str, layers: list[tuple[Float64Array, Float64Array]], arrays: list[Float64Array]
) -> None:
    widths = [EDGE**3, *[len(bias) for _, bias in layers], 1]
    kernels = [*[kernel.shape for kernel, _ in layers], arrays[-2].shape]
    if kernels != list(pairwise(widths)):
        raise ValueError(f"{path}: kernels {kernels} are not a dense network on a map of {EDGE}^3 voxels")


def _network(
    layers: list[tuple[Float64Array, Float64Array]], out_weight: Float64Array, out_bias: float
) -> DenseStack:
    kernel, bias = layers[0]
    sites = kernel[voxels(EnvironmentSpec("bcc", SHELLS, "initial").canonical)]
    # the map holds the type number itself, so a species' row is its number times the voxel's
    numbers = np.arange(1, len(SPECIES) + 1)
    table = numbers[None, :, None] * sites[:, None, :]
    return DenseStack(
        table=_float32(table),
        mover=np.zeros((len(SPECIES), len(bias)), dtype=np.float32),
        bias=_float32(bias),
        hidden=tuple((_float32(weight), _float32(offset)) for weight, offset in layers[1:]),
        out_weight=_float32(out_weight[:, 0]),
        out_bias=out_bias,
    )


def _float32(array: Float64Array) -> Float32Array:
    return array.astype(np.float32)

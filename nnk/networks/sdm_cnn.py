"""A convolutional network on spatial density maps (Fan, Xing and Cao, Acta Materialia 237, 118159, 2022)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import convert_conv3d_weight_memory_format

from nnk.density_grid import DensityGrid
from nnk.density_map import DensityMaps
from nnk.networks.base import BarrierNetwork
from nnk.networks.batch_norm import BatchNorm
from nnk.networks.options import SdmCnnOptions
from nnk.networks.setting import Setting

_GROUPS = 4


class SdmCnnNetwork(BarrierNetwork):
    """Four groups of convolutions 3 x 3 x 3 with a pooling between them, then one linear output.

    The maps are made on the fly, of the atoms within the shells that are read: the cutoff r_c is where the
    next shell begins. Batch normalisation stands between a convolution and its ReLU. The output starts at 0.
    """

    reads = "initial"
    rotates = True
    at_once = 64

    def __init__(self, setting: Setting, options: SdmCnnOptions) -> None:
        super().__init__(setting, options)
        grid = DensityGrid(setting.reach_A, options.half_edge_A, options.voxel_A)
        self.maps = DensityMaps(
            setting.structure, setting.shells, setting.a_A, n_species=setting.n_species, grid=grid
        )
        each, filters = options.layers // _GROUPS, options.filters
        groups: list[nn.Module] = []
        for channels in (setting.n_species, *[filters] * (_GROUPS - 2)):
            groups += [*_convolutions(each, channels, filters), nn.MaxPool3d(2)]
        self.layers = nn.Sequential(*groups)
        self.last = nn.Sequential(*_convolutions(each, filters, filters))
        for part in (self.layers, self.last):
            convert_conv3d_weight_memory_format(part, torch.channels_last_3d)
        self.out = nn.Linear(options.filters * (grid.edge // 2 ** (_GROUPS - 1)) ** 3, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; the moving atom is one of the sites, on the x axis."""
        maps = self.maps(species, angle).contiguous(memory_format=torch.channels_last_3d)
        features = self.layers(maps)
        # the last group costs little, and oneDNN's gradient of bfloat16 on 2 x 2 x 2 voxels is garbage
        with torch.autocast(maps.device.type, enabled=False):
            return cast(Tensor, self.out(self.last(features.float()).flatten(1))[:, 0])


def _convolutions(number: int, channels: int, filters: int) -> Iterator[nn.Module]:
    """So many times convolution, batch normalisation and ReLU."""
    for n_in in (channels, *[filters] * (number - 1)):
        # the normalisation has a bias of its own
        yield from (
            nn.Conv3d(n_in, filters, 3, padding="same", bias=False),
            BatchNorm(filters),
            nn.ReLU(True),
        )

"""Barrier spectra of many compositions on one page: one row of colours per composition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure
from nnk.observables.spectra import smooth_density

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROW_IN, SPARE_IN = 0.14, 1.1
POINTS = 200  # energies at which a density is drawn

Rows = Sequence[tuple[str, Mapping[str, NDArray[np.float64]]]]


def spectra_map(rows: Rows, elements: Sequence[str], bandwidth_eV: float) -> Figure:
    """A heat map of densities, a panel per moving element, a row per composition, the highest mean first.

    Args:
        rows: name of each composition and its barriers float64[...], eV, by moving element; none may be
            missing, but there may be no barriers.
        elements: the panels.
        bandwidth_eV: standard deviation of the smoothing kernel.
    """
    ordered = sorted(rows, key=lambda row: -_mean(row[1]))
    everything = np.concatenate([energies for _, by_element in ordered for energies in by_element.values()])
    at = np.linspace(everything.min() - 0.1, everything.max() + 0.1, POINTS)
    figure, axes = new_figure(
        1,
        len(elements),
        width_in=DOUBLE_COLUMN_IN,
        height_in=SPARE_IN + ROW_IN * len(ordered),
        share_x=True,
        share_y=True,
    )
    maps = [np.array([_density(r[1][element], at, bandwidth_eV) for r in ordered]) for element in elements]
    darkest = max(float(np.nanquantile(densities, 0.995)) for densities in maps)
    image: Any = None
    for panel, densities, element in zip(axes[0], maps, elements, strict=True):
        extent = (at[0], at[-1], len(ordered) - 0.5, -0.5)
        image = panel.imshow(
            densities,
            aspect="auto",
            cmap="magma_r",
            vmin=0,
            vmax=darkest,
            extent=extent,
            interpolation="nearest",
        )
        panel.set_title(f"{element} moves")
    axes[0, 0].set_yticks(range(len(ordered)), [name for name, _ in ordered])
    figure.supxlabel("migration barrier $E$ (eV)", fontsize=8)
    figure.colorbar(image, ax=list(axes[0]), label="probability density (1/eV)", shrink=0.5, extend="max")
    letter_panels(axes[0])
    return figure


def _mean(by_element: Mapping[str, NDArray[np.float64]]) -> float:
    energies = np.concatenate(list(by_element.values()))
    return float(energies.mean()) if len(energies) else -np.inf


def _density(
    energies: NDArray[np.float64], at: NDArray[np.float64], bandwidth_eV: float
) -> NDArray[np.float64]:
    return smooth_density(energies, at, bandwidth_eV) if len(energies) else np.full(len(at), np.nan)

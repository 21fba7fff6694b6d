"""Figures of transport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis.number_text import value_and_error
from analysis.products import FigureProduct
from analysis.style import (
    BLACK,
    DOUBLE_COLUMN_IN,
    GREY,
    SERIES_COLOURS,
    SERIES_MARKERS,
    letter_panels,
    new_figure,
)
from analysis.transport_cases import CaseTransport, left_out, summary
from analysis.transport_displacements import displacement_figure, where
from analysis.transport_points import LEAST_ATOM_WAY, LEAST_GROWTH, LEAST_WAY, WORST_ERROR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = NDArray[np.float64]

NAME = "transport"
TRACER_FACTORS = {"bcc": 0.7272, "fcc": 0.7815}  # one species, random walk of one vacancy in infinitely many
ROUND_K = (200, 300, 400, 500, 600, 800, 1000, 1500, 3000)
DECADES_BELOW = 4.0  # how far below the lowest sound point of a panel others are still drawn


def transport_figures(case: CaseTransport) -> list[FigureProduct]:
    """Arrhenius lines, correlation factors and jump shares, mean squared displacements."""
    return [_arrhenius(case), _factors(case), displacement_figure(case)]


def _style(walker: int) -> dict[str, Any]:
    colours = (BLACK, *SERIES_COLOURS[:6])
    return {"color": colours[walker % 7], "marker": SERIES_MARKERS[walker % len(SERIES_MARKERS)]}


def _errors_text(case: CaseTransport) -> str:
    if case.replicated:
        return f"Points and error bars: mean and standard error over {case.replicas_text}."
    return (
        f"Points: mean over {case.replicas_text}; error bars: standard error over replicas, or where there "
        "is one, of blocks within the run (blocking analysis)."
    )


def _arrhenius(case: CaseTransport) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=3.1)
    for panel, walkers in zip(axes[0], ([0], case.species), strict=True):
        for walker in walkers:
            _draw_line(panel, case, walker)
            _draw_points(panel, case, walker)
        _arrhenius_axes(panel, case, walkers)
    axes[0, 0].set_ylabel(r"vacancy diffusivity $D_v$ (m$^2$/s)")
    axes[0, 1].set_ylabel(f"tracer diffusivity $D_i$ (m$^2$/s)\n{_scale(case)}")
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{case.name}",
        title=f"Diffusivities against temperature, {case.name}",
        caption=_arrhenius_caption(case),
        alt=f"Two Arrhenius plots, of the vacancy and of the tracers. {summary(case)}",
        figure=figure,
        table=NAME,
    )


def _arrhenius_caption(case: CaseTransport) -> str:
    found = [f"{case.walker_name(w)}: {left_out(case, w)}" for w in case.walkers if left_out(case, w)]
    unsound = f"Not sound: {'. '.join(found)}." if found else "All points are sound."
    return (
        f"{where(case)}. (a) Diffusivity of the vacancy, (b) of the atoms of each species, {_scale(case)}, "
        f"over the jumps after the first {case.first.first_jump:,}. {_errors_text(case)} Lines and bands: "
        "weighted least squares of ln D against 1/T through the filled points that they span, with the 95 % "
        "confidence of the line; dashed where the points stray from it by more than their errors, so that it "
        "averages different slopes, its errors scaled up. Open symbols: no diffusivity, and in no fit: "
        f"displacements grow with an exponent below {LEAST_GROWTH:g} (not diffusive), the vacancy moves by "
        f"fewer than {LEAST_WAY:g} jump lengths in a block or an atom by fewer than {LEAST_ATOM_WAY:g} in a "
        "longer stretch (trapped: an upper bound), or the error is above "
        f"{100 * WORST_ERROR:g} % (uncertain). {unsound} Those more than {DECADES_BELOW:g} decades below "
        "the sound ones are not drawn."
    )


def _scale(case: CaseTransport) -> str:
    if not case.rescaled:
        run = case.first
        count = "one vacancy" if run.record.n_vacancies == 1 else f"{run.record.n_vacancies} vacancies"
        return f"per {count} in {run.lattice.n_sites:,} sites"
    options = case.options
    entropy = (
        f", $S_f$ = {options.vacancy_formation_entropy_kB:g} k"
        if options.vacancy_formation_entropy_kB
        else ""
    )
    return f"at equilibrium vacancies ($E_f$ = {options.vacancy_formation_energy_eV:g} eV{entropy})"


def _draw_line(axes: Axes, case: CaseTransport, walker: int) -> None:
    fit = case.fits.get(walker)
    if fit is None:
        return
    temperatures = case.temperature_K[case.fitted(walker)]
    inverse = np.linspace(1 / temperatures.max(), 1 / temperatures.min(), 100)
    colour = _style(walker)["color"]
    dashes = "--" if case.bent(walker) else "-"
    axes.plot(1000 * inverse, fit.at(1 / inverse), color=colour, linewidth=0.9, linestyle=dashes)
    axes.fill_between(1000 * inverse, *fit.band(1 / inverse), color=colour, alpha=0.18, linewidth=0)


def _draw_points(axes: Axes, case: CaseTransport, walker: int) -> None:
    name = case.walker_name(walker)
    fit = case.fits.get(walker)
    energy = ""
    if fit:
        value, error = value_and_error(fit.activation_eV, fit.activation_error_eV)
        energy = f": Q = {value} ± {error} eV"
    for which, filled in ((case.sound(walker), True), (_drawn_unsound(case, walker), False)):
        points = [case.points[t] for t in which]
        values = np.array([point.diffusivity.mean[walker] for point in points])
        errors = np.array([point.errors(point.diffusivity, point.block_error)[walker] for point in points])
        axes.errorbar(
            1000 / case.temperature_K[which],
            values,
            _log_bars(values, errors),
            **_style(walker),
            linestyle="none",
            markerfacecolor=None if filled else "white",
            label=f"{name}{energy}" if filled else None,
        )


def _log_bars(values: FloatArray, errors: FloatArray) -> FloatArray:
    """Bars that stay above 0 on a logarithmic axis, float64[2, n]."""
    bars = np.nan_to_num(errors)
    return np.array([np.minimum(bars, 0.9 * values), bars])


def _drawn_unsound(case: CaseTransport, walker: int) -> list[int]:
    """Points that are not sound and not far below those that are."""
    sound = set(case.sound(walker))
    values = [point.diffusivity.mean[walker] for point in case.points]
    lowest = min((values[t] for t in sound), default=0.0) * 10**-DECADES_BELOW
    return [t for t, value in enumerate(values) if t not in sound and value > 0 and value >= lowest]


def _arrhenius_axes(axes: Axes, case: CaseTransport, walkers: list[int]) -> None:
    axes.set(yscale="log", xlabel="1000 K / temperature")
    axes.legend(loc="lower left", handlelength=1.2)
    shown = {t for w in walkers for t in (*case.sound(w), *_drawn_unsound(case, w))}
    if not shown:
        return
    temperatures = case.temperature_K[sorted(shown)]
    above = axes.secondary_xaxis("top", functions=(_thousandth, _thousandth))
    above.set_xlabel("temperature (K)")
    ticks = [
        t
        for t in (300, 400, 500, 600, 800, 1000, 1500, 3000)
        if temperatures.min() <= t <= temperatures.max()
    ]
    above.set_xticks(ticks or sorted(set(temperatures)))
    above.minorticks_off()
    above.xaxis.set_major_formatter("{x:g}")


def _thousandth(x: ArrayLike) -> FloatArray:
    return 1000 / np.maximum(np.asarray(x, dtype=np.float64), 1e-9)


def _factors(case: CaseTransport) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.9)
    for walker in case.walkers:
        _draw_factor(axes[0, 0], case, walker)
        if walker:
            _draw_share(axes[0, 1], case, walker)
    record, reference = case.first.record, TRACER_FACTORS[case.first.lattice.structure]
    axes[0, 0].axhline(reference, color=GREY, linewidth=0.8, linestyle="--", label="one species, $f_0$")
    axes[0, 1].axhline(1.0, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes[0, 0].set(ylabel="correlation factor", yscale="log")
    axes[0, 1].set(ylabel="share of jumps / share of atoms", yscale="log")
    for panel in axes[0]:
        panel.set(xlabel="temperature (K)", xlim=(0, 1.04 * case.temperature_K.max()))
        panel.legend(loc="lower right", ncols=2)
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{case.name}-correlation",
        title=f"Correlation factors and jump shares, {case.name}",
        caption=(
            f"{where(case)}, over the jumps after the first {case.first.first_jump:,}. (a) Correlation "
            "factors: squared displacement over that of a random walk of as many jumps of the same length, "
            f"of the vacancy in blocks of {record.block_jumps:,} jumps, of the atoms in stretches of "
            f"{record.stretch_jumps:,}. Dashed: atoms of one species, all jumps alike, infinite "
            f"{case.first.lattice.structure} crystal ({reference:g}). Open symbols: diffusivity not sound; "
            "over longer stretches the factor may be lower. Those below a hundredth of the lowest sound one "
            "are not drawn. (b) Share of the jumps that a species' atoms make over its share of the atoms. "
            f"{_errors_text(case)}"
        ),
        alt=(
            "Two panels against temperature: correlation factors of the vacancy and each species, and which "
            "species jumps more than its share."
        ),
        figure=figure,
        table=NAME,
    )


def _draw_factor(axes: Axes, case: CaseTransport, walker: int) -> None:
    sound = case.sound(walker)
    factors = np.array([point.correlation.mean[walker] for point in case.points])
    errors = np.array(
        [point.errors(point.correlation, point.correlation_block_error)[walker] for point in case.points]
    )
    lowest = 0.01 * np.nanmin(factors[sound], initial=np.inf)
    others = [t for t in range(len(factors)) if t not in sound and factors[t] >= lowest]
    for which, filled in ((sound, True), (others, False)):
        axes.errorbar(
            case.temperature_K[which],
            factors[which],
            _log_bars(factors[which], errors[which]),
            **_style(walker),
            linestyle="none",
            markerfacecolor=None if filled else "white",
            label=case.walker_name(walker) if filled else None,
        )


def _draw_share(axes: Axes, case: CaseTransport, walker: int) -> None:
    found = [point.over_runs(lambda transport: transport.jump_share) for point in case.points]
    means = np.array([estimate.mean[walker - 1] for estimate in found])
    errors = np.array([estimate.error[walker - 1] for estimate in found])
    shown = means > 0
    axes.errorbar(
        case.temperature_K[shown],
        means[shown],
        _log_bars(means[shown], errors[shown]),
        **_style(walker),
        linewidth=0.8,
        label=case.walker_name(walker),
    )

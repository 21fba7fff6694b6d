"""Checks of what is chosen about analyses."""

from __future__ import annotations

from pathlib import Path

from launch.findings import Finding, Findings, needs
from launch.schema.analysis import AnalysisOptions, CompareOptions, TransportOptions


@needs("analysis", "analysis_options")
def _compare_has_another_side(names: tuple[str, ...], options: AnalysisOptions) -> Findings:
    if "compare" in names and options.compare.other is None:
        message = "needs another side; allowed: with analysis_options: {compare: {other: WORKDIR_OR_CSV}}"
        yield Finding(("analysis", names.index("compare")), message)


@needs("analysis", "analysis_options.compare", "base_dir", "workdir")
def _other_side_is_there(
    names: tuple[str, ...], compare: CompareOptions, base_dir: Path, workdir: str
) -> Findings:
    if "compare" not in names or compare.other is None:
        return
    own = (base_dir / Path(workdir).expanduser()).resolve()
    key, path = (
        ("analysis_options", "compare", "other"),
        (base_dir / Path(compare.other).expanduser()).resolve(),
    )
    if path == own:  # cases of this campaign with each other
        return
    if not path.exists():
        message = f"nothing at {path} yet: it must be there when this campaign is analysed"
        yield Finding(key, message, warning=True)
    elif path.is_dir() and not (path / "campaign.yaml").is_file():
        message = f"{path} is no workdir of a campaign; allowed: one with a file campaign.yaml, or a CSV file"
        yield Finding(key, message)


@needs("analysis_options.transport")
def _entropy_needs_an_energy(options: TransportOptions) -> Findings:
    if options.vacancy_formation_entropy_kB and options.vacancy_formation_energy_eV is None:
        message = "has no effect alone; allowed: with vacancy_formation_energy_eV"
        yield Finding(("analysis_options", "transport", "vacancy_formation_entropy_kB"), message, at_key=True)


@needs("analysis_options.transport")
def _fit_range_ascends(options: TransportOptions) -> Findings:
    if options.fit_range_K is not None and options.fit_range_K[0] >= options.fit_range_K[1]:
        low, high = options.fit_range_K
        message = f"got {low:g} to {high:g}; allowed: the lower temperature, then the higher one"
        yield Finding(("analysis_options", "transport", "fit_range_K"), message)

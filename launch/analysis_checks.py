"""Checks of what is chosen about analyses."""

from __future__ import annotations

from pathlib import Path

from launch.findings import Finding, Findings, needs
from launch.schema.analysis import CompareOptions


@needs("analysis", "analysis_options.compare")
def _compare_has_another_side(names: tuple[str, ...], compare: CompareOptions) -> Findings:
    if "compare" in names and compare.other is None:
        message = "needs another side; allowed: with analysis_options: {compare: {other: WORKDIR_OR_CSV}}"
        yield Finding(("analysis", names.index("compare")), message)


@needs("analysis", "analysis_options.compare", "base_dir")
def _other_side_is_there(names: tuple[str, ...], compare: CompareOptions, base_dir: Path) -> Findings:
    if "compare" not in names or compare.other is None:
        return
    key, path = ("analysis_options", "compare", "other"), base_dir / Path(compare.other).expanduser()
    if not path.exists():
        message = f"nothing at {path} yet: it must be there when this campaign is analysed"
        yield Finding(key, message, warning=True)
    elif path.is_dir() and not (path / "campaign.yaml").is_file():
        message = f"{path} is no workdir of a campaign; allowed: one with a file campaign.yaml, or a CSV file"
        yield Finding(key, message)

"""The item of the analysis compare: it comes after the others, whose tables it reads."""

from __future__ import annotations

from launch.campaign import Campaign
from launch.items import Group, Item, hash_of_all, make_item
from nnk.files import Workdir, file_hash

NAME = "compare"


def with_comparison(campaign: Campaign, made: dict[str, Item]) -> list[Item]:
    """The items of all analyses, `made` by their names; that of compare depends on all the others."""
    others = [item for name, item in made.items() if name != NAME]
    return [_item(campaign, others) if name == NAME else item for name, item in made.items()]


def _item(campaign: Campaign, others: list[Item]) -> Item:
    """The analysis that reads the tables of `others` and, by content, those of another side."""
    options = campaign.analysis_options.compare
    settings = options.model_dump(mode="json", exclude={"other"}) | {
        "other": _content(campaign, options.other)
    }
    of_others = {item.key: hash_of_all([item]) for item in others}
    group = Group("analysis", {"compare": settings, "analyses": of_others}, {})
    return make_item(group, NAME, after=[item.key for item in others])


def _content(campaign: Campaign, other: str | None) -> dict[str, str]:
    """Hash of the other side's file, or of each of its tables; empty if it is not there (yet)."""
    if other is None:
        return {}
    path = campaign.path(other)
    files = [path] if path.is_file() else sorted(Workdir(path).tables.glob("*.csv"))
    if path == campaign.workdir_path:  # its own tables are those of the analyses that come before
        return {}
    return {file.stem: file_hash(file) for file in files if not file.stem.startswith(NAME)}

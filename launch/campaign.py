"""Campaign files: reading one, with everything that is wrong with it."""

from __future__ import annotations

import re
from pathlib import Path

from launch.campaign_reader import Reader, campaign_schema
from launch.problems import CampaignErrors, Problem
from launch.schema.campaign import Campaign
from launch.yaml_reader import read_text
from nnk.files import Workdir
from nnk.files.plain_yaml import Document, parse

__all__ = ["RESOLVED_HEADER", "Campaign", "campaign_schema", "load_campaign"]

RESOLVED_HEADER = "# The campaign as it is run, with every default; written by launch, do not edit.\n"


def load_campaign(path: Path | str) -> Campaign:
    """The campaign in the file `path`.

    Raises:
        CampaignErrors: everything that is wrong with the file, each error with its place.
    """
    path = Path(path)
    text = read_text(path)
    document = parse(text, str(path), keys="name, alloy, label")
    if not isinstance(document.data, dict):
        raise CampaignErrors(document.problems)
    reader = Reader(document, path)
    problems = [*document.problems, *reader.problems()]
    if reader.campaign is None or problems:
        raise CampaignErrors(problems)
    _check_kept(reader.campaign, document)
    return reader.campaign


def _is_damaged(text: str) -> bool:
    """Whether a text can be the rest of a copy of ours that was cut, emptied or scribbled over."""
    return RESOLVED_HEADER.startswith(text) or "\0" in text or "\ufffd" in text


def _check_kept(campaign: Campaign, document: Document) -> None:
    """Look at the copy of the campaign that an earlier run has kept in the workdir.

    Raises:
        CampaignErrors: there is a file of that name that is not launch's own.
    """
    kept, place = campaign.workdir_path / "campaign.yaml", document.position(("workdir",))
    if not kept.is_file():
        return
    text = kept.read_text(encoding="utf-8", errors="replace")
    if not text.startswith(RESOLVED_HEADER):
        if Workdir(campaign.workdir_path).epoch_file.exists() and _is_damaged(text):
            return  # launch's own, before the machine crashed
        message = f"the copy that launch keeps there would overwrite {kept}; allowed: another folder"
        raise CampaignErrors([Problem(document.file, message, place, ("workdir",))])
    named = re.search(r"^name: '?([^'\n]*)", text, re.MULTILINE)
    if named and named.group(1) != campaign.name:
        message = (
            f'{kept.parent} holds the campaign "{named.group(1)}", whose products a run of '
            f'"{campaign.name}" replaces where they differ; another folder keeps them'
        )
        campaign._warnings += (Problem(document.file, message, place, ("workdir",)),)

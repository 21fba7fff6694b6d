"""What a hostile campaign, site file, product or neighbour must not achieve; a section per subject.

Further: words of LAMMPS in ``tests/nnk/potentials/test_lammps_input.py``, texts that reach a scheduler in
``tests/site_configs/test_submit_scripts.py``.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from analysis.inputs import DamagedInput, Inputs
from launch.campaign import load_campaign
from launch.origins import origin
from launch.problems import CampaignErrors
from nnk.files import Workdir
from site_configs import SiteError, load_site

TAGS = [
    "!!python/object/apply:os.system ['touch pwned']",
    "!!python/name:os.system",
    "!user {}",
    "!!binary YQ==",
]


def laughs(depth: int = 9) -> str:
    """A small text that aliases make 10^depth values of."""
    ten = ((i, ", ".join(f"k{j}: *a{i - 1}" for j in range(10))) for i in range(1, depth))
    return "\n".join(["a0: &a0 {k: v}", *(f"a{i}: &a{i} {{{all_ten}}}" for i, all_ten in ten), ""])


# YAML: plain values alone


@pytest.mark.parametrize("tag", TAGS)
def test_tags_are_refused_in_campaigns_and_sites(tag: str, write_campaign, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignErrors, match=r"c\.yaml:2:7: name: tag .*; tags are not allowed"):
        load_campaign(write_campaign(("name: tiny", f"name: {tag}")))
    (tmp_path / "mine.yaml").write_text(f"extends: local\ndescription: {tag}\n")
    with pytest.raises(SiteError, match=r"mine\.yaml:2:14: description: tag .*; tags are not allowed"):
        load_site("./mine.yaml", tmp_path)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (laughs(), "more than 200000 values, aliases counted as often as they are used"),
        ("environment: &a {a: *a}\n", "nested deeper than the 100 levels allowed"),
        ("environment: " + "{a: " * 3000 + "1" + "}" * 3000 + "\n", "nested deeper than the 100 levels"),
        ("worker_init: '" + "x" * 5_000_000 + "'\n", "larger than 4000000 bytes"),
        ("scheduler: slurm\nscheduler: local\n", r"mine\.yaml:3:1: scheduler: duplicate key"),
        ("description: a\x1b[31m\n", "character U\\+001B is not allowed"),
    ],
    ids=["aliases", "loop", "depth", "size", "twice", "control"],
)
def test_texts_that_would_swallow_the_machine_are_refused(text: str, message: str, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text("extends: local\n" + text)
    began = time.process_time()
    with pytest.raises(SiteError, match=message):
        load_site("./mine.yaml", tmp_path)
    assert time.process_time() - began < 5


def test_a_kept_campaign_with_a_tag_is_not_constructed(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for tag in TAGS[:3]:
        (tmp_path / "campaign.yaml").write_text(f"name: {tag}\n")
        with pytest.raises(DamagedInput, match="could not determine a constructor"):
            Inputs(Workdir(tmp_path)).campaign()
        kind, facts = origin(tmp_path / "campaign.yaml")
        assert (kind, list(facts)) == ("campaign file", ["unreadable"])
    assert not (tmp_path / "pwned").exists()

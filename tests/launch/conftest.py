from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CAMPAIGN = """\
schema_version: 1
name: tiny
seed: 7
workdir: work
site: local

alloy: {elements: [Nb, Mo, Ta], lattice: bcc}

potential: {builtin: zhou-eam}

label:
  compositions:
    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}
    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}
  cells: [6, 6, 6]
  vacancies_per_composition: 3
  max_force_eV_A: 0.02

train:
  models:
    - {name: main, kind: detailed-balance, shells: 8}
  test_compositions: 1

kmc:
  model: main
  cells: [8, 8, 8]
  compositions: [equimolar]
  start: random
  temperatures_K: [400, 800]
  replicas: 2
  stop: {jumps: 1_000}
  checkpoint_s: 60

analysis: [labels, parity, order]
"""


@pytest.fixture(scope="session")
def campaign_text() -> str:
    return CAMPAIGN


@pytest.fixture
def write_campaign(tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny campaign, with replacements (old, new), to a file."""

    def write(*replacements: tuple[str, str], name: str = "c.yaml") -> Path:
        text = CAMPAIGN
        for old, new in replacements:
            assert old in text, f"{old!r} is not in the tiny campaign"
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write

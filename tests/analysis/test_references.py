from pathlib import Path

from ruamel.yaml import YAML

from analysis.references import (
    ASE,
    LAMMPS,
    MLIP,
    PARSL,
    REFERENCES,
    SAMPLING,
    TORCH,
    WU,
    ZHOU,
    potential_note,
    used_references,
)

ALLOY = {"elements": ["Nb", "Mo"], "lattice": "bcc"}


def test_the_report_cites_what_citation_cff_cites():
    file = Path(__file__).parents[2] / "CITATION.cff"
    cited = YAML(typ="safe").load(file)["references"]
    assert len(REFERENCES) == len(cited) == 5
    for ours, theirs in zip(REFERENCES, cited, strict=True):
        assert ours.title.casefold() == theirs["title"].strip().casefold()
        assert ours.doi == theirs.get("doi", "")
        assert len(ours.authors.split(", ")) == len(theirs["authors"])


def test_what_was_used_is_cited_and_nothing_else():
    label = {"audit": {"fraction": 0.0, "at_least": 0}}
    whole = {
        "alloy": ALLOY,
        "potential": {"builtin": "zhou-eam"},
        "label": label,
        "train": {"models": [{"name": "main", "kind": "detailed-balance"}]},
        "kmc": {"engine": "flicker"},
    }
    cited = used_references(whole)
    assert {ZHOU, WU, LAMMPS, ASE, TORCH, PARSL, SAMPLING, *REFERENCES[1:3], REFERENCES[4]} == set(cited)
    assert potential_note(whole) == ""
    published = {"alloy": ALLOY, "kmc": {"model": {"published": {"file": "w.npy"}}, "engine": "compiled"}}
    assert used_references(published) == [REFERENCES[2], PARSL]
    without_niobium = whole | {"alloy": {"elements": ["Mo", "Ta"], "lattice": "bcc"}}
    assert WU not in used_references(without_niobium)


def test_published_labels_are_cited():
    labels = {"published": {"format": "npy46", "directory": "46"}}
    campaign = {"alloy": ALLOY, "labels": labels, "train": {"models": [{"name": "main", "kind": "mlp"}]}}
    assert used_references(campaign) == [REFERENCES[1], REFERENCES[2], TORCH, PARSL]
    own = campaign | {"labels": {"file": "labels.nc"}}
    assert used_references(own) == [REFERENCES[1], TORCH, PARSL]


def test_a_potential_of_the_users_own_is_named_with_what_its_file_begins_with(tmp_path):
    file = tmp_path / "CuNi.eam.alloy"
    file.write_text("# Published by A. Author, J. Test 1, 2 (2003)\n1\n")
    campaign = {
        "alloy": ALLOY,
        "label": {"cells": [6, 6, 6]},
        "potential": {"lammps": {"pair_style": "eam/alloy", "files": [str(file)]}},
    }
    assert LAMMPS in used_references(campaign)
    assert potential_note(campaign) == (
        "the potential of pair_style eam/alloy; CuNi.eam.alloy "
        '("Published by A. Author, J. Test 1, 2 (2003)"): see its authors'
    )
    file.write_bytes(bytes(range(256)))
    assert "CuNi.eam.alloy: see" in potential_note(campaign)
    mtp = campaign | {"potential": {"mtp": {"file": "/x/my.mtp"}}}
    assert MLIP in used_references(mtp)
    assert "my.mtp" in potential_note(mtp)

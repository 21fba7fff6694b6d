from pathlib import Path

from ruamel.yaml import YAML

from analysis.references import REFERENCES


def test_the_report_cites_what_citation_cff_cites():
    file = Path(__file__).parents[2] / "CITATION.cff"
    cited = YAML(typ="safe").load(file)["references"]
    assert len(REFERENCES) == len(cited) == 5
    for ours, theirs in zip(REFERENCES, cited, strict=True):
        assert ours.title.casefold() == theirs["title"].strip().casefold()
        assert ours.doi == theirs.get("doi", "")
        assert len(ours.authors.split(", ")) == len(theirs["authors"])

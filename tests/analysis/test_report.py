import base64
import json
import re
import shutil
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from analysis import report
from analysis.inputs import DamagedInput
from analysis.references import TORCH, ZHOU
from nnk.barriers import BarrierSet
from nnk.files import Workdir, file_hash

CASE = "Nb30Mo30Ta40"  # as in conftest.py
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """Elements of a page; complains about tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.elements, self.text = [], [], []
        self.feed(text)
        self.close()
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, f"</{tag}> at {self.getpos()}"

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished.root, tmp_path / "copy")
    return Workdir(tmp_path / "copy")


def page_of(workdir):
    report.make_report(workdir)
    return Page(workdir.report.read_text())


def words(page):
    return " ".join(" ".join(page.text).split())


def test_every_figure_is_in_it_with_an_alternative_text(finished):
    page = Page(finished.report.read_text())
    shown = {img["src"].removeprefix("data:image/png;base64,"): img["alt"] for img in page.all("img")}
    pictures = sorted(finished.figures.glob("*.png"))
    assert len(shown) == len(pictures) >= 9
    for picture in pictures:
        assert len(shown[base64.b64encode(report.with_palette(picture.read_bytes())).decode()]) > 30


def test_pictures_are_embedded_with_a_palette_that_the_eye_cannot_tell(finished):
    for picture in finished.figures.glob("*.png"):
        content = picture.read_bytes()
        small = report.with_palette(content)
        assert len(small) < 0.6 * len(content)
        with Image.open(BytesIO(small)) as after, Image.open(BytesIO(content)) as before:
            assert after.size == before.size
            difference = np.abs(np.asarray(after.convert("RGB"), float) - np.asarray(before.convert("RGB")))
        assert difference.mean() < 1.0


def test_every_table_is_in_it_with_its_hash(finished):
    text = finished.report.read_text()
    tables = sorted(finished.tables.glob("*.csv"))
    assert len(tables) >= 10
    for table in tables:
        assert f"tables/{table.name}" in text
        assert file_hash(table) in text


def test_every_file_that_was_read_is_in_it_with_its_hash(finished):
    text = finished.report.read_text()
    paths = ["labels/labels.nc", "audit/audit.nc", "models/main/model.json", "models/main/predictions.csv"]
    for path in [*paths, "kmc/Nb30Mo30Ta40/T0800.0K/r000.nc", "campaign.yaml"]:
        assert path in text
        assert file_hash(finished.root / path) in text


def test_it_loads_nothing(finished):
    page = Page(finished.report.read_text())
    for _, attrs in page.elements:
        for name in ("src", "srcset", "data", "poster", "background", "action"):
            assert (attrs.get(name) or "data:").startswith("data:")
    assert page.all("link") == []
    assert all(script.get("src") is None for script in page.all("script"))
    assert not re.search(r"@import|url\(", finished.report.read_text())
    outside = [a["href"] for a in page.all("a") if not a["href"].startswith("#")]
    assert all(href.startswith("https://doi.org/") for href in outside)
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")


def test_links_inside_lead_somewhere_and_names_are_unique(finished):
    page = Page(finished.report.read_text())
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        if link["href"].startswith("#"):
            assert link["href"][1:] in ids


def test_it_can_be_used_by_keyboard_and_read_aloud(finished):
    page = Page(finished.report.read_text())
    assert page.all("html")[0]["lang"] == "en"
    assert page.all("meta")[1]["content"].startswith("width=device-width")
    assert len(page.all("h1")) == 1
    assert all(th.get("scope") == "col" for th in page.all("th"))
    sorting = [button for button in page.all("button") if button.get("class") != "copy"]
    assert len(page.all("th")) == len(sorting)
    for _, attrs in page.elements:
        if "tabindex" in attrs and attrs.get("role") == "region":
            assert attrs["aria-label"]


def test_names_from_the_campaign_are_text_not_markup(finished):
    text = finished.report.read_text()
    assert "small &lt;campaign&gt; &amp; more" in text
    assert "<campaign>" not in text
    assert "<state>" not in text


def test_it_says_what_failed_and_what_is_missing(finished):
    said = words(Page(finished.report.read_text()))
    assert "label a/s0/v2 failed: ValueError: no <state> (log: l)" in said
    assert "1 of 160 labels have no verified barrier" in said
    assert "2 things failed or missing" in said


def test_missing_products_are_listed(copy):
    for path in (
        "figures/order.json",
        "kmc/Nb30Mo30Ta40/T2000.0K/r001.nc",
        "models/main/model.json",
    ):
        (copy.root / path).unlink()
    said = words(page_of(copy))
    assert "analysis order has not been made" in said
    assert "kMC run Nb30Mo30Ta40/T2000.0K/r001 has not ended" in said
    assert "model main is not trained" in said
    assert "models/main/model.json is gone since analysis training read it" in said


def test_runs_of_a_case_that_is_no_longer_asked_for_are_not_missed(copy):
    (copy.root / "kmc" / "Nb50Mo25Ta25" / "T0800.0K").mkdir(parents=True)
    assert "kMC run" not in words(page_of(copy))
    shutil.rmtree(copy.root / "kmc" / CASE)
    assert "4 kMC runs have not begun" in words(page_of(copy))


@pytest.mark.parametrize("path", ["../secret", "{secret}", "tables/link.csv"])
def test_a_record_cannot_bring_files_from_elsewhere_into_it(copy, tmp_path, path):
    secret = tmp_path / "secret"
    secret.write_text("SECRET,1\n")
    (copy.root.parent / "secret").write_text("SECRET,1\n")
    (copy.tables / "link.csv").symlink_to(secret)
    record = copy.figures / "order.json"
    data = json.loads(record.read_text())
    data["tables"][0]["csv"] = path.format(secret=secret)
    record.write_text(json.dumps(data))
    with pytest.raises(DamagedInput, match=r"is not in .*remove the record"):
        report.make_report(copy)


def test_a_figure_of_older_data_is_called_so(copy):
    labels = BarrierSet.load(copy.labels_file)
    labels.select(labels.jump > 0).save(copy.labels_file)
    (copy.tables / "spectra.csv").write_text("edited by hand\n")
    said = words(page_of(copy))
    assert "labels/labels.nc has changed since analysis labels read it" in said
    assert "tables/spectra.csv has changed since analysis spectra wrote it" in said
    assert "20 of 160 labels are missing" in said


def test_a_new_line_in_the_campaign_file_makes_no_figure_old(copy):
    copy.campaign_file.write_text(copy.campaign_file.read_text() + "# one more\n")
    assert "since analysis" not in words(page_of(copy))


def test_it_tells_what_was_run_and_how_to_run_and_cite_it(finished):
    said = words(Page(finished.report.read_text()))
    for text in (
        "Campaign seed: 7",
        "Campaign seed 7; python",
        "launch explain figures/order-Nb30Mo30Ta40.pdf",
        "launch campaign.yaml",
        "launch analyse order .",
        "temperatures_K: [800.0, 2000.0]",
        "numpy ",
        "each until 400 jumps",
    ):
        assert text in said
    for paper in (ZHOU, TORCH):
        assert paper.title in said
    assert "Enforcing detailed balance" not in said  # the network is of another kind


def test_numbers_stand_with_their_source(finished, provenance):
    said = words(Page(finished.report.read_text()))
    for name in {path.stem for path in finished.figures.glob("*.json")} - {"report"}:
        for number in provenance(finished, name)["numbers"]:
            assert number["label"] in said
            assert (finished.root / number["table"]).is_file()


def test_it_is_the_same_again(copy):
    report.make_report(copy)
    first = copy.report.read_bytes()
    report.make_report(copy)
    assert copy.report.read_bytes() == first


def test_a_campaign_without_labels_has_a_report(copy):
    for folder in ("labels", "audit", "models", "records"):
        shutil.rmtree(copy.root / folder)
    for name in ("labels", "training", "parity", "spectra", "randomness"):
        (copy.figures / f"{name}.json").unlink()
    copy.campaign_file.write_text(
        "name: published\nseed: 1\nalloy: {elements: [Nb, Mo, Ta], lattice: bcc}\n"
        "kmc: {model: {published: {format: nkk, file: w.npy, allow_pickle: true}}, cells: [5, 5, 5],\n"
        "  compositions: [{Nb: 1}], temperatures_K: [800.0, 2000.0], replicas: 2, stop: {jumps: 400},\n"
        "  attempt_frequency_Hz: 1.0e+13}\nanalysis: [order]\n"
    )
    page = page_of(copy)
    said = words(page)
    assert "a published network" in said
    assert "Chemical order" in said
    assert len(page.all("img")) >= 3


def test_an_empty_campaign_has_a_report(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.campaign_file.write_text(
        "name: empty\nseed: 1\nalloy: {elements: [Nb], lattice: bcc}\nanalysis: [labels]\n"
    )
    assert "analysis labels has not been made" in words(page_of(workdir))

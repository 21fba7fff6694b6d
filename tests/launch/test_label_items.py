"""Items of samples and labels: numbers of them, what they read, what a change concerns."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.items import hash_of_all, make_item
from launch.plan import make_plan
from nnk.files import Workdir


def hashes(path: Path) -> dict[str, str]:
    items = all_items(load_campaign(path))
    return {f"{item.stage}/{item.key}": item.hash for stage in items.values() for item in stage}


ORDERED = "vacancies_per_composition: 8\n  samples: {kind: ordered, degrees: 3, vacancies_per_sample: 2}"


def test_ordered_samples_are_runs_of_their_own(write_campaign):
    """Eight vacancies, two in each of four samples: three degrees of one run and the first of another."""
    campaign = load_campaign(write_campaign(("vacancies_per_composition: 3", ORDERED)))
    items = all_items(campaign)
    names = ["Nb34Mo33Ta33", "Nb60Mo20Ta20"]
    assert [item.key for item in items["samples"]] == [
        f"{name}/r{run:03d}" for name in names for run in (0, 1)
    ]
    reads = {item.key: item.group.reads for item in items["label"]}
    assert len(reads) == 16
    for name in names:
        for sample, run in enumerate((0, 0, 0, 1)):
            read = reads[f"{name}/s{sample:04d}/v00001"]
            assert [key for key in read if key.startswith("samples/")] == [f"samples/{name}/r{run:03d}"]


FAR_FIELD = "samples: {kind: far-field, shells: [1, 4], jumps: 2, resamples: 3}"
NO_TRAINING = (
    "train:\n  models:\n    - {name: main, kind: detailed-balance, shells: 8}\n  test_compositions: 1\n",
    "",
)


def far_field_campaign(write_campaign, *changes, name="c.yaml"):
    """The tiny campaign with far-field samples, and neither training nor runs."""
    path = write_campaign(("vacancies_per_composition: 3", FAR_FIELD), NO_TRAINING, *changes, name=name)
    kept, _, _ = path.read_text().partition("kmc:")
    path.write_text(f"{kept}\nanalysis: [farfield]\n")
    return path


def test_far_field_samples_have_a_vacancy_each_and_more_resamples_change_none(write_campaign):
    before = hashes(far_field_campaign(write_campaign))
    after = hashes(far_field_campaign(write_campaign, ("resamples: 3", "resamples: 5"), name="d.yaml"))
    labels = {key: digest for key, digest in before.items() if key.startswith("label/")}
    assert len(labels) == 2 * 2 * 2 * 3
    assert all(key.endswith("/v00000") for key in labels)
    assert labels.items() <= after.items()
    other = hashes(far_field_campaign(write_campaign, ("[1, 4]", "[1, 5]"), name="e.yaml"))
    assert not labels.items() & other.items()


AFTER_LABELS = {"audit", "train", "kmc", "analysis", "report"}


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        (("degrees: 3", "degrees: 4"), {"samples", "label", *AFTER_LABELS}),
        (("kind: ordered", "kind: ordered, temperature_K: 301"), {"samples", "label", *AFTER_LABELS}),
        (("vacancies_per_sample: 2", "vacancies_per_sample: 3"), AFTER_LABELS),
        (("  cells: [6, 6, 6]", "  sites: k-means\n  cells: [6, 6, 6]"), {"label", *AFTER_LABELS}),
    ],
)
def test_what_a_change_of_the_samples_concerns(change, stages: set[str], write_campaign):
    """Stages in which an item of the same key has other inputs."""
    ordered = ("vacancies_per_composition: 3", ORDERED)
    before, after = hashes(write_campaign(ordered)), hashes(write_campaign(ordered, change, name="d.yaml"))
    changed = {key.partition("/")[0] for key in before.keys() & after.keys() if before[key] != after[key]}
    assert changed == stages


def test_samples_are_done_by_their_files(write_campaign, make_products, tmp_path: Path):
    campaign = load_campaign(write_campaign(("vacancies_per_composition: 3", ORDERED)))
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)
    assert make_plan(campaign, workdir).nothing_to_do
    workdir.samples_file("Nb34Mo33Ta33/r001").unlink()
    workdir.samples_file("Nb60Mo20Ta20/r000").write_bytes(b"no NetCDF")
    plan = make_plan(campaign, workdir)
    again = [(todo.item.key, todo.reason) for stage in plan for todo in stage.todo]
    assert again == [(key, "product is gone") for key in ("Nb34Mo33Ta33/r001", "Nb60Mo20Ta20/r000")]


def test_what_other_modes_use_does_not_matter(write_campaign):
    relax = ("vacancies_per_composition: 3", ORDERED.replace("degrees", "mode: relax, degrees"))
    runs = all_items(load_campaign(write_campaign(relax)))["samples"]
    assert {"shells", "steps"}.isdisjoint(runs[0].inputs["label"]["samples"])


def test_another_composition_renumbers_no_samples(write_campaign):
    ordered = ("vacancies_per_composition: 3", ORDERED)
    before = hashes(write_campaign(ordered))
    more = ("    - {Nb: 0.60, Mo", "    - {Nb: 0.2, Ta: 0.8}\n    - {Nb: 0.60, Mo")
    after = hashes(write_campaign(ordered, more, name="d.yaml"))
    kept = {key: digest for key, digest in before.items() if key.startswith(("samples/", "label/"))}
    assert len(kept) == 20
    assert kept.items() <= after.items()


def test_all_sites_need_no_number(write_campaign, resolved_text, tmp_path: Path):
    path = write_campaign(("vacancies_per_composition: 3", "sites: all\n  samples: {count: 2}"))
    campaign = load_campaign(path)
    assert campaign.label_amounts() == (2, 432, 864)
    assert len(all_items(campaign)["label"]) == 2 * 864
    (tmp_path / "work").mkdir()
    copy = tmp_path / "work" / "campaign.yaml"
    copy.write_text(resolved_text(campaign))
    assert hashes(copy) == hashes(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("vacancies_per_composition: 3", (3, 1, 3)),
        ("vacancies_per_composition: 7\n  samples: {vacancies_per_sample: 3}", (3, 3, 7)),
        ("vacancies_per_composition: 7\n  sites: k-means", (1, 7, 7)),
        ("vacancies_per_composition: 500\n  sites: k-means", (2, 432, 500)),
        ("vacancies_per_composition: 7\n  samples: {kind: ordered, degrees: 3}", (3, 3, 7)),
        ("sites: all\n  samples: {kind: ordered, degrees: 3}", (3, 432, 1296)),
    ],
)
def test_numbers_of_samples_and_vacancies(text: str, expected: tuple[int, int, int], write_campaign):
    campaign = load_campaign(write_campaign(("vacancies_per_composition: 3", text)))
    assert campaign.label_amounts() == expected


@pytest.mark.parametrize(
    "samples",
    ["{kind: random}", "{vacancies_per_sample: 3}", "{kind: ordered, degrees: 4, vacancies_per_sample: 2}"],
)
def test_rows_are_the_items_that_they_stand_for(samples: str, write_campaign):
    path = write_campaign(
        ("vacancies_per_composition: 3", f"vacancies_per_composition: 70\n  samples: {samples or 'random'}")
    )
    rows = all_items(load_campaign(path))["label"]
    made = [make_item(item.group, item.key, **item.own) for item in rows]
    assert list(rows) == made
    assert list(rows.keys()) == [item.key for item in made]
    assert list(rows.hashes()) == [item.hash for item in made]
    assert hash_of_all(rows) == hash_of_all(made)
    assert len({item.key for item in made}) == len(made) == 140
    some = rows.chosen([1, 70, 139])
    assert list(some) == [made[1], made[70], made[139]]
    assert (some[-1], list(some[1:])) == (made[139], [made[70], made[139]])
    assert hash_of_all(some) == hash_of_all(list(some))

# ruff: noqa: E501 (a message is one line)
"""Two sides: what of them belongs together, how far apart it is, and what is wrong with them, at its place."""

import csv
import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis import compare, order
from analysis.compare_differences import compare_tables, paired_cases
from analysis.compare_tables import NotComparable, named_as, read_published, read_table
from nnk.files import Workdir

HEAD = "case,temperature_K,jumps,replicas,shell,a,b,delta_ab,delta_ab_error"
OURS = f"""{HEAD}
A,800,100,2,1,Mo,Ta,1.0,0.3
A,800,100,2,1,Ta,Mo,0.8,
A,1000.0,100,2,1,Mo,Ta,0.5,0.1
B,800,100,2,1,Mo,Ta,7.0,0.1
"""
THEIRS = f"""{HEAD}
A,1000,200,2,1,Mo,Ta,0.9,0
A,800.0,200,2,1,Ta,Mo,0.5,0.1
A,800,200,2,1,Mo,Ta,0.0,0.4
"""


@pytest.fixture
def table(tmp_path):
    def write(text, name="order", folder="x"):
        path = tmp_path / folder / f"{name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_rows_are_joined_by_keys_and_errors_combined(table):
    ours, theirs = read_table(table(OURS)), read_table(table(THEIRS, folder="y"))
    assert ours.keys == ("case", "temperature_K", "shell", "a", "b")
    found = compare_tables(ours, theirs, paired_cases(ours, theirs, {}))
    assert [one.key[1:] for one in found.differences] == [
        ("800", "1", "Mo", "Ta"),
        ("800", "1", "Ta", "Mo"),
        ("1000", "1", "Mo", "Ta"),
    ]
    first, second, third = found.differences
    assert (first.difference, first.error, first.sigma) == pytest.approx((1.0, 0.5, 2.0))
    assert second.difference == pytest.approx(0.3)
    assert math.isnan(second.sigma)  # one of the two has no error
    assert third.sigma == pytest.approx(-4.0)
    assert found.statistics("delta_ab") == pytest.approx(
        (3, 0.3, np.sqrt((1 + 0.09 + 0.16) / 3), 1.0, np.sqrt(10), 0.5)
    )
    assert (ours.jumps, theirs.jumps) == ("100", "200")


numbers = st.floats(-10, 10)


@given(st.dictionaries(st.tuples(st.sampled_from("AB"), st.integers(1, 4)), numbers, min_size=1),
       st.dictionaries(st.tuples(st.sampled_from("AB"), st.integers(1, 4)), numbers, min_size=1))  # fmt: skip
def test_every_row_of_both_is_found_once(tmp_path_factory, ours, theirs):
    folder, tables = tmp_path_factory.mktemp("random"), []
    for i, rows in enumerate((ours, theirs)):
        lines = [f"{case},{t},{value!r},0.1" for (case, t), value in rows.items()]
        path = folder / f"{i}.csv"
        path.write_text("\n".join(["case,temperature_K,x,x_error", *lines]))
        tables.append(read_table(path))
    found = compare_tables(*tables, {"A": "A", "B": "B"}).differences
    naive = {key: ours[key] - theirs[key] for key in ours if key in theirs}
    got = {(one.key[0], int(one.key[1])): one.difference for one in found}
    assert got == pytest.approx(naive)
    assert len(found) == len(naive)


def test_cases_are_paired_by_name_or_as_told(table):
    ours = read_table(table(OURS))
    theirs = read_table(table(THEIRS.replace("\nA,", "\nA-exchanged,"), folder="y"))
    assert paired_cases(ours, theirs, {}) == {}
    assert paired_cases(ours, theirs, {"A": "A-exchanged"}) == {"A": "A-exchanged"}
    assert len(compare_tables(ours, theirs, {"A": "A-exchanged"}).differences) == 3
    only_a = read_table(table("\n".join(OURS.splitlines()[:4]), folder="z"))
    assert paired_cases(only_a, theirs, {}) == {"A": "A-exchanged"}
    with pytest.raises(ValueError, match='no case "A-exchange" on the other side; it has A-exchanged; did'):
        paired_cases(ours, theirs, {"A": "A-exchange"})
    with pytest.raises(ValueError, match='no case "C" on this side; it has A, B'):
        paired_cases(ours, theirs, {"C": "A-exchanged"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("temperature_K,shell,a,b,delta_ab\n800,1,Mo,Ta,x\n", 'other.csv:2:5: column delta_ab: expected a number, got "x"'),
        ("temperature_K,shell,a,b,delta_ab\n800,1,Mo,Ta\n", "other.csv:2: expected 5 cells, got 4"),
        ("temperature_K,shell,a,b,delta\n800,1,Mo,Ta,1\n", 'other.csv:1: column 5: none of our tables has a column "delta"; did you mean "delta_ab"?'),
        ("shell,a,b,delta_ab\n1,Mo,Ta,1\n", "other.csv:1: no column temperature_K; needed, since ours has 1000, 800"),
        ("temperature_K,shell,a,b\n800,1,Mo,Ta\n", "other.csv:1: no table of ours has the columns temperature_K, shell, a, b together"),
        ("temperature_K,shell,a,b,delta_ab\n800,1,Mo,Ta,1\n800.0,1,Mo,Ta,2\n", "other.csv:3: a second row for case A, temperature_K 800, shell 1, a Mo, b Ta"),
        ("", "other.csv:1: no table of ours has the columns  together"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_somebody_elses_data_is_said_at_its_place(text, said, table):
    ours = read_table(table("\n".join(OURS.splitlines()[:4])))
    with pytest.raises(ValueError, match=r"other\.csv") as error:
        named_as(table(text, "other"), [ours], None)
    assert str(error.value).endswith(said)


def test_a_file_is_taken_for_the_table_whose_columns_it_has(table):
    ours = read_table(table("\n".join(OURS.splitlines()[:4])))
    along = read_table(table(f"{HEAD.replace(',shell', '')}\nA,800,1,2,Mo,Ta,1,0.1\n", "order-jumps"))
    assert along.keys == ("case", "temperature_K", "jumps", "a", "b")
    data = table("temperature_K,a,b,delta_ab\n800,Mo,Ta,0.4\n", "theirs")
    with pytest.raises(ValueError, match="several tables have these columns: order, order-jumps; say which"):
        named_as(data, [ours, along], None)
    kind, read = named_as(data, [ours, along], "order")
    assert (kind.name, read.rows[("A", "800", "1", "Mo", "Ta")]["delta_ab"].value) == ("order", 0.4)
    with pytest.raises(
        ValueError, match='no table "ordr"; there is order, order-jumps; did you mean "order"'
    ):
        named_as(data, [ours, along], "ordr")


def test_tables_without_values_or_keys_are_not_for_comparison(table):
    with pytest.raises(NotComparable, match="no column to compare"):
        read_table(table("case,from,to,density\nA,0,1,3\n", "histogram"))
    with pytest.raises(NotComparable, match="a second row for case A"):
        read_table(table("case,x,x_error\nA,0,1\nA,1,1\n", "twice"))
    like = read_table(table(OURS))
    with pytest.raises(ValueError, match="no column delta_ab; got shell"):
        read_published(table("shell\n1\n", "nothing"), like)


@pytest.fixture(scope="module")
def ordered(tmp_path_factory, make_workdir, save_runs):
    workdir = make_workdir(tmp_path_factory.mktemp("compare") / "work")
    save_runs(workdir)
    assert order.main([str(workdir.root)]) == 0
    return workdir


@pytest.fixture
def analysed(ordered, tmp_path):
    shutil.copytree(ordered.root, tmp_path / "work")
    return Workdir(tmp_path / "work")


def rows(workdir, name):
    with (workdir.tables / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_campaign_beside_published_data(analysed, provenance):
    assert compare.main([str(analysed.root)]) == 0
    found = rows(analysed, "compare-order")
    assert [(row["temperature_K"], row["a"], row["b"]) for row in found] == [
        ("800", "Mo", "Ta"),
        ("800", "Ta", "Mo"),
        ("2000", "Mo", "Ta"),
    ]
    ours = {(r["temperature_K"], r["shell"], r["a"], r["b"]): r for r in rows(analysed, "order")}
    for row in found:
        mine = ours[row["temperature_K"], row["shell"], row["a"], row["b"]]
        assert float(row["difference"]) == pytest.approx(float(mine["delta_ab"]) - float(row["other"]))
    assert float(found[0]["difference_error"]) == pytest.approx(
        np.hypot(0.1, float(ours["800", "1", "Mo", "Ta"]["delta_ab_error"]))
    )
    assert found[1]["sigma"] == ""
    made = provenance(analysed, "compare")
    assert {"published.csv", "tables/order.csv"} <= {file["path"] for file in made["inputs"]}
    assert [figure["name"] for figure in made["figures"]] == ["compare-order-Nb30Mo30Ta40", "compare-sigma"]
    for figure in made["figures"]:
        assert (analysed.root / figure["png"]).stat().st_size > 5000
        assert len(figure["alt"]) > 30
    assert "read off a figure" in made["summary"]


def test_two_campaigns(analysed, tmp_path, provenance):
    shutil.copytree(analysed.root, tmp_path / "second")
    second = Workdir(tmp_path / "second")
    text = (
        second.campaign_file.read_text()
        .replace("small <campaign> & more", "second")
        .replace("seed: 7", "seed: 8")
    )
    second.campaign_file.write_text(text.replace("other: published.csv", f"other: {analysed.root}"))
    assert compare.main([str(second.root)]) == 0
    made = provenance(second, "compare")
    assert {float(row["difference"]) for row in rows(second, "compare-order")} == {0.0}
    assert {row["table"] for row in rows(second, "compare")} == {"order", "order-jumps"}
    changed = {row["key"]: (row["this"], row["other"]) for row in rows(second, "compare-campaigns")}
    assert changed["seed"] == ("8", "7")
    assert "kmc.replicas" not in changed
    assert str(analysed.tables / "order.csv") in {file["path"] for file in made["inputs"]}


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ("nowhere", "nowhere is missing: expected the workdir of another campaign, or a CSV file"),
        ("labels", "labels is no workdir of a campaign: it has no campaign.yaml"),
    ],
)
def test_a_missing_other_side_is_named(analysed, capsys, other, said):
    text = analysed.campaign_file.read_text().replace("published.csv", other)
    analysed.campaign_file.write_text(text)
    assert compare.main([str(analysed.root)]) == 1
    assert said in capsys.readouterr().err


def test_nothing_in_common_and_no_other_side_are_errors(analysed, capsys):
    (analysed.root / "published.csv").write_text("temperature_K,shell,a,b,delta_ab\n444,1,Mo,Ta,1\n")
    assert compare.main([str(analysed.root)]) == 1
    assert "no row of a table in common: order: no rows in common." in capsys.readouterr().err
    analysed.campaign_file.write_text(analysed.campaign_file.read_text().split("analysis_options")[0])
    assert compare.main([str(analysed.root)]) == 1
    assert "no other side is named: analysis_options: {compare: {other:" in capsys.readouterr().err


def test_a_torn_table_is_named_and_left_out(analysed, provenance):
    (analysed.tables / "spectra.csv").write_text("composition,moving_species,source,mean_eV\nA,Mo,labels\n")
    assert compare.main([str(analysed.root)]) == 0
    (warning,) = provenance(analysed, "compare")["warnings"]
    assert "spectra.csv:2: expected 4 cells, got 3. The table is left out." in warning


@pytest.mark.parametrize(
    ("name", "header", "keys", "values"),
    [
        ("clusters-events", "case,jumps,split,split_error", ("case", "jumps"), ("split",)),
        (
            "clusters-sizes",
            "case,jumps,size,clusters,clusters_error",
            ("case", "jumps", "size"),
            ("clusters",),
        ),
        ("transport-fits", "case,walker,Q_eV,Q_error_eV,points", ("case", "walker"), ("Q_eV",)),
        (
            "transport",
            "case,temperature_K,walker,D_m2_s,D_error_replicas_m2_s,jump_frequency_Hz,jump_frequency_error_Hz",
            ("case", "temperature_K", "walker"),
            ("D_m2_s", "jump_frequency_Hz"),
        ),
        (
            "maps",
            "composition,source,mean_eV,error_eV,std_eV,std_error_eV",
            ("composition", "source"),
            ("mean_eV", "std_eV"),
        ),
        (
            "order-peak",
            "case,a,b,jumps,peak_temperature_K,error_K",
            ("case", "a", "b", "jumps"),
            ("peak_temperature_K",),
        ),
    ],
)
def test_tables_of_all_analyses_say_what_is_key_and_what_is_value(tmp_path, name, header, keys, values):
    row = ["0.5" if "_" in column or column in ("split", "clusters") else "1" for column in header.split(",")]
    (tmp_path / f"{name}.csv").write_text(f"{header}\n{','.join(row)}\n")
    table = read_table(tmp_path / f"{name}.csv")
    assert (table.keys, table.values) == (keys, values)
    assert all(value.error == 0.5 for value in next(iter(table.rows.values())).values())


def test_a_file_saved_by_a_spreadsheet_with_a_byte_order_mark_is_read(table):
    assert read_table(table("\ufeff" + OURS)).rows == read_table(table(OURS, folder="plain")).rows

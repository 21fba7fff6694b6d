"""What of LAMMPS's input language is let through, and what its files say of themselves."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.potentials import headers
from nnk.potentials.lammps_input import PairInput, named_elements, problems, words

FILE = "CuNi.eam.alloy"
LINE = f"* * {FILE} Cu Ni"


def texts(pair_style="eam/alloy", pair_coeff=(LINE,), files=(FILE,), elements=("Cu", "Ni")):
    return [f"{place}: {text}" for place, text in problems(pair_style, pair_coeff, files, elements)]


def test_the_usual_forms_are_let_through():
    assert texts() == []
    assert texts("lj/cut 2.5", ("1 1 0.4 2.3", "1 2 .4 -1e-3", "2*2 2 1 1"), ()) == []
    zbl = tuple(f"{i} {i} zbl {z} {z}" for i, z in ((1, 29), (2, 28)))
    snap = "* * snap a.snapcoeff a.snapparam Cu Ni"
    assert texts("hybrid/overlay zbl 2.0 2.5 snap", (*zbl, snap), ("a.snapcoeff", "a.snapparam")) == []
    assert (
        texts(
            "mliap model linear a.model descriptor sna a.descriptor",
            ("* * Cu Ni",),
            ("a.model", "a.descriptor"),
        )
        == []
    )
    assert texts("meam", ("* * library.meam Cu Ni CuNi.meam Cu Ni",), ("library.meam", "CuNi.meam")) == []


HOSTILE = [
    "$x",
    "${x}",
    "$(1+1)",
    "v_a",
    "c_pe",
    "f_1",
    '"""',
    '"a',
    "'a'",
    "&",
    "a;b",
    "`ls`",
    "a|b",
    "#",
    "{a}",
    "(1)",
    "../x.table",
    "/etc/passwd",
    "other.eam",
    "a\\b",
    "ü",
    "<x",
    "a>b",
    "!ls",
    "~/x",
    "%x",
    "@",
]


@pytest.mark.parametrize(
    "word",
    HOSTILE,
)
@pytest.mark.parametrize("place", ["pair_style", "pair_coeff"])
def test_what_lammps_could_expand_or_read_is_refused(word, place):
    if place == "pair_style":
        assert any(word in text and "allowed" in text for text in texts(f"eam/alloy {word}"))
    else:
        assert any(word in text and "allowed" in text for text in texts(pair_coeff=(f"{LINE} {word}",)))
    with pytest.raises(ValueError, match="allowed"):
        PairInput("eam/alloy", (f"{LINE} {word}",), (Path(FILE),), ("Cu", "Ni"))


@pytest.mark.parametrize("text", ["eam/alloy\nshell ls", "eam/alloy\tx", "eam/alloy\r", "", "  "])
def test_one_line_with_something_in_it(text):
    assert texts(text)


@pytest.mark.parametrize("style", ["python 5.0", "mliap unified a 0", "hybrid eam/alloy python 3"])
def test_nothing_runs_python(style):
    assert any("runs Python code" in text for text in texts(style))


@pytest.mark.parametrize(
    "style", ["coul/cut 5", "lj/cut/coul/long 5", "reaxff NULL", "hybrid eam/alloy coul/dsf 1 2"]
)
def test_charges_are_refused(style):
    assert any("needs charges" in text for text in texts(style))


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_comes_only_plain_words_get_through(style, line):
    try:
        made = PairInput(style, (line,), (), ("Cu", "Ni")).lines
    except ValueError:
        return
    for word in made[0][1:] + made[1][1:]:
        assert word.isascii()
        assert not set(word) & set("$&;`'\"#{}()<>|\\\n\r\t ")


def test_types_are_counted():
    assert any('got "3" for a type' in text for text in texts("lj/cut 3", ("1 3 1 1",), ()))
    assert any('got "x" for a type' in text for text in texts("lj/cut 3", ("x 1 1 1",), ()))
    assert any("names 3 elements for 2 types" in text for text in texts(pair_coeff=(f"{LINE} Al",)))
    assert texts(pair_coeff=(f"* * {FILE} Cu NULL", f"* * {FILE} NULL Ni")) == []


def test_an_element_has_one_type():
    found = texts(pair_coeff=(f"{LINE} Ni",), elements=("Cu", "Ni", "Ni"))
    assert found == ["('pair_coeff', 0): \"Ni\" for 2 types; allowed: each element once"]


def test_files_have_names_of_their_own_and_are_used():
    assert any("a second file named" in text for text in texts(files=(FILE, FILE)))
    assert any("stands in no pair_coeff" in text for text in texts(files=(FILE, "other")))


def test_words_keep_the_blanks_of_files():
    assert words("* * my file.eam Cu", ["my file.eam", "file.eam"]) == ["*", "*", "my file.eam", "Cu"]
    assert words("a.eamx a.eam", ["a.eam"]) == ["a.eamx", "a.eam"]


@pytest.mark.parametrize(
    ("lines", "files", "elements"),
    [
        ((LINE,), (FILE,), ("Cu", "Ni")),
        (("* * snap a b Nb Mo Ta",), ("a", "b"), ("Nb", "Mo", "Ta")),
        (("* * eam/alloy a Cu NULL", "* * eam/fs b NULL Ni"), ("a", "b"), ("Cu", "Ni")),
        (("* * Ta",), (), ("Ta",)),
        (("1 1 zbl 73 73", "* * snap a b Ta"), ("a", "b"), ("Ta",)),
        (("* * library.meam Cu Ni p.meam Ni Cu",), ("library.meam", "p.meam"), ("Ni", "Cu")),
        (("1 1 0.4 2.3",), (), None),
        (("* * eam/alloy a Cu NULL",), ("a",), None),
    ],
)
def test_elements_are_those_that_the_lines_name(lines, files, elements):
    assert named_elements(lines, files) == elements


def test_elements_are_looked_up_in_the_table(cu_ni):
    pair = PairInput("eam/alloy", (f"* * {cu_ni.name} Cu Al",), (cu_ni,), ("Cu", "Al"))
    ((place, text),) = pair.wrong_elements()
    assert place == ("pair_coeff", 0)
    assert text == 'the file has no "Al"; allowed: Ni, Cu, NULL'
    right = PairInput(
        "hybrid/overlay eam/alloy zbl 1 2",
        (f"* * eam/alloy {cu_ni.name} Ni NULL", "1 2 zbl 28 13"),
        (cu_ni,),
        ("Ni", "Al"),
    )
    assert list(right.wrong_elements()) == []
    assert right.cutoff_A == pytest.approx(6.394332378)


def test_a_table_of_another_form_is_seen(snap_files):
    pair = PairInput("eam/alloy/opt", (f"* * {snap_files[0].name} Ta",), snap_files[:1], ("Ta",))
    ((_, text),) = pair.wrong_elements()
    assert "is no setfl table" in text


def test_header_of_snap(snap_files):
    header = headers.read_snapcoeff_header(snap_files[0])
    assert header.elements == ("Ta", "Nb", "Mo", "W")
    assert headers.read_snap_cutoff_A(*snap_files) == pytest.approx(4.6 * 2 * 0.511)
    with pytest.raises(ValueError, match="no SNAP coefficient file"):
        headers.read_snapcoeff_header(snap_files[1])


def test_header_of_mtp(mtp_file, snap_files, tmp_path):
    (tmp_path / "a").write_text("MTP\nspecies_count = 2\n\tmax_val = 5.5\n")
    assert headers.read_mtp_header(tmp_path / "a") == headers.Header(None, 2, 5.5)
    header = headers.read_mtp_header(mtp_file)
    assert (header.elements, header.n_species, header.cutoff_A) == (None, 4, pytest.approx(4.7))
    with pytest.raises(ValueError, match="no moment tensor potential"):
        headers.read_mtp_header(snap_files[0])


def test_header_of_setfl(tmp_path):
    (tmp_path / "a").write_text("1\n2\n3\n2 Cu\n5 0.1 5 0.1 6.0\n")
    with pytest.raises(ValueError, match="line 4: announces 2 elements and names 1"):
        headers.read_setfl_header(tmp_path / "a")
    (tmp_path / "b").write_bytes(b"\xff\xfe" * 100)
    with pytest.raises(ValueError, match="no setfl table"):
        headers.read_setfl_header(tmp_path / "b")

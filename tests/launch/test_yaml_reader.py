"""Reading never ends in a traceback, and places are those of the text."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from launch.campaign import load_campaign
from launch.problems import CampaignErrors, Position
from nnk.files.plain_yaml import parse

INDICATORS = [
    "a",
    ": ",
    "\n",
    "\n  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&x ",
    "*x",
    "!t ",
    "|\n",
    ">",
    "'",
    '"',
]
WORDS = ["label", "# ", "? ", "---\n", "...\n", "%YAML 1.2\n", "1", "1e5", "~", ".nan", "<<: "]
ODD = ["'", '"', "\t", "\x00", "é", "\ufeff", "\u2028"]
PARTS = st.sampled_from([*INDICATORS, *WORDS, *ODD])
LINE_ENDS = "\n\r\x85\u2028\u2029"


@given(st.lists(PARTS, max_size=25).map("".join) | st.text(max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_a_mapping_or_problems(text: str):
    document = parse(text, "f")
    assert document.problems or isinstance(document.data, dict)
    lines = sum(map(text.count, LINE_ENDS))
    for problem in document.problems:
        assert str(problem).startswith("f:")
        assert problem.position is not None
        assert 1 <= problem.position.line <= lines + 2


@given(content=st.binary(max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_refused_with_a_message(content: bytes, tmp_path_factory: pytest.TempPathFactory):
    path = tmp_path_factory.mktemp("bytes") / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(CampaignErrors):
        load_campaign(path)


@given(position=st.integers(0, 600), part=PARTS)
@settings(max_examples=150, deadline=None)
def test_a_damaged_campaign_is_read_or_refused(
    position: int, part: str, campaign_text: str, tmp_path_factory
):
    path = tmp_path_factory.mktemp("damaged") / "c.yaml"
    path.write_text(campaign_text[:position] + part + campaign_text[position:], encoding="utf-8")
    with suppress(CampaignErrors):
        assert load_campaign(path).schema_version == 1


def test_positions():
    document = parse("a:\n  - {b: 1, c: [x,\n      y]}\n", "f")
    assert document.position(("a", 0, "c")) == Position(2, 15)
    assert document.position(("a", 0, "c"), of_key=True) == Position(2, 12)
    assert document.position(("a", 0, "c", 1)) == Position(3, 7)
    assert document.position(("a", 0, "missing")) == Position(2, 5)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("200_000", 200_000),
        ("1.0e13", 1e13),
        ("1e13", 1e13),
        ("-.5", -0.5),
        ("0x1F", 31),
        ("0o17", 15),
        ("010", 10),
        ("true", True),
        ("yes", "yes"),
        ("02:00:00", "02:00:00"),
        ("2:00:00", "2:00:00"),
        ("2026-01-01", "2026-01-01"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("~", None),
        ("", None),
        ("1.2.3", "1.2.3"),
        ("&x [1]", [1]),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object):
    data = parse(f"a: {text}\n", "f").data
    assert data == {"a": value}
    assert type(data["a"]) is type(value)


def test_aliases_stand_for_their_anchor():
    assert parse("a: &x {b: 1}\nc: *x\n", "f").data == {"a": {"b": 1}, "c": {"b": 1}}


def test_byte_order_mark_and_windows_line_ends(campaign_text: str, tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + campaign_text.replace("\n", "\r\n").encode())
    assert load_campaign(path).name == "tiny"

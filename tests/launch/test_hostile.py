"""What careless and hostile users give to the command line."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launch.campaign import RESOLVED_HEADER, load_campaign
from launch.cli import run_command
from launch.plan import make_plan
from launch.problems import CampaignErrors
from nnk.files import Workdir

LAUNCH = Path(sys.executable).with_name("launch")


def errors(path: Path) -> list[str]:
    """Messages about a file, from the line number on."""
    with pytest.raises(CampaignErrors) as error:
        load_campaign(path)
    return [str(problem).removeprefix(f"{path}:") for problem in error.value.problems]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ('"a\\0b"', 'got "a\\x00b"; allowed: a path without control'),
        ('"a\\x1b[31m"', 'got "a\\x1b[31m"; allowed: a path without control'),
        ('"\\ud800"', 'got "\\ud800"; allowed: text'),
        ("~no-such-user/x", 'got "~no-such-user/x"; allowed: characters, after ~ the name of a user'),
        ("a" * 300, 'got "' + "a" * 40 + '..."; allowed: a path with at most 255 bytes for each name'),
        ("a/" * 3000, 'got "' + "a/" * 20 + '..."; allowed: a path with at most 255 bytes for each name'),
        ("/", "/ is not for the products of one campaign; allowed: a folder of its own"),
        ("/tmp/..", "/ is not for the products"),
        ("'~'", f"{Path.home()} is not for the products"),
        ("c.yaml/x", "{folder}/c.yaml is not a folder"),
        (
            "'a\\b'",
            "{folder}/a\\b has a backslash, which NetCDF takes for the end of a folder's name; allowed",
        ),
    ],
)
def test_impossible_workdirs(value: str, message: str, write_campaign, tmp_path: Path):
    (line,) = errors(write_campaign(("workdir: work", f"workdir: {value}")))
    assert line.startswith("4:10: workdir: " + message.replace("{folder}", str(tmp_path)))


def test_workdir_that_is_a_loop_of_links(write_campaign, tmp_path: Path):
    (tmp_path / "work").symlink_to(tmp_path / "work")
    (line,) = errors(write_campaign())
    assert line.startswith(f"4:10: workdir: {tmp_path / 'work'}")


@pytest.mark.parametrize("value", [".", "..", "päth with spaces ☃", "a/../b"])
def test_odd_workdirs_that_are_fine(value: str, write_campaign, tmp_path: Path):
    campaign = load_campaign(write_campaign(("workdir: work", f"workdir: {value}")))
    assert campaign.workdir_path == (tmp_path / value).resolve()


def test_another_campaign_file_is_not_overwritten(write_campaign):
    precious = write_campaign(name="campaign.yaml")
    (line,) = errors(write_campaign(("workdir: work", "workdir: ."), name="other.yaml"))
    assert line == (
        f"4:10: workdir: the copy that launch keeps there would overwrite {precious}; allowed: another folder"
    )


def test_the_workdir_of_another_campaign_is_a_warning(write_campaign, tmp_path: Path):
    path = write_campaign()
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "campaign.yaml").write_text(f"{RESOLVED_HEADER}name: tiny\n")
    assert load_campaign(path).warnings == ()
    (tmp_path / "work" / "campaign.yaml").write_text(f"{RESOLVED_HEADER}name: large\n")
    (warning,) = load_campaign(path).warnings
    assert f'4:10: workdir: {tmp_path / "work"} holds the campaign "large"' in str(warning)


@pytest.mark.parametrize("level", ["scratch", "checkpoints", "results"])
def test_clean_leaves_folders_that_no_run_has_made(level: str, write_campaign, tmp_path: Path, capsys):
    path = write_campaign(("workdir: work", "workdir: ."))
    for name in ("logs", "run", "models", "figures"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "precious").touch()
    assert run_command(["clean", str(path), "--level", level, "--force"]) == 2
    assert f"no campaign was run in {tmp_path}" in capsys.readouterr().err
    assert len(list(tmp_path.glob("*/precious"))) == 4


@pytest.mark.parametrize("text", ["a\\nb", "\\x1b[31m", "\\u202e", "\\u2028"])
def test_a_message_is_one_line_that_cannot_steer_the_terminal(text: str, write_campaign):
    for old, new in [("name: tiny", f'name: "{text}"'), ("seed: 7", f'seed: 7\n"{text}": 1')]:
        (line,) = errors(write_campaign((old, new)))
        assert all(character.isprintable() for character in line)


@pytest.mark.parametrize(
    ("replacement", "message"),
    [
        (("seed: 7", "seed:"), "3:1: seed: got nothing; allowed: a whole number"),
        (
            ("{jumps: 1_000}", "{jumps: 1e6}"),
            "31:17: kmc.stop.jumps: got 1000000.0; allowed: a whole number >= 1",
        ),
        (
            ("[equimolar]", "[]"),
            "27:17: kmc.compositions: got a list of 0; allowed: equimolar or a list of at ",
        ),
        (
            ("name: tiny", 'name: "tiny'),
            "35:1: not YAML: while scanning a quoted scalar that begins on line 2, ",
        ),
        (
            ("  cells: [8, 8, 8]", "  cells: [8, 8, 100_000]"),
            "26:17: kmc.cells[2]: got 100000; allowed: a whole",
        ),
        (("{jumps: 1_000}", "{jumps: 1" + 20 * "0" + "}"), "31:17: kmc.stop.jumps: got 1000000"),
        (
            ("replicas: 2", "replicas: 1000000000"),
            "30:13: kmc.replicas: got 1000000000; allowed: a whole number",
        ),
        (
            ("composition: 3", "composition: 1000000000"),
            "16:30: label.vacancies_per_composition: got 1000000000;",
        ),
        (("[400, 800]", "[1e-300, 800]"), "29:20: kmc.temperatures_K[0]: got 1e-300; allowed: a number >= 1"),
    ],
)
def test_places_hints_and_bounds(replacement: tuple[str, str], message: str, write_campaign):
    assert errors(write_campaign(replacement))[0].startswith(message)


def test_merge_keys(write_campaign):
    lines = errors(write_campaign(("  model: main", "  <<: {model: main}")))
    assert "25:3: kmc.<<: merge keys are not in YAML 1.2; write out the keys that are meant" in lines


def test_hints(write_campaign):
    assert errors(write_campaign(("{jumps: 1_000}", "{jumps: 1e6}")))[0].endswith("; did you mean 1000000?")
    listed = "a list of compositions, {grid: paper46} or {grid: {divisions: 5, margin: 0.1}}"
    assert errors(write_campaign(("[equimolar]", "{Nb: 1.0}")))[0].endswith(listed)


def test_thousands_of_errors_take_seconds(tmp_path: Path):
    path = tmp_path / "c.yaml"
    path.write_text("".join(f"key{i}: 1\n" for i in range(20_000)))
    began = time.process_time()  # of the processor: other work on the machine does not count
    lines = errors(path)
    assert time.process_time() - began < 20
    assert len(lines) < 300
    assert "1:1: 20005 errors, of which some are shown" in lines


def test_damaged_inputs_of_an_earlier_run(write_campaign, make_products):
    path = write_campaign()
    workdir = Workdir(load_campaign(path).workdir_path)
    make_products(make_plan(load_campaign(path), workdir), workdir)
    kept = sorted(workdir.records("label").glob("inputs-*.json"))
    kept[0].write_text("garbage")
    kept[1].write_text("[1]")
    changed = load_campaign(write_campaign(("0.02", "0.01")))
    assert {todo.reason for todo in make_plan(changed, workdir)["label"].todo} == {"input changed"}


def in_shell(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    command = command.replace("launch", str(LAUNCH))
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("launch plan c.yaml >&-", 0),
        ("launch plan c.yaml <&- >&- 2>&-", 0),
        ("launch validate bad.yaml 2>&-", 2),
        ("launch validate bad.yaml 2>&1 | true; exit ${PIPESTATUS[0]}", 2),
    ],
)
def test_streams_that_are_closed(
    command: str, code: int, write_campaign: Callable[..., Path], tmp_path: Path
):
    write_campaign()
    write_campaign(("seed: 7", "seed: x"), name="bad.yaml")
    result = in_shell(command, tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (code, "", "")


def test_characters_that_the_locale_lacks(write_campaign, tmp_path: Path):
    write_campaign(name="ä.yaml")
    result = in_shell("launch validate ?.yaml", tmp_path, LC_ALL="C.UTF-8", PYTHONIOENCODING="ascii")
    assert (result.returncode, result.stdout[:11], result.stderr) == (0, "\\xe4.yaml: ", "")


def test_words_that_are_folders(write_campaign, tmp_path: Path, monkeypatch, capsys):
    write_campaign(name="campaign.yaml")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "campaign.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert run_command(["work"]) == 2
    assert (
        "work: is a directory; expected a campaign file; did you mean work/campaign.yaml?"
        in capsys.readouterr().err
    )


def test_no_arguments_show_the_help(capsys):
    assert run_command([]) == 2
    assert capsys.readouterr().err.startswith("Usage: launch ")


def test_init_where_nothing_can_be_written(tmp_path: Path, capsys):
    (tmp_path / "file").touch()
    assert run_command(["init", str(tmp_path / "file" / "c.yaml")]) == 2
    assert "c.yaml cannot be written: Not a directory" in capsys.readouterr().err

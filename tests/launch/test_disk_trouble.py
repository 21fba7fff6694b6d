import errno

import pytest

from launch import cli
from launch.disk_trouble import disk_trouble


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE])
def test_cause_and_cure_of_a_file_system_that_takes_no_more(number):
    told = disk_trouble(OSError(number, "as the system says", "/work/labels.nc"))
    assert told.startswith("/work/labels.nc: as the system says; ")
    assert "run the same command again" in told


def test_where_the_system_names_no_file_the_place_is_guessed():
    told = disk_trouble(OSError(errno.ENOSPC, "No space left on device"))
    assert told.startswith(
        "the workdir's file system, most likely: No space left on device; free space there"
    )


def test_other_errors_are_left_to_others():
    assert disk_trouble(FileNotFoundError(errno.ENOENT, "No such file", "x")) is None
    assert disk_trouble(OSError("without a number")) is None


def test_the_command_tells_it(monkeypatch, capsys):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, "No space left on device", "/work/epoch")

    monkeypatch.setattr(cli, "app", full)
    monkeypatch.setattr(cli, "_with_verb", lambda words: words)
    assert cli.run_command(["status"]) == 3
    assert "launch: /work/epoch: No space left on device; free space there" in capsys.readouterr().err

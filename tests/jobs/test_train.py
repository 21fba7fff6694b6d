"""The training job: what it records, and when it will not train."""

import json
import time

import pytest
import torch

from jobs.mpi_job import EXIT_WRONG_WORLD
from jobs.stop import BLOCK_END, Stop
from jobs.train import before_the_walltime, main
from jobs.unit import Unit, UnitItem
from nnk.files import Workdir


@pytest.fixture
def unit(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.epoch_file.write_text("1\n")

    def make(backend, ranks, device="cpu"):
        settings = {"backend": backend, "device": device, "model": {"name": "main"}, "train": {}}
        unit = Unit("train", "u", tmp_path, 1, ranks, settings, (UnitItem("main", "0" * 32, "1" * 32),))
        return unit.save()

    return make


def records(tmp_path):
    return [
        json.loads(line)
        for path in tmp_path.glob("records/train/*")
        for line in path.read_text().splitlines()
    ]


def test_fewer_ranks_than_asked_for_train_nothing(unit, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert main([str(unit("ddp", 2))]) == EXIT_WRONG_WORLD
    assert "start with torch.distributed.run" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main([str(unit("single", 1, "cuda"))]) == EXIT_WRONG_WORLD
    assert "sees no GPU here" in capsys.readouterr().err
    assert records(tmp_path) == []


def test_failures_are_recorded(unit, tmp_path):
    assert main([str(unit("single", 1))]) != 0  # there are no labels
    started, failed = records(tmp_path)
    assert (started["state"], failed["state"]) == ("started", "failed")
    assert "labels" in failed["error"]


def test_an_epoch_that_may_not_fit_is_not_begun(tmp_path, monkeypatch):
    monkeypatch.delenv(BLOCK_END, raising=False)
    stop = Stop(tmp_path / "stop")
    ask = before_the_walltime(stop)
    time.sleep(0.2)
    assert not ask()
    monkeypatch.setenv(BLOCK_END, str(time.time() + 1000))
    assert not ask()
    monkeypatch.setenv(BLOCK_END, str(time.time() + 10.3))  # ten seconds are kept for the end of the job
    assert ask()
    monkeypatch.delenv(BLOCK_END)
    assert not ask()
    stop.request()
    assert ask()

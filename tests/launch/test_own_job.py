"""A driver within a job stops before the nodes are taken back."""

import os
import time

import pytest

from jobs.stop import BLOCK_END, seconds_left
from launch import own_job
from launch.interrupt import Interruption
from launch.own_job import ended_in_time
from site_configs.in_job import Allocation


@pytest.fixture
def said():
    return []


@pytest.fixture
def interruption(tmp_path, said):
    return Interruption(tmp_path / "stop", said.append)


def test_it_asks_to_stop_in_time(interruption, said, monkeypatch):
    monkeypatch.setattr(own_job, "BEFORE_END_S", 5.0)
    end = time.time() + 5.2
    with ended_in_time(Allocation("7", 2, end), interruption, said.append):
        assert float(os.environ[BLOCK_END]) == pytest.approx(end, abs=1)
        assert seconds_left() < 5.2
        assert not interruption.asked
        time.sleep(0.5)
        assert interruption.asked
    assert BLOCK_END not in os.environ
    assert said[0] == "the nodes of job 7 are taken back in 5 s"


@pytest.mark.parametrize("allocation", [None, Allocation("7", 2, None)])
def test_without_an_end_nothing_is_done(interruption, said, allocation):
    with ended_in_time(allocation, interruption, said.append):
        assert BLOCK_END not in os.environ
    assert not interruption.asked


def test_a_run_that_is_over_is_left_alone(interruption, said, monkeypatch):
    monkeypatch.setattr(own_job, "BEFORE_END_S", 0.0)
    with ended_in_time(Allocation("7", 2, time.time() + 0.3), interruption, said.append):
        pass
    time.sleep(0.5)
    assert not interruption.asked

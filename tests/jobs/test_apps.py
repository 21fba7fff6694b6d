"""What a worker does before it runs a job inside itself."""

import os

import pytest

from jobs.apps import (
    GPU_VARIABLE,
    GPU_VARIABLES,
    HOST,
    PLACED_BY_PARSL,
    keep_gpu_variable,
    placed,
    run_command,
)
from jobs.block import Block, noted_block


@pytest.mark.parametrize("kept", GPU_VARIABLES)
def test_a_worker_is_bound_to_its_gpu_by_one_variable(kept):
    environment = dict.fromkeys(GPU_VARIABLES, "3") | {GPU_VARIABLE: kept, "OTHER": "3"}
    keep_gpu_variable(environment)
    assert environment == {kept: "3", GPU_VARIABLE: kept, "OTHER": "3"}


def test_without_a_choice_nothing_is_changed():
    environment = dict.fromkeys(GPU_VARIABLES, "0")
    keep_gpu_variable(environment)
    assert environment == dict.fromkeys(GPU_VARIABLES, "0")


def test_amds_runtime_is_told_once_which_gpu():
    environment = dict.fromkeys(("HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", *GPU_VARIABLES), "1")
    keep_gpu_variable(environment | {GPU_VARIABLE: "ROCR_VISIBLE_DEVICES"})
    assert len(environment) == 5
    environment[GPU_VARIABLE] = "ROCR_VISIBLE_DEVICES"
    keep_gpu_variable(environment)
    assert environment == {"ROCR_VISIBLE_DEVICES": "1", GPU_VARIABLE: "ROCR_VISIBLE_DEVICES"}


def test_words_of_a_command_are_filled_in_where_it_runs():
    environment = {"PARSL_MPI_PREFIX": "srun --nodelist n1,n2 --comment 'a b'", "SLURMD_NODENAME": "n1"}
    placed_by_parsl = placed([PLACED_BY_PARSL, "python", "-m", "job", "{hostess}"], environment)
    assert placed_by_parsl[:5] == ["srun", "--nodelist", "n1,n2", "--comment", "a b"]
    assert placed_by_parsl[5:] == ["python", "-m", "job", "{hostess}"]
    assert placed(["srun", "--nodelist", HOST, "x"], environment) == ["srun", "--nodelist", "n1", "x"]
    assert placed([HOST], {}) == [os.uname().nodename]


def test_a_command_leaves_behind_in_which_block_it_ran(tmp_path, monkeypatch):
    monkeypatch.setenv("PARSL_WORKER_BLOCK_ID", "3")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setenv("NNK_BLOCK_END_UNIX_S", "1000")
    where = [str(tmp_path / name) for name in ("log", "stop", "work")]
    assert run_command(["true"], *where) == 0
    block = noted_block(tmp_path / "work")
    assert block == Block("3", "17", os.uname().nodename, 1000.0)
    assert [block.has_ended(now) for now in (980.0, 995.0, 1100.0)] == [False, True, True]
    assert noted_block(tmp_path) is None


def test_outside_of_a_job_a_block_never_ends():
    block = Block.here({})
    assert (block.id, block.job, block.end_unix_s) == ("", "", None)
    assert not block.has_ended()

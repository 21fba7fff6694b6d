"""What schedulers answer, on good days and on bad ones."""

import subprocess
import time

import pytest
from parsl.jobs.states import JobState, JobStatus
from parsl.providers.errors import SubmitException
from parsl.providers.slurm.slurm import squeue_translate_table

from site_configs.schedulers import (
    NO_ANSWER,
    PolledPbs,
    PolledSlurm,
    UnreadableAnswer,
    read_qstat_json,
    read_qstat_table,
    read_squeue,
    run_shell,
)

TABLE = """\
Job id            Name             User              Time Use S Queue
----------------  ---------------- ----------------  -------- - -----
1234.pbs01        parsl.label.blo* me                00:00:03 R workq
1235.pbs01        parsl.label.blo* me                       0 Q workq
"""
JSON = '{"timestamp":1,"Jobs":{"1234.pbs01":{"job_state":"R"},"1235.pbs01":{"job_state":"F"}}}'
UNKNOWN = "qstat: Unknown Job Id 1234.pbs01\n"


def test_answers_are_read():
    states = {"7": JobState.RUNNING, "8": JobState.PENDING, "9": JobState.UNKNOWN}
    assert read_squeue("7 R\n8 PD\n\n 9 XX by 17\n", squeue_translate_table) == states
    assert read_qstat_json(JSON) == {"1234": JobState.RUNNING, "1235": JobState.COMPLETED}
    assert read_qstat_json('{"timestamp":1}') == {}
    assert read_qstat_table(TABLE) == {"1234": JobState.RUNNING, "1235": JobState.PENDING}


@pytest.mark.parametrize("answer", ["slurm_load_jobs error", "<html>", "\x00\x01", "7"])
def test_nonsense_from_squeue_is_told(answer):
    with pytest.raises(UnreadableAnswer, match="expected the number of a job"):
        read_squeue(answer, squeue_translate_table)


@pytest.mark.parametrize("answer", ["", "{", JSON[:40], "[]", "null", '{"Jobs":{"1":{}}}', '{"Jobs":3}'])
def test_nonsense_from_qstat_is_told(answer):
    with pytest.raises(UnreadableAnswer, match="expected JSON"):
        read_qstat_json(answer)
    with pytest.raises(UnreadableAnswer, match="expected a table"):
        read_qstat_table(answer)


def test_a_command_that_hangs_is_ended_with_all_it_has_started():
    began = time.monotonic()
    code, _, said = run_shell("sleep 98765 | cat", 0.2)
    assert (code, said) == (NO_ANSWER, "no answer within 0.2 s")
    assert time.monotonic() - began < 5
    assert "sleep 98765" not in subprocess.run(["ps", "ax"], capture_output=True, text=True).stdout


def answering(provider, *answers):
    """The provider with a job that runs; its commands get these answers, the last one for ever."""
    queue = list(answers)
    asked = []

    def answer(command, timeout=None):
        asked.append(command)
        return queue.pop(0) if len(queue) > 1 else queue[0]

    provider.execute_wait = answer
    entry = {"status": JobStatus(JobState.RUNNING), "job_stdout_path": "", "job_stderr_path": ""}
    provider.resources["1234.pbs01" if isinstance(provider, PolledPbs) else "1234"] = entry
    return asked


def state(provider):
    (job,) = provider.resources
    return provider.status([job])[0].state


@pytest.fixture
def pbs():
    return PolledPbs(1, cmd_timeout=2)


@pytest.fixture
def slurm():
    return PolledSlurm(1, cmd_timeout=2)


def test_a_job_has_ended_when_two_answers_leave_it_out(slurm):
    answering(slurm, (0, "", ""), (0, "1234 R", ""), (0, "", ""), (0, "", ""))
    assert [state(slurm) for _ in range(4)] == [JobState.RUNNING] * 3 + [JobState.COMPLETED]


def test_a_job_that_squeue_has_forgotten_has_ended(slurm):
    answering(slurm, (1, "", "slurm_load_jobs error: Invalid job id specified\n"))
    assert [state(slurm), state(slurm)] == [JobState.RUNNING, JobState.COMPLETED]
    assert slurm.trouble is None


def test_trouble_is_kept_until_an_answer_comes(slurm):
    down = (1, "", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
    answering(slurm, down, down, (0, "1234 R\n", ""))
    assert state(slurm) is JobState.RUNNING
    first = slurm.trouble
    assert first.text.startswith("squeue has failed (exit code 1): slurm_load_jobs error: Unable to contact")
    assert state(slurm) is JobState.RUNNING
    assert slurm.trouble.since_s == first.since_s
    assert state(slurm) is JobState.RUNNING
    assert slurm.trouble is None


def test_a_held_job_counts_as_one_that_waits(pbs):
    answering(pbs, (0, JSON.replace('"R"', '"H"'), ""))
    assert state(pbs) is JobState.PENDING


def test_json_that_is_none_is_made_good_by_the_table(pbs):
    asked = answering(pbs, (0, JSON[:50], ""), (0, TABLE, ""))
    assert state(pbs) is JobState.RUNNING
    assert asked == ["qstat -x -f -F json 1234.pbs01", "qstat -x 1234.pbs01"]
    assert pbs.trouble is None


def test_a_job_that_pbs_has_forgotten_has_ended(pbs):
    answering(pbs, (153, '{"timestamp":1}', UNKNOWN))
    assert [state(pbs), state(pbs)] == [JobState.RUNNING, JobState.COMPLETED]


def test_ended_jobs_are_asked_for_no_more(pbs):
    asked = answering(pbs, (0, JSON.replace('"R"', '"F"'), ""))
    assert state(pbs) is JobState.COMPLETED
    state(pbs)
    assert len(asked) == 1


@pytest.mark.parametrize("word", ["", "qsub: script is rejected by hook"])
def test_what_is_no_id_is_no_job(pbs, tmp_path, word):
    pbs.script_dir = str(tmp_path)
    pbs.execute_wait = lambda command, timeout=None: (0, f"{word}\n", "")
    with pytest.raises(SubmitException, match="expected the id of a job"):
        pbs.submit("true", 1)
    assert not pbs.resources


def test_a_submission_is_repeated_while_the_scheduler_is_down(pbs, tmp_path, monkeypatch):
    monkeypatch.setattr("site_configs.schedulers.AGAIN_S", 0.01)
    pbs.script_dir = str(tmp_path)
    down = (111, "", "Connection refused\nqsub: cannot connect to server pbs01 (errno=111)\n")
    asked = answering(pbs, down, (NO_ANSWER, "", "no answer within 2 s"), (0, "1300.pbs01\n", ""))
    assert pbs.submit("true", 1) == "1300.pbs01"
    assert len(asked) == 3
    assert pbs.trouble is None
    asked = answering(pbs, (170, "", "qsub: Unknown queue\n"))
    with pytest.raises(SubmitException, match="Unknown queue"):
        pbs.submit("true", 1)
    assert len(asked) == 1


def test_jobs_that_could_not_be_cancelled_are_known(pbs):
    answering(pbs, (111, "", "qdel: cannot connect to server pbs01 (errno=111)"))
    assert pbs.cancel(list(pbs.resources)) == [False]
    assert pbs.not_cancelled == ["1234.pbs01"]
    answering(pbs, (35, "", "qdel: Job has finished 1234.pbs01"), (0, JSON.replace('"R"', '"F"'), ""))
    pbs.cancel(list(pbs.resources))
    assert pbs.not_cancelled == []

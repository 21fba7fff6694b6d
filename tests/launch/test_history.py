"""What records tell, also those of earlier versions."""

import pytest

from launch.failure_groups import failures_by_class
from launch.failures import is_held
from launch.history import History
from nnk.files import Workdir, append_record


def recorded(tmp_path, *records):
    workdir = Workdir(tmp_path)
    for record in records:
        append_record(workdir, "kmc", "w", {"key": "a", "hash": "h", "group": "g", **record})
    return History(workdir).last("kmc", "a")


@pytest.mark.parametrize(
    ("record", "failure"),
    [
        ({"state": "failed", "error": "ValueError: no"}, "unknown"),  # of before there were classes
        ({"state": "failed", "class": "of a later version"}, "unknown"),
        ({"state": "failed", "class": "memory"}, "memory"),
        ({"state": "quarantined", "class": "node"}, "node"),
        ({"state": "done", "class": "crash", "error": "crashed: x"}, "crash"),
        ({"state": "done"}, None),
        ({"state": "started"}, None),
        ({"state": "cleared"}, None),
    ],
)
def test_classes_of_records(record, failure, tmp_path):
    event = recorded(tmp_path, record)
    assert event.failure == failure
    assert event.has_failed == (failure is not None)


def test_an_earlier_failure_without_a_class_is_tried_again_and_told(tmp_path):
    event = recorded(tmp_path, {"state": "failed", "error": "ValueError: no\nmore", "log": "logs/kmc/u.log"})
    assert not is_held(event)
    (group,) = failures_by_class([event])
    assert (group.failure, group.error, group.log) == ("unknown", "ValueError: no", "logs/kmc/u.log")


def test_the_last_event_counts(tmp_path):
    failed = {"state": "failed", "class": "user", "error": "ValueError: no"}
    assert recorded(tmp_path, failed).has_failed
    assert recorded(tmp_path, {"state": "cleared"}).state == "cleared"
    assert not recorded(tmp_path, {"state": "done", "seconds": 1.5}).has_failed

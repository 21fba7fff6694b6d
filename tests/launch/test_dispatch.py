"""What is said when Parsl cannot be had."""

import parsl
import pytest

from launch.dispatch import dispatcher
from nnk.files import Workdir
from site_configs import SiteError, load_site


def refused(message):
    def load(config):
        raise Exception(message)

    return load


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        ("Interchange failed to start", SiteError, "has not started: see .*/run/000001/parsl; run again"),
        ("anything else", Exception, "^anything else$"),
    ],
)
def test_an_interchange_that_does_not_start_is_told(tmp_path, monkeypatch, message, kind, words):
    """Parsl waits two minutes for it: its own words stand in for that (the fault tests kill a real one)."""
    monkeypatch.setattr(parsl, "load", refused(message))
    parsl_here = dispatcher(load_site("local"), Workdir(tmp_path), 1, [], print)
    with pytest.raises(kind, match=words), parsl_here:
        pass

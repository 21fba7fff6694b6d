from __future__ import annotations

import json

import pytest

from benchmarks import density_map


def test_it_measures(capsys):
    assert density_map.main(["--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["maps_per_s"] > 10 * found["numpy_maps_per_s"] > 10 * found["loops_maps_per_s"]
    assert 0 < found["share_of_fill"] < 1


def test_a_way_that_is_off_is_refused(monkeypatch):
    exact = density_map.by_loops
    monkeypatch.setattr(density_map, "by_loops", lambda *arguments: exact(*arguments) + 2e-5)
    with pytest.raises(ValueError, match="numpy: 2e-05 away from the formula"):
        density_map.measure()

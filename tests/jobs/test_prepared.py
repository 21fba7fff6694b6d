"""What labels are prepared with: read as it was written, and damage is noticed."""

import json

from jobs.prepared import read_lattice_parameter_A, write_product
from launch.products import _hash_in_json
from nnk.files import Fence, Workdir


def test_a_digit_that_has_changed_on_the_disk_is_noticed(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.epoch_file.write_text("1\n")
    path = workdir.lattice_file("NbTa")
    write_product(
        path, {"composition": {"Nb": 0.5, "Ta": 0.5}, "a_A": 3.305}, "h" * 32, Fence(workdir.epoch_file, 1)
    )
    assert read_lattice_parameter_A(workdir, "NbTa") == 3.305
    assert _hash_in_json(path) == "h" * 32
    path.write_text(path.read_text().replace("3.305", "3.705"))
    assert _hash_in_json(path) == ""


def test_products_of_before_the_content_had_a_hash_still_count(tmp_path):
    path = tmp_path / "system.json"
    path.write_text(json.dumps({"inputs_hash": "h" * 32, "a_A": 3.3}))
    assert _hash_in_json(path) == "h" * 32

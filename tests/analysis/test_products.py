import json
import re

import numpy as np
import pytest

from analysis.products import FigureProduct, Number, Product, TableProduct, hashes, write
from analysis.style import PNG_DPI, new_figure, paper_style, rendered
from nnk.files import Fence, StaleEpoch, Workdir, file_hash


def draw():
    with paper_style():
        figure, axes = new_figure(width_in=3.0, height_in=2.0)
        axes[0, 0].plot([0, 1], [2.0, 3.0], label="energy (eV)")
        axes[0, 0].legend()
    return figure


def product():
    return Product(
        name="thing",
        title="A thing",
        summary="It is.",
        figures=(FigureProduct("thing", "A thing", "What is shown.", "A rising line.", draw(), "thing"),),
        tables=(
            TableProduct(
                "thing", "Things", {"name": "of it", "E_eV": "energy, eV"}, [["a,b", 1.25], ["c", None]]
            ),
        ),
        numbers=(Number("energy", 1.25, "eV", "thing", error=float("nan"), count=2),),
        settings={"bins": 3},
    )


def test_figures_have_no_date_and_are_the_same_at_any_time():
    first, second = rendered(draw()), rendered(draw())
    assert first == second
    assert b"Date" not in first[".pdf"]
    assert b"/Producer" not in first[".pdf"]
    assert b"Software" not in first[".png"]


def test_png_has_the_promised_resolution():
    width, height = np.frombuffer(rendered(draw())[".png"][16:24], dtype=">u4")
    assert (width, height) == (3 * PNG_DPI, 2 * PNG_DPI)


def test_text_in_pdf_stays_text():
    fonts = set(re.findall(rb"/Subtype /(\w+)", rendered(draw())[".pdf"]))
    assert b"Type3" not in fonts


def test_table_as_csv():
    text = product().tables[0].csv_text()
    assert text == 'name,E_eV\n"a,b",1.25\nc,\n'


def test_table_refuses_rows_of_another_length():
    with pytest.raises(ValueError, match="expected 2 values in a row, got 1"):
        TableProduct("t", "T", {"a": "", "b": ""}, [[1]])


def test_everything_is_written_with_its_provenance(tmp_path):
    workdir = Workdir(tmp_path)
    source = tmp_path / "labels.nc"
    source.write_bytes(b"data")
    paths = write(workdir, product(), [source], seed=5)
    assert [p.relative_to(tmp_path).as_posix() for p in paths] == [
        "figures/thing.pdf",
        "figures/thing.png",
        "tables/thing.csv",
        "figures/thing.json",
    ]
    found = json.loads(paths[-1].read_text())
    assert found["inputs"] == [{"path": "labels.nc", "hash": file_hash(source)}]
    assert found["outputs"] == hashes(workdir, paths[:-1])
    assert found["seed"] == 5
    assert {"python", "numpy", "matplotlib", "neural-network-kinetics"} <= set(found["versions"])
    assert found["numbers"] == [
        {
            "label": "energy",
            "value": 1.25,
            "error": None,
            "count": 2,
            "unit": "eV",
            "table": "tables/thing.csv",
        }
    ]
    assert found["tables"][0]["columns"] == {"name": "of it", "E_eV": "energy, eV"}


def test_writing_again_gives_the_same_bytes(tmp_path):
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        paths = write(Workdir(tmp_path / name), product(), [], seed=None)
        contents.append([path.read_bytes() for path in paths])
    assert contents[0] == contents[1]


def test_a_driver_whose_epoch_is_over_writes_nothing(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.epoch_file.write_text("4\n")
    with pytest.raises(StaleEpoch):
        write(workdir, product(), [], seed=None, fence=Fence(workdir.epoch_file, 3))
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and p != workdir.epoch_file]

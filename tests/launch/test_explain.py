# ruff: noqa: E501 (a message is one line)
import json
from pathlib import Path

import numpy as np
import pytest

from analysis.command import make
from analysis.products import FigureProduct, Product, TableProduct
from analysis.style import new_figure, paper_style
from launch.cli import run_command
from launch.explain import NotExplained, explain, explanation_text
from nnk.environment import EnvironmentSpec
from nnk.files import Workdir, file_hash
from nnk.kmc import KeyFrames, run
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack

CAMPAIGN = """\
name: small
seed: 11
alloy: {elements: [Nb, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
kmc: {model: main, compositions: [{Nb: 0.5, Ta: 0.5}], temperatures_K: [900.0], replicas: 2}
analysis_options: {order: {bins: 3}}
"""
RUN = "kmc/NbTa/T0900.0K/r00{}.nc"


def analyse(inputs):
    """A product with a figure and its table, made from two runs and the network of their campaign."""
    inputs.campaign()
    for replica in (0, 1):
        inputs.note(inputs.workdir.root / RUN.format(replica))
    with paper_style():
        figure, axes = new_figure()
        axes[0, 0].plot([1, 2])
    picture = FigureProduct("order-NbTa", "Order", "What is shown.", "A line.", figure, "order")
    table = TableProduct("order", "Values", {"x": "a number"}, [[1.0]])
    return Product(
        "order", "Order", "One.", (picture,), (table,), settings={"shells": 3}, warnings=("one left out",)
    )


@pytest.fixture
def workdir(tmp_path):
    found, lattice = Workdir(tmp_path / "work"), Lattice.bcc((4, 4, 4), 3.3)
    generator = np.random.default_rng(1)
    table = generator.normal(0, 0.1, (EnvironmentSpec("bcc", 2, "initial").n_env, 2, 4)).astype(np.float32)
    stack = DenseStack(
        table, np.zeros((2, 4), np.float32), np.zeros(4, np.float32), (), np.ones(4, np.float32), 1.0
    )
    start = generator.integers(1, 3, lattice.n_sites).astype(np.uint8)
    start[5] = 0
    for replica in (0, 1):
        path = found.root / RUN.format(replica)
        path.parent.mkdir(parents=True, exist_ok=True)
        run(
            lattice, start, MlpModel(("Nb", "Ta"), "bcc", 2, stack), temperature_K=900.0, jumps=20, seed=11,
            replica=replica, key_frames=KeyFrames("log", 3),
        ).save(path)  # fmt: skip
    found.campaign_file.write_text(CAMPAIGN)
    model = found.model_dir("main")
    model.mkdir(parents=True)
    description = {"data_hash": "d" * 8, "parameters": {"seed": 5}}
    (model / "model.json").write_text(json.dumps({"kind": "mlp", "shells": 2, "description": description}))
    make(found, analyse)
    return found


@pytest.mark.parametrize("name", ["figures/order-NbTa.png", "figures/order-NbTa.pdf", "tables/order.csv"])
def test_a_path_leads_back_to_seeds_and_hashes(workdir, name):
    found = explain(str(workdir.root / name))
    assert (found.analysis, found.seed, found.command) == ("order", 11, "launch analyse order .")
    assert (found.product.path, found.product.state) == (name, "unchanged")
    assert found.product.hash == file_hash(workdir.root / name)
    assert found.options == {"bins": 3}
    assert found.warnings == ("one left out",)
    runs = [file for file in found.inputs if file.kind == "kMC run"]
    assert [file.path for file in runs] == [RUN.format(0), RUN.format(1)]
    for replica, file in enumerate(runs):
        assert (file.hash, file.state) == (file_hash(workdir.root / file.path), "unchanged")
        facts = file.facts
        assert (facts["seed"], facts["replica"], facts["temperature_K"], facts["case"]) == (
            11,
            replica,
            900,
            "NbTa",
        )
    (campaign,) = [file for file in found.inputs if file.kind == "campaign file"]
    assert campaign.facts["potential"] == {"builtin": "zhou-eam"}
    (network,) = found.behind
    assert (network.path, network.state) == ("models/main/model.json", "not read by the analysis")
    assert (network.facts["seed"], network.facts["data_hash"]) == (5, "d" * 8)


def test_what_has_changed_or_gone_since_is_said(workdir):
    (workdir.root / RUN.format(0)).unlink()
    (workdir.root / RUN.format(1)).write_text("rubbish")
    (workdir.tables / "order.csv").write_text("edited\n")
    found = explain(str(workdir.tables / "order.csv"))
    assert found.product.state == "changed"
    gone, torn = (file for file in found.inputs if file.kind == "kMC run")
    assert (gone.state, gone.facts) == ("missing", {})
    assert torn.state == "changed"
    assert "unreadable" in torn.facts
    text = explanation_text(found)
    assert "the file has CHANGED since" in text
    assert f"{RUN.format(0)}  {gone.hash}  MISSING" in text
    assert f"{RUN.format(1)}  {torn.hash}  CHANGED" in text


@pytest.mark.parametrize(
    ("name", "product"),
    [
        ("order-NbTa", "figures/order-NbTa.pdf"),
        ("order", "tables/order.csv"),
        ("order.csv", "tables/order.csv"),
    ],
)
def test_a_name_with_a_workdir_will_do(workdir, name, product):
    assert explain(name, workdir.root).product.path == product


def test_the_command_prints_text_and_json(workdir, capsys):
    assert run_command(["explain", "order-NbTa", str(workdir.root)]) == 0
    text = capsys.readouterr().out
    for said in (
        "seed      11",
        "kMC run, 2 files",
        "temperature_K: 900.0",
        "launch analyse order .",
        "further back",
    ):
        assert said in text
    assert run_command(["explain", str(workdir.figures / "order-NbTa.png"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"][1]["facts"]["seed"] == 11


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("figures/order-NbTb.png", 'no figure or table "order-NbTb.png" in {root}; there is order, order-NbTa; did you mean "order-NbTa"?'),
        ("figures/order.json", "is the record of an analysis itself; allowed: one of the figures and tables: order, order-NbTa"),
        ("campaign.yaml", "campaign.yaml is no figure or table; allowed: a file in figures/ or tables/"),
        ("nothing.png", "nothing.png is not there; allowed: a file in figures/ or tables/"),
    ],
)  # fmt: skip
def test_what_is_no_product_is_a_usage_error(workdir, capsys, what, said):
    assert run_command(["explain", str(workdir.root / what)]) == 2
    captured = capsys.readouterr()
    assert said.format(root=workdir.root) in captured.err
    assert captured.out == ""


def test_a_workdir_without_analyses_and_a_torn_record_are_said(workdir, tmp_path):
    with pytest.raises(NotExplained, match="no analysis has been made in"):
        explain("order", tmp_path)
    (workdir.figures / "order.json").write_text("{")
    with pytest.raises(NotExplained, match=r"order\.json cannot be read: .*; make its analysis again"):
        explain("order", Path(workdir.root))


def test_a_torn_record_hides_no_other_analysis(workdir):
    (workdir.figures / "clusters.json").write_text("{")
    assert explain("order", workdir.root).analysis == "order"
    with pytest.raises(NotExplained, match=r"no figure or table(.|\n)*clusters\.json cannot be read"):
        explain("clusters", workdir.root)


def test_a_torn_campaign_file_is_said(workdir):
    workdir.campaign_file.write_text("a: [1")
    with pytest.raises(NotExplained, match=r"campaign\.yaml cannot be read"):
        explain("order", workdir.root)


def test_the_command_holds_for_a_path_with_a_blank(workdir):
    moved = Workdir(workdir.root.rename(workdir.root.with_name("my work")))
    assert f"cd '{moved.root}' && " in explanation_text(explain("order", moved.root))

"""Backends: two ranks give what one gives, and what is asked for and not there is an error."""

import csv
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nnk.barriers import BarrierSet
from nnk.models import load
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.backends import WrongRanks, device_of, open_backend

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")

PROGRAM = """
import sys
from pathlib import Path
from nnk.barriers import BarrierSet
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.backends import open_backend
folder, shells, backend = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
labels = BarrierSet.load(folder / "labels.nc")
spec = ModelSpec("main", "detailed-balance", shells, {"hidden": (16, 8)})
parameters = TrainParameters(epochs=6, batch_size=32, checkpoint_epochs=4, seed=2)
with open_backend(backend, ranks=2) as ranks:
    train(labels, spec, parameters, folder / backend, ranks=ranks)
"""


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("backend", ["ddp", "horovod"])
def test_two_ranks_give_what_one_gives(backend, labels, shells, tmp_path, on_two_ranks):
    labels().save(tmp_path / "labels.nc")
    (tmp_path / "program.py").write_text(PROGRAM)
    on_two_ranks(backend, tmp_path / "program.py", tmp_path, shells, backend)
    parameters = TrainParameters(epochs=6, batch_size=32, checkpoint_epochs=4, seed=2)
    spec = ModelSpec("main", "detailed-balance", shells, {"hidden": (16, 8)})
    alone = train(BarrierSet.load(tmp_path / "labels.nc"), spec, parameters, tmp_path / "alone")
    together = load(tmp_path / backend).tensors()
    for name, array in alone.model.tensors().items():
        # Adam divides by the size of the gradient: rounding grows where a weight has next to none
        np.testing.assert_allclose(together[name], array, atol=1e-4, err_msg=name)
    histories = rows(tmp_path / "alone/history.csv"), rows(tmp_path / backend / "history.csv")
    for one, two in zip(*histories, strict=True):
        for name in one:
            assert float(one[name]) == pytest.approx(float(two[name]), rel=1e-3), name


LONELY = """
import os
import torch
from nnk.training.backends import RankLost, open_backend
with open_backend("ddp", ranks=2) as ranks:
    ranks.total(torch.ones(3))
    if ranks.rank == 1:
        os._exit(1)
    try:
        ranks.total(torch.ones(3))
    except RankLost as error:
        print("lost:", error)
        os._exit(3)
"""


def test_a_rank_that_is_left_alone_says_so(tmp_path):
    (tmp_path / "program.py").write_text(LONELY)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    first, second = (
        subprocess.Popen(
            [sys.executable, "-P", str(tmp_path / "program.py")],
            env=os.environ | where | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    )
    said = first.communicate(timeout=120)[0]
    assert second.wait() == 1
    assert (first.returncode, said.startswith("lost: rank 0 of 2: ")) == (3, True)


def opened(*arguments, **options):
    with open_backend(*arguments, **options) as ranks:
        return ranks


def test_unknown_backends_and_missing_ranks_are_refused(monkeypatch):
    with pytest.raises(WrongRanks, match="allowed are single, ddp, horovod"):
        opened("magic")
    with pytest.raises(WrongRanks, match=r"one process, 2 are asked for: take ddp or horovod"):
        opened("single", ranks=2)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with pytest.raises(WrongRanks, match=r"WORLD_SIZE.*torch\.distributed\.run"):
        opened("ddp", ranks=2)
    for key in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(key, "0")
    monkeypatch.setenv("WORLD_SIZE", "1")
    with pytest.raises(WrongRanks, match=r"2 ranks are asked for, and there are 1; --nproc-per-node=2"):
        opened("ddp", ranks=2)


def test_without_horovod_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "horovod.torch", None)
    with pytest.raises(WrongRanks, match="make horovod"):
        opened("horovod", ranks=2)


def test_horovod_singletons_are_refused():
    pytest.importorskip("horovod", reason="Horovod is not built: make horovod")
    with pytest.raises(WrongRanks, match=r"2 ranks are asked for, and there are 1; start with mpiexec"):
        opened("horovod", ranks=2)


def test_devices(monkeypatch):
    def gpus(count):
        cuda = SimpleNamespace(is_available=lambda: count > 0, device_count=lambda: count)
        cuda.set_device = lambda number: None
        monkeypatch.setattr(torch, "cuda", cuda)

    gpus(0)
    assert device_of("cpu", 0) == device_of("auto", 5) == torch.device("cpu")
    with pytest.raises(WrongRanks, match="sees no GPU here"):
        device_of("cuda", 0)
    gpus(2)
    assert device_of("cpu", 0) == torch.device("cpu")
    assert device_of("auto", 1) == device_of("cuda", 1) == torch.device("cuda", 1)
    for asked in ("auto", "cuda"):
        with pytest.raises(WrongRanks, match="rank 2 of this node has no GPU, there are 2"):
            device_of(asked, 2)

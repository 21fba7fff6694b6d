"""What the labels are prepared with: the fitted model Hessian and each alloy's lattice parameter, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnk.files import Fence, Workdir, commit, stable_hash
from nnk.saddle import SystemProduct

_HASH, CONTENT_HASH = "inputs_hash", "content_hash"


def write_product(path: Path, content: dict[str, Any], inputs_hash: str, fence: Fence) -> None:
    """Write a prepared product with the hash of what it was made from, and that of its content."""
    plain = json.loads(json.dumps(content))
    hashes = {_HASH: inputs_hash, CONTENT_HASH: stable_hash(plain)}
    text = json.dumps({**hashes, **plain}, indent=1) + "\n"
    commit(path, lambda temporary: _write_text(temporary, text), fence=fence)


def read_system(workdir: Workdir) -> SystemProduct:
    """The fitted model Hessian."""
    content = json.loads(workdir.system_file.read_text())
    for name in (_HASH, CONTENT_HASH):
        content.pop(name, None)
    return SystemProduct.from_json(json.dumps(content))


def read_lattice_parameter_A(workdir: Workdir, composition_name: str) -> float:
    """Lattice parameter of a composition at zero pressure."""
    return float(json.loads(workdir.lattice_file(composition_name).read_text())["a_A"])


def _write_text(path: Path, text: str) -> None:
    path.write_text(text)

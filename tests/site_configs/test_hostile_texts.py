"""No text of a site file is run by a shell, but ``worker_init``: each key is tried, the scripts are run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from site_configs import Site, SiteError, load_site, pools_of
from site_configs.scripts import submit_script

HOSTILE = [
    "a $(touch pwned) `touch pwned`; touch pwned",
    "'; touch pwned; '",
    '"; touch pwned; "\ntouch pwned\n',
]
SHELL = ("worker_init", "queues.fast.worker_init")
BASE = {
    "slurm": {"mpi_units": "whole nodes", "nodes_per_job": 2},
    "pbs": {"nodes_per_job": 2, "select": "a=b"},
}


def text_keys(schema: dict[str, Any], node: dict[str, Any], key: tuple[str, ...] = ()) -> Iterator[str]:
    """Dotted keys of a JSON Schema that take free text; ``*`` stands for the items of a list."""
    if "$ref" in node:
        yield from text_keys(schema, schema["$defs"][node["$ref"].rsplit("/", 1)[1]], key)
    for inner in node.get("anyOf", ()):
        yield from text_keys(schema, inner, key)
    for name, inner in node.get("properties", {}).items():
        yield from text_keys(schema, inner, (*key, name))
    of_names = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    for inner in (found for found in of_names if isinstance(found, dict)):
        yield from text_keys(schema, inner, (*key, "fast"))
        yield ".".join((*key, "NAME"))
    if isinstance(node.get("items"), dict):
        yield from text_keys(schema, node["items"], (*key, "*"))
    if node.get("type") == "string" and not {"enum", "const"} & set(node):
        yield ".".join(key)


KEYS = sorted(set(text_keys(Site.model_json_schema(), Site.model_json_schema())) - {"name", *SHELL})


def with_text(key: str, text: str, value: Any = None) -> dict[str, Any]:
    """A nested mapping with `text` at a dotted key; of a mapping's own keys, as one of them."""
    *parts, last = key.split(".")
    node: Any = [text] if last == "*" else {text: value} if last == "NAME" else {last: text}
    for part in reversed(parts):
        node = [node] if part == "*" else {part: node}
    return node


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with `more` in its place, mapping by mapping."""
    both = {key for key in base if isinstance(base[key], dict) and isinstance(more.get(key), dict)}
    return base | more | {key: merged(base[key], more[key]) for key in both}


def site_file(scheduler: str, key: str, text: str) -> str:
    base = {
        "extends": scheduler,
        "nodes": {"fast": {"cores": 4, "gpus": 2}},
        "queues": {"fast": {"node": "fast", "limits": [{"nodes": [1, 4], "walltime": None}]}},
        "jobs": {"queue": "fast", **BASE[scheduler]},
        "cores_per_node": 4,
        "gpus_per_node": "all",
    }
    return json.dumps(merged(base, with_text(key, text, "a")))


def scripts(site: Site) -> Iterator[str]:
    layouts = [site.layout(stage) for stage in ("label", "train", "kmc")]
    for pool in pools_of([*layouts, site.gpu_layout("kmc")]):
        made = submit_script(site, pool, {})
        yield made.command.replace("RUN_DIR", ".")
        yield made.text


def run(site: Site, folder: Path) -> int:
    """Run what of a site's scripts has the hostile text in it, with harmless programs; how many those are."""
    program = folder / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    found = [script for script in scripts(site) if "touch pwned" in script]
    for script in found:
        for name in ("process_worker_pool.py", "sbatch", "qsub", "srun", "mpiexec"):
            script = script.replace(name, str(program))
        command = ["bash", "-c", script]
        subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=20)
    return len(found)


def test_the_keys_are_those_of_the_schema():
    assert {"jobs.account", "jobs.queue", "jobs.directives.*", "interface"} <= set(KEYS)
    assert {"environment.fast", "environment.NAME", "queues.NAME", "queues.fast.partition"} <= set(KEYS)
    assert {"mpi.command.*", "mpi.workers_command.*", "nodes.fast.gpu_ids.*"} <= set(KEYS)


@pytest.mark.parametrize("scheduler", BASE)
@pytest.mark.parametrize("key", KEYS)
def test_texts_are_refused_or_harmless(key: str, scheduler: str, tmp_path: Path):
    for text in HOSTILE:
        (tmp_path / "mine.yaml").write_text(site_file(scheduler, key, text))
        try:
            site = load_site("./mine.yaml", tmp_path)
        except SiteError:
            continue
        run(site, tmp_path)
        assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("key", SHELL)
def test_shell_lines_are_run(key: str, tmp_path: Path):
    """Or else the test above would show nothing."""
    (tmp_path / "mine.yaml").write_text(site_file("slurm", key, "touch pwned\n"))
    assert run(load_site("./mine.yaml", tmp_path), tmp_path)
    assert (tmp_path / "pwned").exists()

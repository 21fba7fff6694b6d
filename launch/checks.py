"""Checks that compare parts of a campaign with each other and with what exists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from launch.findings import Finding, Findings, file_exists, needs
from launch.problems import KeyPath, did_you_mean
from launch.schema.analysis import ClustersOptions
from launch.schema.box import VegardBox
from launch.schema.kmc import PUBLISHED_FORMATS, PublishedModel
from launch.schema.models import Model
from launch.schema.potential import Potential
from launch.schema.resources import Resources
from launch.stages import ANALYSIS_READS, SECTION_OF_STAGE
from nnk.lattice import offsets_within
from site_configs import SiteError, load_site, site_names

Cells = tuple[int, int, int]


@needs("sections")
def _sections_belong_together(sections: frozenset[str]) -> Findings:
    if not sections & {"label", "labels", "kmc", "snapshots"}:
        message = "nothing to do; allowed: a section label or labels, kmc, snapshots, or several of them"
        yield Finding((), message)
    if "label" in sections and "potential" not in sections:
        message = "needs a potential; allowed: a section potential, such as potential: {builtin: zhou-eam}"
        yield Finding(("label",), message, at_key=True)
    if "train" in sections and not sections & {"label", "labels"}:
        message = "needs labels to train on; allowed: with a section label or labels"
        yield Finding(("train",), message, at_key=True)


@needs("train.backend", "train.ranks")
def _ranks_need_a_backend(backend: str, ranks: int) -> Findings:
    if backend == "single" and ranks > 1:
        message = f"got {ranks} with backend single; allowed: 1, or backend: ddp or horovod"
        yield Finding(("train", "ranks"), message)


@needs("train.optimiser", "given_train")
def _only_adamw_decays(optimiser: str, given: frozenset[str]) -> Findings:
    if optimiser != "adamw" and "weight_decay" in given:
        message = f"given with optimiser {optimiser}, which has none; allowed: with optimiser: adamw"
        yield Finding(("train", "weight_decay"), message, at_key=True)


@needs("train.backend", "resources")
def _nodes_need_horovod(backend: str, resources: Resources) -> Findings:
    nodes = resources.train.nodes
    if nodes not in (None, 1) and backend != "horovod":
        message = f"got {nodes} with backend {backend}; allowed: 1, or backend: horovod"
        yield Finding(("resources", "train", "nodes"), message)


def _times(cells: Cells) -> str:
    return "x".join(map(str, cells))


def cells_hold_shells(key: KeyPath, cells: Cells, structure: str, shells: int) -> Findings:
    """Small cells wrap: a site is seen several times (bcc, 8 shells: refuse below 3 cells, warn below 5)."""
    reach = int(np.abs(offsets_within(structure, shells)).max())  # type: ignore[arg-type]
    least, unique = (reach + 3) // 2, reach + 1
    if min(cells) < least:
        message = (
            f"got {_times(cells)}, too small for {shells} neighbour shells; allowed: at least {least} cells"
        )
        yield Finding(key, message + " along each edge")
    elif min(cells) < unique:
        message = (
            f"{_times(cells)} is small for {shells} neighbour shells: "
            f"a network sees some sites twice; {unique} cells along each edge avoid it"
        )
        yield Finding(key, message, warning=True)


@needs("label.connect", "label.method")
def _labels_are_connected(connect: bool, method: str) -> Findings:
    if not connect and method != "neb":
        message = "false saves more than half of the time, but a label may join other states than its own"
        yield Finding(("label", "connect"), message, warning=True)


@needs("alloy.lattice", "potential")
def _lattice_of_the_builtin(structure: str, potential: Potential) -> Findings:
    if potential.builtin is not None and structure != "bcc":
        message = f"got {structure}; allowed with {potential.builtin}, which is for bcc metals: bcc"
        yield Finding(("alloy", "lattice"), message)


@needs("label.box", "alloy.elements")
def _vegard_knows_all(box: Any, elements: tuple[str, ...]) -> Findings:
    if isinstance(box, VegardBox) and set(box.vegard) != set(elements):
        message = f"got {', '.join(box.vegard)}; allowed: exactly the elements of the alloy, "
        yield Finding(("label", "box", "vegard"), message + ", ".join(elements))


@needs("alloy.lattice", "label.cells", "train.models")
def _label_cells(structure: str, cells: Cells, models: tuple[Model, ...]) -> Findings:
    yield from cells_hold_shells(("label", "cells"), cells, structure, max(model.shells for model in models))


@needs("alloy.lattice", "kmc.cells", "kmc.model")
def _kmc_cells_published(structure: str, cells: Cells, model: str | PublishedModel) -> Findings:
    if isinstance(model, PublishedModel):
        shells = PUBLISHED_FORMATS[model.published.format].shells
        yield from cells_hold_shells(("kmc", "cells"), cells, structure, shells)


@needs("alloy.lattice", "kmc.cells", "kmc.model", "train.models")
def _kmc_cells_trained(structure: str, cells: Cells, wanted: Any, models: tuple[Model, ...]) -> Findings:
    for model in models:
        if model.name == wanted:
            yield from cells_hold_shells(("kmc", "cells"), cells, structure, model.shells)


@needs("kmc.model", "train.models")
def _model_is_trained(wanted: str | PublishedModel, models: tuple[Model, ...]) -> Findings:
    names = [model.name for model in models]
    if isinstance(wanted, str) and wanted not in names:
        message = f'no model "{wanted}"; allowed: {", ".join(names)}, or {{published: ...}}'
        yield Finding(("kmc", "model"), message + did_you_mean(wanted, names))


@needs("kmc.model", "sections")
def _model_needs_train(wanted: str | PublishedModel, sections: frozenset[str]) -> Findings:
    if isinstance(wanted, str) and "train" not in sections:
        message = (
            f'got "{wanted}" without a section train; allowed: a model of train.models, or {{published: ...}}'
        )
        yield Finding(("kmc", "model"), message)


@needs("kmc.model", "alloy.elements", "alloy.lattice", "base_dir")
def _published_fits(
    model: str | PublishedModel, elements: tuple[str, ...], structure: str, base_dir: Path
) -> Findings:
    if isinstance(model, str):
        return
    published, key = model.published, ("kmc", "model", "published")
    known = PUBLISHED_FORMATS[published.format]
    for i, name in enumerate(elements):
        if name not in known.elements:
            message = f'the published network has no "{name}"; allowed: {", ".join(known.elements)}'
            yield Finding(("alloy", "elements", i), message)
    if structure != known.structure:
        message = f"got {structure}; allowed with this published network: {known.structure}"
        yield Finding(("alloy", "lattice"), message)
    if not published.allow_pickle:
        message = (
            "the file is a Python pickle, which can run code when read; allowed: true, for a file you trust"
        )
        yield Finding((*key, "allow_pickle"), message)
    yield from file_exists((*key, "file"), published.file, base_dir)


@needs("site", "base_dir")
def _site_exists(site: str, base_dir: Path) -> Findings:
    is_file = "/" in site or site.endswith((".yaml", ".yml"))
    if is_file:
        yield from file_exists(("site",), site, base_dir)
        if not (base_dir / Path(site).expanduser()).is_file():
            return
    elif site not in site_names():
        message = f'no site "{site}"; allowed: {", ".join(site_names())}, or the path of a site file'
        yield Finding(("site",), message + did_you_mean(site, site_names()))
        return
    try:
        load_site(site, base_dir)
    except SiteError as error:
        for line in str(error).splitlines():
            yield Finding(("site",), line)


@needs("workdir", "base_dir")
def _workdir_is_folder(workdir: str, base_dir: Path) -> Findings:
    path = base_dir / Path(workdir).expanduser()
    try:
        folder = path.resolve()
        nearest = next(p for p in (path, *path.parents) if p.exists())
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links
        yield Finding(("workdir",), f"{path} cannot be used: {error}; allowed: another folder")
        return
    if folder == Path(folder.anchor) or folder == Path("~").expanduser():
        message = f"{folder} is not for the products of one campaign; allowed: a folder of its own"
        yield Finding(("workdir",), message)
    if "\\" in str(folder):
        message = f"{folder} has a backslash, which NetCDF takes for the end of a folder's name"
        yield Finding(("workdir",), f"{message}; allowed: a path without")
    if not nearest.is_dir():
        yield Finding(
            ("workdir",), f"{nearest} is not a folder; allowed: a folder, which is made when missing"
        )


@needs("analysis", "given_options")
def _options_are_of_an_analysis(names: tuple[str, ...], given: frozenset[str]) -> Findings:
    for name in sorted(given - set(names)):
        message = f"{name} is not in analysis, so this has no effect; allowed: only with it"
        yield Finding(("analysis_options", name), message, warning=True, at_key=True)


@needs("analysis", "alloy.lattice", "alloy.elements")
def _clusters_need_b2(names: tuple[str, ...], structure: str, elements: tuple[str, ...]) -> Findings:
    if "clusters" not in names:
        return
    place = ("analysis", names.index("clusters"))
    if structure != "bcc":
        message = f'"clusters" are of B2 order, which {structure} does not have; allowed: with lattice bcc'
        yield Finding(place, message)
    if len(elements) < 2:
        yield Finding(place, '"clusters" are of two elements; allowed: with an alloy of at least two')


@needs("analysis", "alloy.elements", "analysis_options.clusters")
def _clusters_of_the_alloy(
    names: tuple[str, ...], elements: tuple[str, ...], clusters: ClustersOptions
) -> Findings:
    absent = [name for name in clusters.pair or () if name not in elements]
    if absent and "clusters" in names:
        message = f"got {', '.join(absent)}; allowed: two elements of the alloy, {', '.join(elements)}"
        yield Finding(("analysis_options", "clusters", "pair"), message)


@needs("analysis", "sections")
def _analyses_have_data(names: tuple[str, ...], sections: frozenset[str]) -> Findings:
    there = sections | ({"label"} if "labels" in sections else set())
    for i, name in enumerate(names):
        wanted = {SECTION_OF_STAGE[stage] for stage in ANALYSIS_READS[name]}
        missing = sorted(wanted - there)
        if missing:
            allowed = [
                n for n, reads in ANALYSIS_READS.items() if {SECTION_OF_STAGE[r] for r in reads} <= there
            ]
            message = f'"{name}" needs the section {", ".join(missing)}; allowed here: {", ".join(allowed)}'
            yield Finding(("analysis", i), message)

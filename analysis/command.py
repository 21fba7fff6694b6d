"""The command line of every analysis: ``python -m analysis.NAME WORKDIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from analysis import ANALYSES
from analysis.inputs import DamagedInput, Inputs, MissingInput
from analysis.products import Product, write
from nnk.files import Fence, Workdir

DONE, FAILED, USAGE = 0, 1, 2

Analyse = Callable[[Inputs], Product]
Make = Callable[[Workdir, Fence | None], list[Path]]


def run_analysis(name: str, analyse: Analyse, argv: Sequence[str] | None) -> int:
    """Parse the command line, analyse, write figures, tables and provenance. Returns the exit code."""
    return run(name, lambda workdir, fence: make(workdir, analyse, fence), argv)


def make(workdir: Workdir, analyse: Analyse, fence: Fence | None = None) -> list[Path]:
    """Products of one analysis of `workdir`, written; returns their paths.

    What is missing or damaged and left out becomes a warning of the product and goes to standard error too.

    Raises:
        MissingInput: it needs what is not there.
        DamagedInput: it needs what cannot be read.
    """
    inputs = Inputs(workdir)
    product = analyse(inputs)
    product = replace(product, warnings=(*inputs.warnings, *product.warnings))
    for text in inputs.warnings:
        print(f"analysis {product.name}: {text}", file=sys.stderr)
    seed = inputs.campaign().get("seed") if workdir.campaign_file.is_file() else None
    return write(workdir, product, inputs.used, seed=seed, fence=fence)


def run(name: str, make_products: Make, argv: Sequence[str] | None) -> int:
    """Parse the command line and make the products; the paths go to standard output.

    Returns:
        0; 1 when something that is needed is missing or damaged; 2 for a folder that is not there.
    """
    arguments = _parser(name).parse_args(argv)
    root = Path(arguments.workdir)
    if not root.is_dir():
        print(f"{root}: no such folder; expected the workdir of a campaign", file=sys.stderr)
        return USAGE
    workdir = Workdir(root.resolve())
    fence = None if arguments.epoch is None else Fence(workdir.epoch_file, arguments.epoch)
    try:
        paths = make_products(workdir, fence)
    except (MissingInput, DamagedInput) as error:
        print(f"analysis {name}: {error}", file=sys.stderr)
        return FAILED
    for path in paths:
        print(path)
    return DONE


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m analysis.{name}", description=ANALYSES[name])
    parser.add_argument("workdir", metavar="WORKDIR", help="folder of the campaign's products")
    parser.add_argument(
        "--epoch", type=int, help="write only while this is the workdir's epoch (given by launch)"
    )
    return parser

"""Trajectories to extended XYZ or LAMMPS dumps: ``python -m analysis.convert WORKDIR|FILE --to extxyz``.

The files of runs open in xarray and OVITO as they are; this is for what reads neither, and for OVITO where
atoms have to be followed from state to state.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from analysis.inputs import DamagedInput, Inputs, MissingInput, reading
from nnk.files import Workdir

SUFFIXES = {"extxyz": ".extxyz", "lammps": ".dump"}


def main(argv: Sequence[str] | None = None) -> int:
    """Write one file per run; returns the exit code."""
    options = _parser().parse_args(argv)
    try:
        files = _files(options.where)
        if options.output is not None and len(files) > 1:
            raise MissingInput(f"{len(files)} runs for one --output: name one run's file")
        for path in files:
            _convert(path, options)
    except (MissingInput, DamagedInput, ValueError) as error:
        print(f"convert: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m analysis.convert", description=__doc__.splitlines()[0])
    parser.add_argument("where", type=Path, help="a campaign's workdir, a run's file, or its folder")
    parser.add_argument("--to", choices=SUFFIXES, required=True, help="format")
    parser.add_argument("--every", type=int, help="jumps between two states; default: the key frames")
    parser.add_argument("--output", type=Path, help="file to write; default: beside the run's")
    return parser


def _files(where: Path) -> list[Path]:
    """The runs' files: that which is named, or those of a workdir's campaign."""
    if where.is_file() or any(where.glob("seg-*.nc")):
        return [where]
    return [run.path for run in Inputs(Workdir(where)).run_files()]


def _convert(path: Path, options: argparse.Namespace) -> None:
    from nnk.kmc import Trajectory  # numba and the engine: slow to import
    from nnk.kmc.convert import write_states

    target = options.output or path.with_suffix(SUFFIXES[options.to])
    with reading(path):
        trajectory = Trajectory.load(path)
        count = write_states(trajectory, trajectory.states(every=options.every), target, options.to)
    print(f"{target}: {count} states of {trajectory.lattice.n_sites:,} sites")


if __name__ == "__main__":
    sys.exit(main())

"""``python -m jobs.import_labels UNIT``: labels that exist already, as labels of the campaign."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.mpi_job import EXIT_BROKEN
from jobs.unit import Unit, UnitItem, describe
from nnk.files import StaleEpoch, commit
from nnk.label_sources import LabelSource


def run_unit(unit: Unit, item: UnitItem) -> Path:
    """Write the labels into a file of their own, which is merged with ``labels.nc`` afterwards.

    Raises:
        ValueError, OSError: the labels cannot be read.
    """
    settings: Mapping[str, Any] = unit.settings["labels"]
    source = LabelSource(settings["format"], tuple(map(Path, settings["paths"])))
    barriers = source.read(unit.settings["elements"], item.hash)
    origin = {"imported_from": " ".join(settings["paths"]), "contents": source.hash}
    barriers = barriers.replaced(attrs={**barriers.attrs, **origin})
    path = unit.workdir.labels_dir / f"{unit.name}.nc"
    commit(path, barriers.save, fence=unit.fence)
    return path


def main(arguments: list[str]) -> int:
    """Import and record what has become of it; the exit code."""
    unit = Unit.load(Path(arguments[0]))
    (item,), began = unit.items, time.perf_counter()
    unit.record(unit.outcome(item, "started"))
    try:
        run_unit(unit, item)
    except StaleEpoch:
        raise
    except Exception as error:
        traceback.print_exc()
        seconds = time.perf_counter() - began
        unit.record(unit.outcome(item, "failed", seconds=seconds, error=describe(error)))
        return EXIT_BROKEN
    unit.record(unit.outcome(item, "done", seconds=time.perf_counter() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

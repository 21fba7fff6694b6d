"""Files that jobs, analysis and launch share: layout, atomic commits, fencing, records, hashes, streams."""

from __future__ import annotations

from nnk.files.commit import commit, remove_temporaries
from nnk.files.fence import Fence, StaleEpoch, read_epoch
from nnk.files.hashing import chosen, file_hash, stable_hash
from nnk.files.records import append_record, append_records, compact_records, iterate_records, read_records
from nnk.files.streams import rng, stream_key
from nnk.files.versions import ALGORITHM_VERSIONS, METHOD_VERSIONS
from nnk.files.workdir import Workdir, temperature_label

__all__ = [
    "ALGORITHM_VERSIONS",
    "METHOD_VERSIONS",
    "Fence",
    "StaleEpoch",
    "Workdir",
    "append_record",
    "append_records",
    "chosen",
    "commit",
    "compact_records",
    "file_hash",
    "iterate_records",
    "read_epoch",
    "read_records",
    "remove_temporaries",
    "rng",
    "stable_hash",
    "stream_key",
    "temperature_label",
]

"""What to do about a file system that takes no more: full, over the quota, read-only, out of order."""

from __future__ import annotations

import errno

_KEPT = "then run the same command again: what is done is kept"
_CURES = {
    errno.ENOSPC: f"free space there (df -h shows how much there is), {_KEPT}",
    errno.EDQUOT: f"free space there or ask for a larger quota, {_KEPT}",
    errno.EROFS: f"have it mounted for writing, or give another workdir, {_KEPT}",
    errno.EIO: "the disk or its server is out of order: tell whoever runs it, " + _KEPT,
    errno.ESTALE: "its server has been restarted: wait, or mount it again, " + _KEPT,
}


def disk_trouble(error: OSError) -> str | None:
    """Cause and cure of an error of the file system; None of another kind of error."""
    cure = _CURES.get(error.errno or 0)
    if cure is None:
        return None
    where = f"{error.filename}: " if error.filename else "the workdir's file system, most likely: "
    return f"{where}{error.strerror}; {cure}"

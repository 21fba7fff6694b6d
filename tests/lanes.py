"""What stays together when tests run side by side in lanes, by pytest-xdist."""

from xdist.scheduler import LoadScopeScheduling


class Lanes(LoadScopeScheduling):
    """Deals tests out to lanes, those of a kind one after another in the same."""

    def _split_scope(self, nodeid):
        """Name of what a test stays with: its file, or all else that needs the one cluster."""
        file = nodeid.split("::")[0]
        if file.startswith("tests/cluster/"):
            return "cluster"
        return nodeid if file == "tests/faults/test_faults.py" else file

"""Layout of a campaign's working directory. The state of a campaign is what is on disk there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def temperature_label(temperature_K: float) -> str:
    """How a temperature is written in keys and folders: ``T0800.0K``."""
    return f"T{temperature_K:06.1f}K"


@dataclass(frozen=True)
class Workdir:
    """Paths below a working directory; making one of these touches no file.

    Attributes:
        root: the directory.
    """

    root: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root))

    @property
    def campaign_file(self) -> Path:
        """The campaign as run, every default resolved."""
        return self.root / "campaign.yaml"

    @property
    def lock(self) -> Path:
        """Who is running the campaign."""
        return self.root / "lock"

    @property
    def epoch_file(self) -> Path:
        """Number of the latest run."""
        return self.root / "epoch"

    def run_dir(self, epoch: int) -> Path:
        """What belongs to one run: units, processes, Parsl's own files."""
        return self.root / "run" / f"{epoch:06d}"

    @property
    def labels_dir(self) -> Path:
        """Segments of labels, the merged labels, and what they were prepared with."""
        return self.root / "labels"

    @property
    def labels_file(self) -> Path:
        """All labels, merged."""
        return self.labels_dir / "labels.nc"

    @property
    def system_file(self) -> Path:
        """The fitted model Hessian."""
        return self.labels_dir / "system.json"

    def lattice_file(self, composition_name: str) -> Path:
        """The zero-pressure lattice parameter of a composition."""
        return self.labels_dir / "lattice" / f"{composition_name}.json"

    def samples_file(self, key: str) -> Path:
        """Samples with short-range order along the run `key`, ``<composition>/r000``."""
        return self.root / "samples" / f"{key}.nc"

    def snapshots_file(self, key: str) -> Path:
        """Snapshots of a trajectory, ``<composition>/T0300.0K/r000``, or all of a composition."""
        return self.root / "snapshots" / f"{key}.nc"

    @property
    def audit_file(self) -> Path:
        """Labels computed again by an independent method."""
        return self.root / "audit" / "audit.nc"

    def model_dir(self, name: str) -> Path:
        """A trained network: weights, description, history, checkpoints."""
        return self.root / "models" / name

    def force_model_dir(self, key: str) -> Path:
        """A trained force model, ``<composition>/<name>``: weights, description, history, predictions."""
        return self.root / "forces" / key

    def kmc_run(self, case: str, temperature_K: float, replica: int) -> Path:
        """Folder of a kMC run's segments; the finished trajectory is the same path with ``.nc``."""
        return self.root / "kmc" / case / temperature_label(temperature_K) / f"r{replica:03d}"

    def trajectory(self, case: str, temperature_K: float, replica: int) -> Path:
        """The finished trajectory of a kMC run."""
        run = self.kmc_run(case, temperature_K, replica)
        return run.with_name(f"{run.name}.nc")

    @property
    def costs_file(self) -> Path:
        """What items cost, as ``launch doctor --measure`` has found."""
        return self.root / "costs.json"

    @property
    def figures(self) -> Path:
        """Figures, with their provenance."""
        return self.root / "figures"

    @property
    def tables(self) -> Path:
        """Tables behind the figures."""
        return self.root / "tables"

    @property
    def structures(self) -> Path:
        """Files of atoms that analyses make for other programs."""
        return self.root / "structures"

    @property
    def report(self) -> Path:
        """The report."""
        return self.root / "report.html"

    @property
    def quarantine(self) -> Path:
        """Damaged files, kept aside."""
        return self.root / "quarantine"

    def records(self, stage: str) -> Path:
        """Folder of the records of a stage's items."""
        return self.root / "records" / stage

    def logs(self, stage: str) -> Path:
        """Folder of the logs of a stage's jobs."""
        return self.root / "logs" / stage

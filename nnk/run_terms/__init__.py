"""What a kinetic Monte Carlo run is asked to be: its name, its temperatures, its end. No engine is needed."""

from nnk.run_terms.names import case_names, case_of_start, label_temperature_K, run_label, run_labels
from nnk.run_terms.schedule import Schedule
from nnk.run_terms.stop import MOST_JUMPS, OrderReached, StopWhen

__all__ = [
    "MOST_JUMPS",
    "OrderReached",
    "Schedule",
    "StopWhen",
    "case_names",
    "case_of_start",
    "label_temperature_K",
    "run_label",
    "run_labels",
]

"""How a label is searched for and what it must satisfy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class SearchParameters:
    """Tolerances of a label; a change of any of them makes another label.

    Attributes:
        max_force_eV_A: largest force on an atom at a minimum and at a saddle.
        connect: follow each saddle downhill to both sides and demand the right states there. Without it only
            forward barriers are searched for, from the initial state alone, and E_bwd is NaN; where that
            finds no saddle the connected search takes over.
        method: "search": one image, with the elastic band as fallback; "neb": the band alone.
        relax_boxes: bring each state and each saddle to zero pressure in a box of its own, edges in step.
        max_step_A: largest move of an atom in a step.
        search_calls: calls after which a saddle search gives up.
        starts: fractions of the way between two states at which searches start, in order.
        saddle_curvature_eV_A2: the lowest curvature at a saddle is below this.
        match_A: a state is recognised when no atom is farther than this from it.
        descent_step_A: first move of an atom from a saddle along its mode.
        max_searches: stationary points looked for on one path, before the fallback.
        neb_images: images between the end states of the fallback and of an audit.
        neb_steps: steps after which the elastic band gives up.
    """

    max_force_eV_A: float = 0.02
    connect: bool = True
    method: Literal["search", "neb"] = "search"
    relax_boxes: bool = False
    max_step_A: float = 0.2
    search_calls: int = 25
    starts: tuple[float, ...] = (0.5, 0.6, 0.4, 0.7, 0.3)
    saddle_curvature_eV_A2: float = -0.05
    match_A: float = 0.25
    descent_step_A: float = 0.3
    max_searches: int = 8
    neb_images: int = 5
    neb_steps: int = 150

    def __post_init__(self) -> None:
        for name in ("max_force_eV_A", "max_step_A", "match_A", "descent_step_A"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a positive number")
        for name in ("search_calls", "max_searches", "neb_images", "neb_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a whole number of at least 1")
        if self.method not in ("search", "neb"):
            raise ValueError(f"method={self.method!r}: allowed are search, neb")
        if not self.starts or not all(0 < start < 1 for start in self.starts):
            raise ValueError(f"starts={self.starts!r}: expected fractions between 0 and 1")
        if self.saddle_curvature_eV_A2 >= 0:
            raise ValueError(f"saddle_curvature_eV_A2={self.saddle_curvature_eV_A2!r}: expected less than 0")

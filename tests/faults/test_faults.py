"""Faults of all kinds, one after another, and each campaign ends as the one that was left alone.

`NNK_FAULTS` is their number, `NNK_FAULT_SEED` chooses them. Each campaign goes through five faults that
strike it at rest, while it runs, or forbid it to; what a message tells to do is done; then it is run to its
end and compared: every label once and equal, the network and the trajectories bit for bit, no file and no
process left over. The first `QUICK` belong to the quick tests.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from tests.faults.damage import DAMAGES
from tests.faults.machine import without_compiler
from tests.faults.refusals import REFUSALS, refused
from tests.faults.scene import check_same
from tests.faults.strikes import STRIKES

SEED = int(os.environ.get("NNK_FAULT_SEED", "1"))
FAULTS = int(os.environ.get("NNK_FAULTS", "60"))
PER_CAMPAIGN = 5
QUICK = 0 if "NNK_FAULTS" in os.environ else 20
STATES = {"nothing done": ("labels", "models", "kmc"), "labelled": ("kmc",), "done": ()}
CAMPAIGNS = [
    pytest.param(number, marks=[] if number < QUICK // PER_CAMPAIGN else pytest.mark.faults)
    for number in range(FAULTS // PER_CAMPAIGN)
]


def strike(scene, name, random):
    """One fault; whether it could strike."""
    if name in REFUSALS:
        told = refused(name, scene, random)
    else:
        told = {**DAMAGES, **STRIKES}[name](scene, random)
    scene.story.append(f"{name}: {told or 'could not strike'}")
    return bool(told)


def names(random, n_running):
    """Faults of one campaign: some while it runs, the others of the other kinds."""
    n_left = PER_CAMPAIGN - n_running
    n_refused = random.randrange(n_left)
    chosen = random.choices(list(STRIKES), k=n_running)
    chosen += random.choices(list(REFUSALS), k=n_refused) + random.choices(
        list(DAMAGES), k=n_left - n_refused
    )
    random.shuffle(chosen)
    return chosen


def beginning(number, random):
    """How many faults are to strike while a campaign runs, and what of it is done before."""
    if number < QUICK // PER_CAMPAIGN:
        return (1, "labelled") if number == 0 else (0, "done")
    return random.choice([0, 1, 1, 2]), random.choice(list(STATES))


@pytest.mark.parametrize("number", CAMPAIGNS)
def test_a_campaign_under_faults(number, reference, tmp_path, record_property):
    random = Random(f"{SEED}/{number}")
    n_running, state = beginning(number, random)
    scene = reference.copy(tmp_path, *STATES[state])
    scene.story.append(f"seed {SEED}, campaign {number}: {state}")
    chosen, struck = names(random, n_running), 0
    while struck < PER_CAMPAIGN:
        name = chosen.pop() if chosen else random.choice(list(DAMAGES))
        if strike(scene, name, random):
            record_property("fault", name)
            struck += 1
    scene.finish()
    check_same(scene, reference)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["disk that fills up", "clock that jumps"])
def test_a_campaign_on_a_machine_with_a_fault(name, reference, tmp_path, record_property):
    if name == "clock that jumps" and without_compiler():
        pytest.skip("no C compiler (cc), with which the clock is made")
    scene = reference.copy(tmp_path, *STATES["nothing done"])
    assert strike(scene, name, Random(f"{SEED}/{name}")), scene.told
    record_property("fault", name)
    scene.finish()
    check_same(scene, reference)

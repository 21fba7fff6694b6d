"""What a worker does before it runs a job inside itself."""

import pytest

from jobs.apps import GPU_VARIABLE, GPU_VARIABLES, keep_gpu_variable


@pytest.mark.parametrize("kept", GPU_VARIABLES)
def test_a_worker_is_bound_to_its_gpu_by_one_variable(kept):
    environment = dict.fromkeys(GPU_VARIABLES, "3") | {GPU_VARIABLE: kept, "OTHER": "3"}
    keep_gpu_variable(environment)
    assert environment == {kept: "3", GPU_VARIABLE: kept, "OTHER": "3"}


def test_without_a_choice_nothing_is_changed():
    environment = dict.fromkeys(GPU_VARIABLES, "0")
    keep_gpu_variable(environment)
    assert environment == dict.fromkeys(GPU_VARIABLES, "0")

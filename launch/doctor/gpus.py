"""What workers see of the GPUs that they are bound to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from launch.doctor.check import Check
from launch.doctor.request import TrialRequest
from site_configs import Site

TORCH = {
    "CUDA_VISIBLE_DEVICES": "NVIDIA GPUs (CUDA)",
    "ROCR_VISIBLE_DEVICES": "AMD GPUs (ROCm)",
    "ZE_AFFINITY_MASK": "Intel GPUs (XPU)",
}


def gpu_checks(site: Site, request: TrialRequest, said: Sequence[Mapping[str, Any]]) -> Iterator[Check]:
    """Judge what the workers of a node, one on each GPU, have said (`jobs.facts.gpus`)."""
    wanted, variable = request.pool.workers, site.gpu_variable
    if len(said) < wanted:
        cure = "see that the site's gpus_per_node is what a node of that queue has"
        yield Check("GPU binding", False, f"{len(said)} of {wanted} workers have come", cure)
        return
    ids = [one["variables"].get(variable, "") for one in said]
    names = set(site.gpu_ids(request.pool.queue))
    others = {name for one in said for name in one["variables"]} - {variable}
    fit = len(set(ids)) == wanted and set(ids) <= names and not others
    text = f"{variable}={', '.join(sorted(ids))} on {said[0]['host']}"
    text += f"; also set: {', '.join(sorted(others))}" if others else ""
    cure = f"wanted: each of {', '.join(sorted(names))} once; see gpu_variable and gpu_ids of the site"
    yield Check("GPU binding", fit, text, cure)
    without = [one for one in said if not one["devices"]]
    cure = f"install a torch built for {TORCH[variable]}, and see worker_init for its modules"
    if without:
        yield Check(
            "GPU in torch", False, f"torch {without[0]['torch']} sees none on {said[0]['host']}", cure
        )
    else:
        yield Check("GPU in torch", True, f"{said[0]['devices'][0]}, torch {said[0]['torch']}")

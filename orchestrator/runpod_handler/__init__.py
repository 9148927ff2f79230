"""Runs the worker on RunPod: the SDK's loop receives jobs, the executor runs them.

The only importer of `runpod`. docs/worker.md says which parts of the SDK are replaced here, and why.
"""

from orchestrator.runpod_handler.import_sdk import without_processor_probe

with without_processor_probe():
    from orchestrator.runpod_handler.handle_job import Mode
    from orchestrator.runpod_handler.worker import RunPodWorker

__all__ = ["Mode", "RunPodWorker"]

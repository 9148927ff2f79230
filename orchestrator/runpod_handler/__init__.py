"""The worker on RunPod: its SDK's loop takes jobs, the executor does them. The only importer of `runpod`.

What the SDK does by itself, and why it is not left to it, is in docs/worker.md.
"""

from orchestrator.runpod_handler.import_sdk import without_processor_probe

with without_processor_probe():
    from orchestrator.runpod_handler.worker import Mode, RunPodWorker

__all__ = ["Mode", "RunPodWorker"]

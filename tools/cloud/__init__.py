"""Runs the whole service on this machine: the API, a bucket, RunPod and the worker."""

"""Contains local servers and processes that stand in for Cloudflare R2, RunPod and a deployed worker."""

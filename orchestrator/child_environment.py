"""Selects the environment variables that a child process gets, without credentials that it does not need.

RunPod puts the endpoint's API key into a worker's environment, and people put their own secrets there. A
process that decodes files of strangers, or runs the content of a model repository, must not get them.
"""

from __future__ import annotations

import os

_NAMES = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME"),
    *("WEIGHTS_DIR", "MODEL_REPOSITORY"),
}
_PREFIXES = (
    *("LC_", "PYTHON", "CUDA_", "CUDNN_", "CUBLAS_", "NVIDIA_", "NCCL_", "TENSORRT_", "TRT_", "ORT_"),
    *("TRITON_", "OMP_", "OPENBLAS_", "MKL_", "MALLOC_", "GLIBC_", "GRPC_", "FRAMEWRIGHT_"),
)
"""Prefixes of the C library, Python, CUDA and its libraries, and the libraries that compute in threads."""

_ADDED = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Pydantic would read the metadata of all installed packages in search of plugins, in each job's process."""

_STORAGE = ("FRAMEWRIGHT_S3_ACCESS_KEY_ID", "FRAMEWRIGHT_S3_SECRET_ACCESS_KEY")


def child_environment(*, storage: bool) -> dict[str, str]:
    """Return the environment variables of this process that a child gets.

    Args:
        storage: whether the child fetches inputs and publishes outputs, and so gets the store's credentials.
    """
    return _ADDED | {
        name: value
        for name, value in os.environ.items()
        if (name in _NAMES or name.startswith(_PREFIXES)) and (storage or name not in _STORAGE)
    }

"""Which environment variables a child process gets: those it needs, and no credentials it has no use for.

RunPod puts the key of the endpoint into a worker's environment, and people put their own secrets there. A
process that decodes what strangers send, or runs what a model repository holds, is not handed them.
"""

from __future__ import annotations

import os

_NAMES = {
    *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR", "XDG_CACHE_HOME"),
    *("WEIGHTS_DIR", "MODEL_REPOSITORY"),
}
_PREFIXES = (
    *(
        "LC_",
        "PYTHON",
        "CUDA_",
        "CUDNN_",
        "CUBLAS_",
        "NVIDIA_",
        "NCCL_",
        "TENSORRT_",
        "TRT_",
        "ORT_",
        "TRITON_",
    ),
    *("OMP_", "OPENBLAS_", "MKL_", "MALLOC_", "GLIBC_", "GRPC_", "FRAMEWRIGHT_"),
)
"""Of the C library, Python, CUDA and its libraries, and of the libraries that compute in threads."""

_STORAGE = ("FRAMEWRIGHT_S3_ACCESS_KEY_ID", "FRAMEWRIGHT_S3_SECRET_ACCESS_KEY")


def child_environment(*, storage: bool) -> dict[str, str]:
    """Return the part of this process's environment that a child is given.

    Args:
        storage: whether the child fetches and publishes, and so is given the credentials of the store.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _NAMES or name.startswith(_PREFIXES)) and (storage or name not in _STORAGE)
    }

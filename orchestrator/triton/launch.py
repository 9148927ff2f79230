"""Starts tritonserver so that it obeys only callers with its key, and only its own user can read its memory.

By itself, Triton requires no password: one POST can load a model with Python code in its body, and a web page
can send that. Triton can require a header, but takes its value only from the command line, which every user
of the machine may read. So the options with the key are put into the environment of the process, which only
its own user may read, and its argument list is made to point there before its first instruction runs.

Standard library only: `server_reaper.py` imports it, and in a container it is a program, with the key in
FRAMEWRIGHT_TRITON_KEY:

    python3 launch.py tritonserver --model-repository=/models ...
"""

from __future__ import annotations

import ctypes
import os
import platform
import re
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

KEY_VARIABLE = "FRAMEWRIGHT_TRITON_KEY"
HEADER = "framewright-key"
"""The header of an HTTP request; of a gRPC call it is `triton-grpc-protocol-framewright-key`."""

_RESTRICTED = "inference,shared-memory,model-repository,trace,logging"
"""All that Triton can restrict, except what only reads: health, metadata, model-config and statistics."""

# <linux/prctl.h>, <sys/ptrace.h>, <linux/seccomp.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_PTRACE_TRACEME = 0
_PTRACE_DETACH = 17
_SECCOMP_MODE_FILTER = 2
_FCHMOD = {"x86_64": (0xC000003E, 91), "aarch64": (0xC00000B7, 52)}
"""For each machine: the kernel's number of its architecture (<linux/audit.h>), and of fchmod(2) on it."""

_WORD = struct.Struct("P")
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


class CannotHideArguments(Exception):
    """The system does not allow us to change the arguments of a process that we start."""


def start(command: Sequence[str], *, key: str) -> subprocess.Popen[bytes]:
    """Start a tritonserver in its own process group. It is killed when the calling thread ends.

    Files and shared memory that it creates are readable by its user only, and it writes no core file. It gets
    the environment of this process, and the key.

    Args:
        command: the program and its options; the options that require the key are added.
        key: letters, digits, `-` and `_`. Without it, callers can only read about the server.

    Raises:
        ValueError: the key has other characters.
        OSError: the program cannot be started.
    """
    if not re.fullmatch(r"[\w-]+", key, re.ASCII):
        raise ValueError("the key of a Triton is made of letters, digits, - and _")
    options = [
        f"--{kind}={_RESTRICTED}:{HEADER}={key}"
        for kind in ("http-restricted-api", "grpc-restricted-protocol")
    ]
    # These variables come first, where `_point_at_environment` expects them.
    environment = {f"FRAMEWRIGHT_TRITON_OPTION_{number}": option for number, option in enumerate(options)}
    environment |= os.environ | {KEY_VARIABLE: key}
    try:
        return _start_hidden(command, options, environment)
    except CannotHideArguments as exc:
        print(f"{exc}: whoever can list processes here can read Triton's key", flush=True)  # noqa: T201  its log
        return _popen([*command, *options], environment, _confine)


def _start_hidden(
    command: Sequence[str], options: list[str], environment: dict[str, str]
) -> subprocess.Popen[bytes]:
    names = list(environment)[: len(options)]
    try:
        server = _popen([*command, *names], environment, _confine_and_wait)
    except subprocess.SubprocessError as exc:  # raised by `_confine_and_wait`
        raise CannotHideArguments("this system does not let a program trace one that it starts") from exc
    try:
        os.waitpid(server.pid, 0)  # the program is loaded and stopped before its first instruction
        _point_at_environment(server.pid, [f"{name}={environment[name]}" for name in names])
        _ptrace(_PTRACE_DETACH, server.pid)
    except (OSError, ValueError) as exc:
        server.kill()
        server.wait()
        raise CannotHideArguments(
            f"the options of a program cannot be hidden on this system ({exc})"
        ) from exc
    return server


def _point_at_environment(pid: int, entries: list[str]) -> None:
    """Make the last arguments of a stopped process point to the values of its first environment variables.

    Raises:
        OSError: its memory cannot be read and written.
        ValueError: its stack is not laid out as in System V's ABI: argc, argv, NULL, environment.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    stack = int(fields[25])  # `startstack` of proc(5)
    with Path(f"/proc/{pid}/mem").open("r+b", buffering=0) as memory:
        count = _word(memory, stack)
        arguments = stack + _WORD.size
        variables = arguments + (count + 1) * _WORD.size
        for number, entry in enumerate(entries):
            address = _word(memory, variables + number * _WORD.size)
            expected = entry.encode() + b"\0"
            memory.seek(address)
            if memory.read(len(expected)) != expected:
                raise ValueError("its stack is not as expected")
            memory.seek(arguments + (count - len(entries) + number) * _WORD.size)
            memory.write(_WORD.pack(address + entry.index("=") + 1))


def _word(memory: BinaryIO, address: int) -> int:
    memory.seek(address)
    (value,) = _WORD.unpack(memory.read(_WORD.size))
    return int(value)


def _popen(
    command: list[str], environment: dict[str, str], prepare: Callable[[], None]
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        process_group=0,
        env=environment,
        preexec_fn=prepare,  # noqa: PLW1509  callers of `start` have only one thread
    )


def _confine_and_wait() -> None:
    _confine()
    _ptrace(_PTRACE_TRACEME, 0)


def _confine() -> None:
    """Restrict the new process from within, before it becomes the server."""
    signal.pthread_sigmask(signal.SIG_SETMASK, set())
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    _keep_modes()


def _keep_modes() -> None:
    """Make fchmod(2) do nothing, as it would let all users read the pools of the Python backend.

    Whatever the umask is, boost::interprocess sets the mode of a new segment to 0644. If the system allows no
    seccomp filter, the pools stay readable.
    """
    architecture, fchmod = _FCHMOD.get(platform.machine(), (0, -1))
    if fchmod < 0:
        return
    steps = (  # see seccomp(2): operation, steps to skip if true, steps to skip if false, operand
        (0x20, 0, 0, 4),  # load the architecture
        (0x15, 0, 3, architecture),  # if it is another: allow
        (0x20, 0, 0, 0),  # load the system call
        (0x15, 0, 1, fchmod),
        (0x06, 0, 0, 0x00050000),  # return 0 and do nothing
        (0x06, 0, 0, 0x7FFF0000),  # allow
    )
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
    described = ctypes.create_string_buffer(struct.pack("HP", len(steps), ctypes.addressof(program)))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(described))


def _ptrace(request: int, pid: int) -> None:
    if _libc.ptrace(request, pid, None, None):
        raise OSError(ctypes.get_errno(), "ptrace failed")


def _prctl(option: int, *values: int) -> None:
    _libc.prctl(option, *map(ctypes.c_ulong, (*values, 0, 0, 0, 0)[:4]))


def main(command: list[str]) -> int:
    """Run a tritonserver with the key of the environment until it ends; SIGTERM and SIGINT are passed on."""
    key = os.environ.get(KEY_VARIABLE, "")
    signals = (signal.SIGTERM, signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # a signal that comes early waits for the server
    try:
        server = start(command, key=key)
    except ValueError as exc:
        print(f"error: {exc}; set {KEY_VARIABLE} to a random one: openssl rand -hex 16", file=sys.stderr)  # noqa: T201
        return 2
    for number in signals:
        signal.signal(number, lambda *_: server.terminate())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
    status = server.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

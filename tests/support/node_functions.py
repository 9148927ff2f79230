"""Runs the TypeScript of the API in Node: functions of its modules, or a script."""

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tools.cloud.wrangler_dev import PROJECT, NodeMissing, node

UNDEFINED = object()
"""Stands for JavaScript's undefined in arguments."""

_PROGRAM = """
import { createInterface } from "node:readline";
const functions = await import(process.argv[1]);
const special = { undefined: undefined, NaN: NaN, Infinity: Infinity, "-Infinity": -Infinity };
const revive = (value) => {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== "object") return value;
  if ("$special" in value) return special[value.$special];
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, revive(inner)]));
};
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...args] = revive(JSON.parse(line));
  let answer;
  try {
    answer = { value: await functions[name](...args) };
  } catch (error) {
    answer = { error: { status: error.status, code: error.code, message: error.message } };
  }
  process.stdout.write(`${JSON.stringify(answer)}\\n`);
}
"""


class ApiRefused(Exception):
    """A function threw an ApiError.

    Attributes:
        status: its HTTP status; None if the error was of another class.
        code: its code.
    """

    def __init__(self, status: int | None, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class NodeFunctions:
    """The functions that a module exports."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def call(self, name: str, *args: object) -> Any:
        """Call a function; return its value.

        Raises:
            ApiRefused: The function threw an error.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, *map(_encoded, args)], allow_nan=False) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"node ended with exit code {self._process.wait(10)}"
        answer = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            raise ApiRefused(error.get("status"), error.get("code"), error["message"])
        return answer.get("value")


@contextmanager
def node_functions(module: str) -> Iterator[NodeFunctions]:
    """Start Node with a module of the API, such as `api/quote.ts`; the test is skipped without Node."""
    try:
        command = _command(_PROGRAM, (PROJECT / module).as_uri())
    except NodeMissing as missing:
        pytest.skip(str(missing))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield NodeFunctions(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(10)


def run_script(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in deploy/cloudflare, with what it prints.

    Raises:
        NodeMissing: Node or the packages of deploy/cloudflare are not installed.
    """
    command = _command(script, *arguments)
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=True)


def _command(script: str, *arguments: str) -> list[str]:
    return [str(node()), "--input-type=module", "--eval", script, *arguments]


def _encoded(value: object) -> object:
    """Return a value with what JSON does not have in a form that the program above revives."""
    if value is UNDEFINED:
        return {"$special": "undefined"}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$special": "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"}
    if isinstance(value, dict):
        return {name: _encoded(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encoded(inner) for inner in value]
    return value

"""Damage to files, the same in each run; ``NRAE_FUZZ`` sets how many damaged files there are.

The command, as a process of its own that does not wait for imports.
"""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from nrae_geometric.datasets import read_points

NUM_MUTATIONS = int(os.environ.get("NRAE_FUZZ") or 200)
# Bytes and lengths that readers trip over.
ODD_BYTES = (
    b"\0",
    b"\xff" * 4,
    b"\xff" * 8,
    b"\x7f" + b"\xff" * 7,
    b"nan",
    b"1e999",
    b"\xef\xbb\xbf",
    b"'\"\n,",
    b"{[(",
)


# Imports once, and then runs the command in a child for each line: its arguments, the largest file
# that it can write, a file for its output, and the signal that ends it after so many seconds.
# Children save often, so as to be killed while they do.
_SERVER = """
import json, os, resource, signal, sys, time
import nrae_geometric.cli.commands
from nrae_geometric.cli import main
from nrae_geometric.experiments import run_experiment
from nrae_geometric.training import trainer
trainer._FIRST_CHECKPOINT, trainer._LONGEST_GAP = 0.02, 0.1
signal.signal(signal.SIGINT, signal.default_int_handler)
for line in sys.stdin:
    arguments, largest, output, number, seconds = json.loads(line)
    started = time.monotonic()
    out, err = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.dup2(out[1] if output is None else os.open(output, os.O_WRONLY), 1)
        os.dup2(err[1], 2)
        if largest is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code or 0
        os._exit(code)
    if number:
        time.sleep(seconds)
        os.kill(child, number)
    _, status = os.waitpid(child, 0)  # what commands print fits into the pipes
    ended = [os.waitstatus_to_exitcode(status), time.monotonic() - started]
    for read, write in (out, err):
        os.close(write)
        with open(read, errors="replace") as pipe:
            ended.append(pipe.read())
    print(json.dumps(ended), flush=True)
"""


class Ended(NamedTuple):
    """The end of a command."""

    code: int
    seconds: float
    out: str
    err: str


@pytest.fixture(scope="session")
def nrae() -> Iterator[Callable[..., Ended]]:
    """Runs the command in a process of its own."""
    if sys.platform == "win32":
        pytest.skip("needs fork and signals")
    server = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )

    def run(*arguments, largest=None, output=None, number=0, seconds=0.0) -> Ended:
        request = [list(map(str, arguments)), largest, output, number, seconds]
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        return Ended(*json.loads(server.stdout.readline()))

    yield run
    server.stdin.close()
    server.wait()


@pytest.fixture(scope="session")
def mutations() -> Callable[[bytes], Iterator[bytes]]:
    """A function from the bytes of a file to damaged ones."""

    def mutate(data: bytes) -> Iterator[bytes]:
        chance = random.Random(len(data))
        for _ in range(NUM_MUTATIONS):
            damaged = bytearray(data)
            for _ in range(chance.choice((1, 1, 1, 2, 8))):
                _damage(damaged, chance)
            yield bytes(damaged)

    return mutate


def _damage(data: bytearray, chance: random.Random) -> None:
    # Half of the damage is where headers are.
    reach = min(len(data), 128) if chance.random() < 0.5 else len(data)
    start = chance.randrange(max(reach, 1))
    stop = min(start + chance.choice((1, 1, 4, 64, 4096)), max(len(data), start + 1))
    kind = chance.randrange(6)
    if kind == 0 and data:
        data[start] ^= 1 << chance.randrange(8)
    elif kind == 1:
        data[start:stop] = chance.randbytes(stop - start)
    elif kind == 2:
        data[start:stop] = b""
    elif kind == 3:
        data[start:start] = data[start:stop]
    elif kind == 4:
        data[start:stop] = chance.choice(ODD_BYTES)
    else:
        del data[start:]


@pytest.fixture
def _bounded_memory() -> Iterator[None]:
    """Lets the process have a gigabyte more than it has."""
    resource = pytest.importorskip("resource", reason="needs limits of memory")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


@pytest.fixture(scope="session")
def refusal() -> Callable[..., str]:
    """The message of the error that reading a file gives, which is one line with its name."""

    def refuse(path: Path, read: Callable[..., Any] = read_points, **options: Any) -> str:
        with pytest.raises(ValueError) as error:
            read(path, **options)
        message = str(error.value)
        assert str(path) in message
        assert "\n" not in message
        return message

    return refuse


@pytest.fixture
def try_changes(mutations) -> Callable[..., None]:
    """Reads damaged contents of a file, which gives points or one named error."""

    def try_all(
        content: bytes, file: Path, path: Path, read: Callable[..., Any], is_bounded: bool = True
    ) -> None:
        for number, damaged in enumerate(mutations(content)):
            file.write_bytes(damaged)
            try:
                points, _ = read(path)
            except ValueError as error:
                message = str(error)
                assert str(path) in message, number
                assert "\n" not in message, number
                assert not is_bounded or "memory" not in message, number
            else:
                assert len(points) > 0
                assert np.isfinite(np.asarray(points)).all()

    return try_all

"""Damage to files, the same in each run; ``NRAE_FUZZ`` sets how many damaged files there are."""

import os
import random
from collections.abc import Callable, Iterator

import pytest

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

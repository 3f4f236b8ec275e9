"""Arrays as text inside a page: compressed, in base64, within a budget of bytes."""

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

# A browser inflates what zlib has deflated, but does not know these types by another name.
_TYPES = {"<f4": "f32", "|u1": "u8", "<u2": "u16", "<u4": "u32"}


class Blocks:
    """Arrays by their names, in the order in which they were added.

    Args:
        most_bytes (int): The number of compressed bytes that all of them may take.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._parts: list[bytes] = []
        self.directory: dict[str, dict[str, Any]] = {}

    @property
    def num_bytes(self) -> int:
        """The number of compressed bytes so far."""
        return sum(map(len, self._parts))

    def add(self, name: str, array: NDArray[Any], *, optional: bool = False) -> bool:
        """Adds an array, and returns whether it is there.

        Args:
            name (str): Its name in the page.
            array (numpy.ndarray): Numbers of float32, uint8, uint16 or uint32.
            optional (bool, optional): Whether it is left out where it exceeds the budget.
                (default: :obj:`False`)
        """
        array = np.ascontiguousarray(array)
        content = zlib.compress(array.tobytes(), 6)
        if optional and self.num_bytes + len(content) > self.most_bytes:
            return False
        self.directory[name] = {
            "at": self.num_bytes,
            "size": len(content),
            "type": _TYPES[array.dtype.newbyteorder("<").str],
            "shape": list(array.shape),
        }
        self._parts.append(content)
        return True

    def text(self) -> str:
        """Returns all of them in base64."""
        return base64.b64encode(b"".join(self._parts)).decode("ascii")

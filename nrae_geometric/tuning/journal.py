"""The trials of a search in a file, from which a search that was stopped goes on.

Each line is one of Optuna's records as JSON, of which reading executes nothing, after a digest of
itself and all lines before it.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend


class Journal(BaseJournalBackend):
    """Optuna's records in a file that no other process writes to meanwhile.

    Args:
        path (str or os.PathLike): The file; it is made with the first record.

    Raises:
        ValueError: If the file is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._digest = ""
        self._records: list[dict[str, Any]] = []
        content = self.path.read_bytes() if self.path.is_file() else b""
        for number, line in enumerate(content.splitlines(keepends=True), start=1):
            self._read(line, number)

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Returns the records from a number on."""
        return self._records[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Adds records, all of them or none.

        Raises:
            OSError: If the file cannot be written, with its name.
        """
        digest, lines = self._digest, []
        for record in logs:
            text = json.dumps(record, separators=(",", ":"))
            digest = _digest(digest, text)
            lines.append(f"{digest} {text}\n")
        self._append("".join(lines).encode())
        # As they will be read: some of what JSON holds it holds in other types.
        self._records += [json.loads(line.partition(" ")[2]) for line in lines]
        self._digest = digest

    def _append(self, content: bytes) -> None:
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if self.path.exists():
                os.truncate(self.path, size)
            raise OSError(error.errno, error.strerror, str(self.path)) from error

    def _read(self, line: bytes, number: int) -> None:
        digest, _, text = line.removesuffix(b"\n").decode(errors="replace").partition(" ")
        self._digest = _digest(self._digest, text)
        if digest != self._digest or not line.endswith(b"\n"):
            raise ValueError(
                f"{self.path} is damaged, or cut short, in line {number}; remove it to search anew,"
                f" or its lines from there on to go on with the trials before"
            )
        self._records.append(json.loads(text))


def _digest(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()[:32]

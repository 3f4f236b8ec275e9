"""Folders that one run at a time writes to."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt
else:
    import errno
    import fcntl

_NAME = ".nrae-lock"
# Windows lets nobody read what is locked, so not the number of the process, which comes first.
_LOCKED_BYTE = 1 << 30


class FolderInUseError(OSError):
    """A folder that another run is writing to."""


class FolderLock:
    """Keeps other runs out of a folder.

    The lock is the operating system's and ends with the process, whatever ends that. A missing
    folder is made, and removed again if nothing was put into it.

    Args:
        folder (str or os.PathLike): The folder.

    Raises:
        FolderInUseError: On entering, if another run is writing to the folder.
        OSError: On entering, if the folder cannot be made or written to.

    Example::

        with FolderLock("results/NRAEL_toy_denoising"):
            ...
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._path = self.folder / _NAME
        self._file: IO[bytes] | None = None
        self._made: list[Path] = []

    def renew(self) -> bool:
        """Makes and locks the folder anew if it was removed since.

        Returns:
            bool: Whether it was removed.

        Raises:
            FolderInUseError: If another run has taken its place.
        """
        if self._file is not None and _is_at(self._file, self._path):
            return False
        self._release()
        self._acquire()
        return True

    def __enter__(self) -> "FolderLock":
        folders = (self.folder, *self.folder.parents)
        self._made = [folder for folder in folders if not folder.exists()]
        try:
            self._acquire()
        except BaseException:
            self._remove_made()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._release()
        self._remove_made()

    def _acquire(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        while True:
            file = self._path.open("a+b", buffering=0)
            if not _lock(file):
                file.seek(0)
                process = file.read(20).decode(errors="replace")
                file.close()
                raise FolderInUseError(
                    f"{self.folder} is in use by another run, process {process or 'unknown'}; "
                    f"wait for its end, or write to another folder"
                )
            if _is_at(file, self._path):
                break
            file.close()  # the run before has removed it as it ended
        with suppress(OSError):  # on a full disk
            file.truncate(0)
            file.write(str(os.getpid()).encode())
        self._file = file

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with suppress(OSError):
            if sys.platform != "win32" and _is_at(file, self._path):
                self._path.unlink()
        file.close()
        if sys.platform == "win32":  # where an open file cannot be removed
            with suppress(OSError):
                self._path.unlink()

    def _remove_made(self) -> None:
        for folder in self._made:
            with suppress(OSError):  # others are not empty
                folder.rmdir()


def _is_at(file: IO[bytes], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except OSError:
        return False


def _lock(file: IO[bytes]) -> bool:
    """Returns whether no other process holds the file."""
    if sys.platform == "win32":
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network file systems have no locks.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True

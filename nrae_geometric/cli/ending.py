"""The end of the command: signals, errors and exit codes."""

import errno
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

FAILURE = 1
USER_ERROR = 2
OUTPUT_CLOSED = 141
# Of a process that a signal ends, shells report 128 and the signal's number.
INTERRUPTED = 130
SIGNALED = {INTERRUPTED: "interrupted", 143: "terminated", 129: "the terminal was closed"}
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")

_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))
_NOT_WRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


class Signals:
    """Has requests to terminate stop the command as Ctrl-C does.

    Signals that are ignored, as with ``nohup``, or that the host of the command handles itself,
    are left alone, and so are all of them outside of the main thread.

    Attributes:
        code (int, optional): The exit code after a signal.
    """

    def __init__(self) -> None:
        self.code: int | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) in (
                    signal.SIG_DFL,
                    signal.default_int_handler,
                ):
                    self._handlers[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if self.code is None:
            self.code = 128 + number
        raise KeyboardInterrupt


def advice(error: BaseException) -> str:
    """Returns what to do about an error of the system, as the end of its message."""
    if not isinstance(error, OSError) or error.filename is None:
        return ""
    if error.errno in _FULL:
        return "; make room there, and call the same again, nrae train with --resume"
    if error.errno in _NOT_WRITABLE:
        return "; name a place that can be written to, with --logdir or --out"
    return ""


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error is one of Python's or PyTorch's for lack of memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or ("memory" in text and "alloc" in text)


def drop_output() -> None:
    """Keeps the interpreter from complaining about output that nobody reads."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())

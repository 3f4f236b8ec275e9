"""Deferred signals."""

import logging
import signal
import threading
from types import FrameType
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

# Ctrl-C; the end of a batch job's time; the end of the terminal, which Windows does not tell.
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


class DeferredInterrupt:
    """Notes the first Ctrl-C or request to terminate; the second one counts at once.

    Outside of the main thread, where Python delivers no signals, and for signals that are ignored
    or handled outside of Python, nothing is changed.

    Args:
        enabled (bool, optional): Whether to change anything. (default: :obj:`True`)
    """

    def __init__(self, enabled: bool = True) -> None:
        self._enabled = enabled and threading.current_thread() is threading.main_thread()
        self._noted: int | None = None
        self._handlers: dict[int, Any] = {}

    @property
    def requested(self) -> bool:
        """Whether a signal waits."""
        return self._noted is not None

    def deliver(self) -> NoReturn:
        """Does what the signal would have done, which ends the program or raises an exception.

        Raises:
            KeyboardInterrupt: If the program's own handler did neither.
        """
        self._restore()
        if self._noted is not None:
            signal.raise_signal(self._noted)
        raise KeyboardInterrupt

    def __enter__(self) -> "DeferredInterrupt":
        if self._enabled:
            numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
            found = {number: signal.getsignal(number) for number in numbers}
            self._handlers = {
                number: handler
                for number, handler in found.items()
                if handler not in (None, signal.SIG_IGN)
            }
            for number in self._handlers:
                signal.signal(number, self._note)
        return self

    def __exit__(self, *exception: object) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            self._restore()
            signal.raise_signal(number)
            return
        self._noted = number
        logger.warning(
            "finishing this epoch, or the start before the first, to save a checkpoint; a second "
            "signal stops at once"
        )

    def _restore(self) -> None:
        while self._handlers:
            signal.signal(*self._handlers.popitem())

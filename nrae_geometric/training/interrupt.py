"""Stopping where it does no harm."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

logger = logging.getLogger(__name__)


class Interrupt:
    """Whether the user has asked to stop."""

    requested = False


@contextmanager
def deferred_interrupt(enabled: bool = True) -> Iterator[Interrupt]:
    """Notes the first Ctrl-C instead of raising it; the second one raises at once.

    Args:
        enabled: Whether to change anything. Outside of the main thread, where Python delivers
            no signals, nothing is changed in any case.
    """
    interrupt = Interrupt()
    if not enabled or threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def note(number: int, frame: FrameType | None) -> None:
        if interrupt.requested:
            raise KeyboardInterrupt
        interrupt.requested = True
        logger.warning("finishing this epoch to save a checkpoint; Ctrl-C again stops at once")

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, previous)

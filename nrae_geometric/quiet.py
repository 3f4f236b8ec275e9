"""Messages that are not for the reader."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(name: str = "nrae_geometric") -> Iterator[None]:
    """Keeps a library's warnings from the log while the block runs; errors are told.

    Args:
        name (str, optional): The logger of the library. (default: :obj:`"nrae_geometric"`)
    """
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

"""Checks of plain arguments: integers, numbers, truth values and names."""

import math
import operator
import sys
from collections.abc import Iterable
from numbers import Real
from typing import Any


def integer(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> int:
    """Returns an integer of any library as Python's.

    Args:
        name (str): The argument's name in error messages.
        value (Any): Python's, NumPy's or PyTorch's integer, or an array or tensor ``[]`` of one.
        least (int, optional): The smallest that is allowed. (default: no limit)
        most (float, optional): The largest. (default: no limit)

    Raises:
        TypeError: If it is no integer; ``True`` and ``2.0`` are none.
        ValueError: If it is out of range.
    """
    try:
        if isinstance(value, bool) or "bool" in str(getattr(value, "dtype", "")):
            raise TypeError
        number = operator.index(value)
    except (TypeError, RuntimeError):
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if not least <= number <= most:
        limit = "" if most == math.inf else f" and at most {most}"
        raise ValueError(f"{name} must be at least {least}{limit}, got {number}")
    return number


def number(name: str, value: Any, least: float = -math.inf, *, above: float = -math.inf) -> float:
    """Returns a finite real number of any library as Python's.

    Args:
        name (str): The argument's name in error messages.
        value (Any): Python's, NumPy's or PyTorch's number, or an array or tensor ``[]`` of one.
        least (float, optional): The smallest that is allowed. (default: no limit)
        above (float, optional): What it must exceed. (default: no limit)

    Raises:
        TypeError: If it is no real number; ``True`` and ``"1"`` are none.
        ValueError: If it is not finite, or out of range.
    """
    plain: Any = value.item() if getattr(value, "shape", None) == () else value
    if isinstance(plain, bool) or not isinstance(plain, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    real: Any = plain  # the abstract type has no order
    if not (least <= real <= sys.float_info.max and real > above):
        limit = f"above {above:g}" if above > -math.inf else f"at least {least:g}"
        has_limit = max(least, above) > -math.inf
        raise ValueError(f"{name} must be finite{f' and {limit}' * has_limit}, got {value!r}")
    return float(plain)


def flag(name: str, value: Any) -> bool:
    """Returns a truth value of Python or NumPy as Python's.

    Args:
        name (str): The argument's name in error messages.
        value (Any): The value.

    Raises:
        TypeError: If it is none; ``1`` and ``"False"`` are none.
    """
    # NumPy's type, whose name depends on its version; arrays of one are of another.
    if type(value).__name__ not in ("bool", "bool_"):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def choice(name: str, value: Any, choices: Iterable[str | None]) -> Any:
    """Returns a value that is one of the choices.

    Args:
        name (str): The argument's name in error messages.
        value (Any): A string, or :obj:`None`.
        choices (Iterable[str | None]): What there is to choose from.

    Raises:
        ValueError: If it is none of them; the message lists them.
    """
    known = list(choices)
    if not (value is None or isinstance(value, str)) or value not in known:
        raise ValueError(f"unknown {name} {value!r}; choose one of {', '.join(map(repr, known))}")
    return value

"""Metrics as two columns."""

from collections.abc import Iterator, Mapping
from typing import Any


def print_metrics(metrics: Mapping[str, Any]) -> None:
    """Prints nested numbers, one line each, a group's members below its name.

    Args:
        metrics: Numbers, ``None`` for one that is not finite, and dictionaries of them.
    """
    rows = list(_rows(metrics))
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        print(f"{name:{width}}  {value}".rstrip())


def _rows(metrics: Mapping[str, Any], indent: str = "") -> Iterator[tuple[str, str]]:
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield f"{indent}{name}", ""
            yield from _rows(value, f"{indent}  ")
        else:
            yield f"{indent}{name}", _text(value)


def _text(value: int | float | None) -> str:
    if value is None:
        return "not finite"
    return str(value) if isinstance(value, int) else f"{value:.4g}"

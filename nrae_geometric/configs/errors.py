"""Errors of a configuration, one line for each fault."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

_MOST_SHOWN, _LONGEST_VALUE = 20, 100


class ConfigError(ValueError):
    """A configuration that cannot be used.

    Args:
        source (str): Where it comes from: a file, or a name.
        faults (list[str]): One line for each fault.
    """

    def __init__(self, source: str, faults: list[str]) -> None:
        self.faults = faults
        if len(faults) == 1:
            super().__init__(f"{source} has 1 fault: {faults[0]}")
            return
        shown = faults[:_MOST_SHOWN]
        if len(faults) > len(shown):
            shown = [*shown, f"and {len(faults) - len(shown)} more"]
        super().__init__("\n  ".join([f"{source} has {len(faults)} faults:", *shown]))


def section_error(faults: Iterable[tuple[str, str]]) -> ValidationError:
    """Returns the error that the validator of a section raises.

    Args:
        faults (Iterable[tuple[str, str]]): The dotted key within the section, and what is wrong.
    """
    return ValidationError.from_exception_data(
        "section",
        [
            {
                "type": PydanticCustomError("value_error", "{reason}", {"reason": reason}),
                "loc": tuple(key.split(".")),
                "input": None,
            }
            for key, reason in faults
        ],
    )


def fault_lines(error: ValidationError, settings: Any, keys: list[str]) -> Iterator[str]:
    """Yields one line for each fault: the dotted path of its key, and what is wrong.

    Args:
        error (ValidationError): What the validation of the settings raised.
        settings (Any): The nested settings.
        keys (list[str]): The dotted paths of all keys that the settings could have.
    """
    for fault in error.errors(include_url=False):
        path = _path(fault["loc"], settings)
        reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
        match fault["type"]:
            case "missing":
                yield f"{path}: missing"
            case "extra_forbidden":
                yield f"{path}: unknown key; {_suggestion(path, keys)}"
            case "union_tag_not_found":
                yield f"{path}.{_unquoted(fault['ctx']['discriminator'])}: missing"
            case "union_tag_invalid":
                key, tag = _unquoted(fault["ctx"]["discriminator"]), fault["ctx"]["tag"]
                tags = fault["ctx"]["expected_tags"]
                yield f"{path}.{key}: should be one of {tags}, got {shortened(tag)}"
            case "value_error":
                yield f"{path}: {reason}"
            case _:
                yield f"{path}: {reason}, got {shortened(fault['input'])}"


def shortened(value: Any) -> str:
    """Returns the beginning of a value's representation.

    Args:
        value (Any): A plain value.
    """
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _unquoted(text: str) -> str:
    return text.strip("'")


def _path(location: tuple[int | str, ...], settings: Any) -> str:
    """The path as written in the file, which does not name the alternatives of a union."""
    *parents, last = location
    path, value = [], settings
    for part in parents:
        try:
            value = value[part]
        except (KeyError, TypeError, IndexError):
            continue
        path.append(str(part))
    return ".".join([*path, str(last)])


def _suggestion(path: str, keys: list[str]) -> str:
    section, _, unknown = path.rpartition(".")
    # A key of another kind is none here, although it bears the right name.
    keys = [key for key in keys if key != path]
    siblings = [key for key in keys if key.rpartition(".")[0] == section]
    below = [key for key in keys if key.startswith(f"{section}.")]
    for candidates in (siblings, below, keys):
        by_name = {key.rpartition(".")[2]: key for key in reversed(candidates)}
        if match := difflib.get_close_matches(unknown, by_name, n=1):
            return f"did you mean {by_name[match[0]]}?"
    return f"valid here: {', '.join(key.rpartition('.')[2] for key in siblings)}"

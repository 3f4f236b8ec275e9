"""What is wrong with a configuration, one line for each fault."""

import difflib
import typing
from collections.abc import Iterator
from types import UnionType
from typing import Any

from pydantic import BaseModel, ValidationError

Location = tuple[str, ...]


class ConfigError(ValueError):
    """A configuration that cannot be used.

    Args:
        source: Where it comes from: a file, or a name.
        faults: One line for each fault.
    """

    def __init__(self, source: str, faults: list[str]) -> None:
        self.faults = faults
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        super().__init__("\n  ".join([f"{source} has {count}:", *faults]))


def schema_faults(error: ValidationError, schema: type[BaseModel]) -> Iterator[str]:
    """Yields one line for each fault that the schema found: the key's dotted path and why."""
    keys = dict(_keys_by_location(schema, ()))
    for fault in error.errors(include_url=False):
        location = tuple(str(part) for part in fault["loc"])
        if location:
            yield _line(dict(fault), location, keys)
        else:
            yield from fault["msg"].removeprefix("Value error, ").splitlines()


def _keys_by_location(
    schema: type[BaseModel], location: Location
) -> Iterator[tuple[Location, list[str]]]:
    yield location, [field.alias or name for name, field in schema.model_fields.items()]
    for name, field in schema.model_fields.items():
        alternatives = list(_models(field.annotation))
        for model in alternatives:
            tag = [_dataset(model)] if len(alternatives) > 1 else []
            yield from _keys_by_location(model, (*location, field.alias or name, *tag))


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif typing.get_origin(annotation) in (typing.Union, UnionType, typing.Annotated):
        for argument in typing.get_args(annotation):
            yield from _models(argument)


def _dataset(model: type[BaseModel]) -> str:
    return typing.get_args(model.model_fields["dataset"].annotation)[0]


def _line(fault: dict[str, Any], location: Location, keys: dict[Location, list[str]]) -> str:
    path = _dotted(location, keys)
    match fault["type"]:
        case "missing":
            return f"{path}: missing"
        case "extra_forbidden":
            return f"{path}: unknown key; {_nearest(location, keys)}"
        case "union_tag_not_found":
            return f"{path}.dataset: missing; it names the kind of points, synthetic or mnist"
        case "union_tag_invalid":
            expected, tag = fault["ctx"]["expected_tags"], fault["ctx"]["tag"]
            return f"{path}.dataset: should be one of {expected}, got {tag!r}"
    reason = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{path}: {reason}, got {fault['input']!r}"


def _dotted(location: Location, keys: dict[Location, list[str]]) -> str:
    """The path as written in the file, which does not have the data set's tag in it."""
    return ".".join(
        part
        for depth, part in enumerate(location)
        if location[: depth + 1] not in keys or location[:depth] in keys
    )


def _nearest(location: Location, keys: dict[Location, list[str]]) -> str:
    *parent, unknown = location
    siblings = keys[tuple(parent)]
    if match := difflib.get_close_matches(unknown, siblings, n=1):
        return f"did you mean {_dotted((*parent, match[0]), keys)}?"
    # Below this section or in another one, but not in this section of another kind of data set.
    elsewhere = {
        key: (*place, key)
        for place in reversed(keys)
        for key in keys[place]
        if place[: len(parent)] == tuple(parent) or place[:1] != location[:1]
    }
    if match := difflib.get_close_matches(unknown, elsewhere, n=1):
        return f"did you mean {_dotted(elsewhere[match[0]], keys)}?"
    return f"valid here: {', '.join(siblings)}"

"""The parameters of the estimator as options."""

import argparse
import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.yaml12 import parse_yaml

_MODULE, _CLASS = "nrae_geometric.estimator", "ManifoldAutoencoder"
# Modules and callbacks have no notation on a command line, but for those that have a name.
_OBJECTS = re.compile(r"\b(nn\.Module|Callback)\b(?!.*\bstr\b)")
_OF_SEVERAL_FITS = ("warm_start",)
_DESCRIPTIONS = {
    "encoder": "conv: convolutions of images before the hidden layers",
    "random_state": "the seed of all random numbers; without it every fit differs",
}
_OTHER_OPTIONS = {"n_components": ["--latent-dim"]}


class Parameter(NamedTuple):
    """A parameter of the estimator.

    Attributes:
        name (str): Its name.
        default (str): Its default as written in the source.
        description (str): What it means, without markup.
    """

    name: str
    default: str
    description: str


@cache
def estimator_parameters() -> tuple[Parameter, ...]:
    """Returns the parameters of the estimator's constructor that an option can give.

    They are read from its source, as importing it means to wait for torch, which neither
    ``--help`` nor the completion of a shell should.
    """
    spec = find_spec(_MODULE)
    assert spec is not None
    assert spec.origin is not None
    module = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    [cls] = [node for node in module.body if _is_named(node, ast.ClassDef, _CLASS)]
    assert isinstance(cls, ast.ClassDef)
    [init] = [node for node in cls.body if _is_named(node, ast.FunctionDef, "__init__")]
    assert isinstance(init, ast.FunctionDef)
    descriptions = {**dict(_descriptions(ast.get_docstring(cls) or "")), **_DESCRIPTIONS}
    arguments = [*init.args.args[1:], *init.args.kwonlyargs]
    defaults = [*init.args.defaults, *init.args.kw_defaults]
    return tuple(
        Parameter(argument.arg, ast.unparse(default), descriptions.get(argument.arg, ""))
        for argument, default in zip(arguments, defaults, strict=True)
        if default is not None
        and argument.arg not in _OF_SEVERAL_FITS
        and not _OBJECTS.search(ast.unparse(argument.annotation or default))
    )


def add_estimator_options(parser: argparse.ArgumentParser) -> None:
    """Adds an option for each parameter, such as ``--n-components 2``."""
    group = parser.add_argument_group(
        "parameters of the estimator", "values are written as in YAML: 10, 1e-3, true, '[256, 256]'"
    )
    for parameter in estimator_parameters():
        default = "on a terminal" if parameter.name == "verbose" else _yaml(parameter.default)
        group.add_argument(
            _option(parameter.name),
            *_OTHER_OPTIONS.get(parameter.name, []),
            type=_value,
            default=argparse.SUPPRESS,
            metavar="VALUE",
            help=f"{parameter.description} (default: {default})".replace("%", "%%"),
        )


def given_parameters(arguments: argparse.Namespace) -> dict[str, Any]:
    """Returns the parameters that the arguments give."""
    names = [parameter.name for parameter in estimator_parameters()]
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def as_options(parameters: dict[str, Any]) -> list[str]:
    """Returns arguments that give parameters, as :func:`add_estimator_options` reads them.

    Args:
        parameters (dict): Values of the estimator's parameters; those of its defaults are left out.
    """
    defaults = {parameter.name: _yaml(parameter.default) for parameter in estimator_parameters()}
    given = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if name in defaults
    }
    return [
        word
        for name, value in given.items()
        if value != defaults[name]
        for word in (_option(name), value)
    ]


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _yaml(default: str) -> str:
    """A default as an option would give it."""
    try:
        value = ast.literal_eval(default)
    except ValueError:
        return default
    return value if isinstance(value, str) else json.dumps(value)


def _value(text: str) -> Any:
    try:
        return parse_yaml(text, "the value")
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _is_named(node: ast.AST, kind: type[ast.AST], name: str) -> bool:
    return isinstance(node, kind) and getattr(node, "name", None) == name


def _descriptions(docstring: str) -> Iterator[tuple[str, str]]:
    """Yields the names below ``Args`` and the first sentence of each."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.DOTALL | re.MULTILINE)
    entries = re.split(r"^ {4}(?=\w)", section[1] if section else "", flags=re.MULTILINE)
    for entry in entries:
        name, colon, text = entry.partition("):")
        if colon:
            plain = _without_markup(" ".join(text.split()).partition(" (default:")[0])
            sentence = re.match(r".*?[^.]\.(?= [A-Z]|$)", plain)
            yield name.partition(" ")[0], (sentence[0] if sentence else plain).rstrip(".")


def _without_markup(text: str) -> str:
    text = re.sub(r":math:`([^`]*)`", lambda match: match[1].replace("\\", ""), text)
    text = re.sub(r":\w+:`~?([^`]*)`", lambda match: match[1].rpartition(".")[2], text)
    return text.replace("`", "")

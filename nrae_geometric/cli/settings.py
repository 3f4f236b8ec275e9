"""Settings of a configuration file on the command line."""

from collections.abc import Sequence
from typing import Any

from nrae_geometric.configs import ExperimentConfig
from nrae_geometric.configs.yaml12 import parse_yaml


def split_settings(argv: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Takes the settings, ``--key value`` or ``--key=value``, out of the arguments.

    They are told from options by a dot or by being a key of the file's top level.

    Args:
        argv (Sequence[str]): The arguments.

    Returns:
        The other arguments, and the settings' values by their dotted keys.

    Raises:
        ValueError: If a setting has no value, or one that is not valid YAML.
    """
    arguments: list[str] = []
    settings: dict[str, Any] = {}
    rest = iter(argv)
    for argument in rest:
        key, equals, value = argument.removeprefix("--").partition("=")
        is_setting = "." in key or key in ExperimentConfig.model_fields
        if not (argument.startswith("--") and is_setting):
            arguments.append(argument)
            continue
        if not equals:
            value = next(rest, "--")
        if value.startswith("--"):
            raise ValueError(f"--{key} needs a value")
        settings[key] = parse_yaml(value, f"--{key}")
    return arguments, settings


def refuse_settings(command: str, settings: dict[str, Any]) -> None:
    """Raises an error if a command that takes no settings was given one."""
    if settings:
        raise ValueError(f"{command} takes no settings, got --{next(iter(settings))}")

"""Configuration files, given or packaged."""

import os
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.experiment import ExperimentConfig
from nrae_geometric.configs.yaml12 import MOST_BYTES, parse_yaml

_PACKAGED = files("nrae_geometric.configs")


def load_config(
    path_or_name: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None
) -> ExperimentConfig:
    """Reads and validates a file or a packaged experiment.

    Args:
        path_or_name (str or os.PathLike): A YAML file, or the name of a packaged experiment, see
            :func:`experiment_names`. Where no such file exists, its stem is looked up among the
            packaged ones, so that the published ``configs/NRAEL_toy_denoising.yml`` works from
            any working directory.
        overrides (Mapping[str, Any], optional): Values for dotted keys, for example
            ``{"training.num_epochs": 100}``. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If there is neither such a file nor such an experiment.
        ConfigError: With one line for each fault.

    Example::

        config = load_config("NRAEL_toy_denoising", {"training.num_epochs": 100})
    """
    settings = read_settings(path_or_name)
    for key, value in (overrides or {}).items():
        _override(settings, key, value)
    return ExperimentConfig.from_dict(settings, str(path_or_name))


def experiment_names() -> list[str]:
    """Returns the names of the packaged experiments."""
    return sorted(
        Path(file.name).stem for file in _PACKAGED.iterdir() if file.name.endswith(".yml")
    )


def read_settings(path_or_name: str | os.PathLike[str]) -> dict[str, Any]:
    """Returns the nested settings of a file or a packaged experiment, not validated.

    Args:
        path_or_name (str or os.PathLike): As in :func:`load_config`.

    Raises:
        FileNotFoundError: If there is neither such a file nor such an experiment.
        OSError: If the file cannot be read.
        ConfigError: If the file does not hold keys and values.
    """
    source = str(path_or_name)
    settings = parse_yaml(_read(path_or_name), source)
    if not isinstance(settings, dict):
        raise ConfigError(source, ["the file should hold keys and values"])
    return settings


def _read(path_or_name: str | os.PathLike[str]) -> bytes:
    path = Path(path_or_name)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; name a configuration file in it")
    if path.exists():  # not only files: the shell hands on what a command writes as a pipe
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise ConfigError(str(path), [f"larger than {MOST_BYTES:,} bytes: no configuration"])
        return content
    name = path.name.removesuffix(".yml").removesuffix(".yaml")
    if name in experiment_names():
        return (_PACKAGED / f"{name}.yml").read_bytes()
    raise FileNotFoundError(
        f"{path_or_name} is neither a file nor one of the packaged experiments: "
        f"{', '.join(experiment_names())}"
    )


def _override(settings: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    section = settings
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            raise ConfigError(f"--{key}", [f"{parent} is a value and has no keys below it"])
    section[last] = value

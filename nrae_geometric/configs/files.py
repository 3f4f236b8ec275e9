"""Configuration files, given or packaged."""

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from nrae_geometric.configs.errors import ConfigError
from nrae_geometric.configs.experiment import ExperimentConfig

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
        ConfigError: If the file does not hold keys and values.
    """
    source = str(path_or_name)
    settings = parse_yaml(_read(path_or_name), source)
    if not isinstance(settings, dict):
        raise ConfigError(source, ["the file should hold keys and values"])
    return settings


def parse_yaml(text: str, source: str) -> Any:
    """Parses YAML to plain values; numbers like ``1e-4`` are numbers, keys are given once.

    Args:
        text (str): The text.
        source (str): What to call it in an error.

    Raises:
        ConfigError: If it is not valid YAML.
    """
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError(source, [f"not valid YAML: {' '.join(str(error).split())}"]) from None


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep)
        if len(mapping) < len(node.value):
            raise yaml.constructor.ConstructorError(
                None, None, "a key is given twice", node.start_mark
            )
        return mapping


# YAML 1.1, which PyYAML implements, takes 1e-4 for a string.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def _read(path_or_name: str | os.PathLike[str]) -> str:
    path = Path(path_or_name)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    name = path.name.removesuffix(".yml").removesuffix(".yaml")
    if name in experiment_names():
        return (_PACKAGED / f"{name}.yml").read_text(encoding="utf-8")
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

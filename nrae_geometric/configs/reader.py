"""Experiments as configuration files, in the published code's format."""

import os
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError, model_validator
from typing_extensions import Self

from nrae_geometric.configs.combinations import impossible_combinations
from nrae_geometric.configs.errors import ConfigError, schema_faults
from nrae_geometric.configs.schema import ExperimentSections

_PACKAGED = files("nrae_geometric.configs")


class ExperimentConfig(ExperimentSections):
    """One experiment: its data, model, optimizer and number of epochs.

    The keys are those of the published code's YAML files, so ``config.model.z_dim`` is the
    file's ``model.z_dim``; only ``model.kernel.lambda`` is spelled ``model.kernel.weight``.

    Example::

        config = ExperimentConfig.from_yaml("NRAEL_toy_denoising", {"training.num_epochs": 100})
    """

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if faults := list(impossible_combinations(self.to_dict())):
            raise ValueError("\n".join(faults))
        return self

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any], source: str = "the configuration") -> Self:
        """Validates nested settings.

        Args:
            settings: The nested mapping that a YAML file holds.
            source: What to call it in an error.

        Raises:
            ConfigError: With one line for each fault.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            # The combinations of a file that breaks the schema too are still worth a line.
            faults = [*schema_faults(error, cls), *impossible_combinations(settings)]
            raise ConfigError(source, list(dict.fromkeys(faults))) from None

    @classmethod
    def from_yaml(
        cls, path_or_name: str | os.PathLike[str], overrides: Mapping[str, Any] | None = None
    ) -> Self:
        """Reads a file or a packaged experiment.

        Args:
            path_or_name: A YAML file, or the name of a packaged experiment. Where no such file
                exists, its stem is looked up among the packaged ones, so that the published
                ``configs/NRAEL_toy_denoising.yml`` works from any working directory.
            overrides: Values for dotted keys, for example ``{"training.num_epochs": 100}``.

        Raises:
            FileNotFoundError: If there is neither such a file nor such an experiment.
            ConfigError: With one line for each fault.
        """
        source = str(path_or_name)
        settings = parse_yaml(_read(path_or_name), source)
        if not isinstance(settings, dict):
            raise ConfigError(source, ["the file should hold keys and values"])
        for key, value in (overrides or {}).items():
            _override(settings, key, value)
        return cls.from_dict(settings, source)

    def to_dict(self) -> dict[str, Any]:
        """Returns the nested settings under the file's own keys, without the absent ones."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def to_yaml(self) -> str:
        """Returns the settings as a YAML file that :meth:`from_yaml` reads back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False)


def experiment_names() -> list[str]:
    """Returns the names of the packaged experiments."""
    return sorted(
        Path(file.name).stem for file in _PACKAGED.iterdir() if file.name.endswith(".yml")
    )


def load_experiment(name: str, overrides: Mapping[str, Any] | None = None) -> ExperimentConfig:
    """Returns one of the packaged experiments, see :func:`experiment_names`.

    Args:
        name: For example ``"NRAEQ_mnist_rotated"``.
        overrides: Values for dotted keys, for example ``{"seed": 2}``.

    Raises:
        ValueError: If there is no such experiment.
        ConfigError: If an override does not fit.
    """
    if name not in experiment_names():
        raise ValueError(
            f"no experiment is called {name!r}; choose one of {', '.join(experiment_names())}"
        )
    settings = parse_yaml(_packaged_text(name), name)
    for key, value in (overrides or {}).items():
        _override(settings, key, value)
    return ExperimentConfig.from_dict(settings, name)


def parse_yaml(text: str, source: str) -> Any:
    """Parses YAML to plain values; numbers like ``1e-4`` are numbers, keys are given once."""
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
        return _packaged_text(name)
    raise FileNotFoundError(
        f"{path_or_name} is neither a file nor one of the packaged experiments: "
        f"{', '.join(experiment_names())}"
    )


def _packaged_text(name: str) -> str:
    return (_PACKAGED / f"{name}.yml").read_text(encoding="utf-8")


def _override(settings: dict[str, Any], key: str, value: Any) -> None:
    *parents, last = key.split(".")
    section = settings
    for parent in parents:
        section = section.setdefault(parent, {})
        if not isinstance(section, dict):
            raise ConfigError(f"--{key}", [f"{parent} is a value and has no keys below it"])
    section[last] = value

"""Configuration of one experiment."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, Field, ValidationError

from nrae_geometric.configs.errors import ConfigError, fault_lines, shortened
from nrae_geometric.configs.schema import (
    AnyModel,
    CheckedSection,
    Data,
    Model,
    Optimizer,
    Points,
    Training,
)
from nrae_geometric.configs.yaml12 import dump_yaml
from nrae_geometric.registry import Section

# File systems take 255, of which tuning needs some.
_LONGEST_NAME = 200


def _plain_name(name: str) -> str:
    if not name.strip(". ") or any(separator in name for separator in "/\\\0"):
        raise ValueError(f"must be the plain name of a folder, got {shortened(name)}")
    if not name.isprintable() or len(name.encode(errors="replace")) > _LONGEST_NAME:
        raise ValueError(
            f"must be a name of printable characters and at most {_LONGEST_NAME} bytes, got "
            f"{shortened(name)}"
        )
    return name


class ExperimentConfig(CheckedSection):
    """One experiment: its data, model, optimizer and number of epochs.

    The keys are those of the published code's YAML files, so ``config.model.z_dim`` is the
    file's ``model.z_dim``; only ``model.kernel.lambda`` is spelled ``model.kernel.weight``.
    """

    exp_name: Annotated[str, AfterValidator(_plain_name)]
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 1
    data: Data
    model: AnyModel
    optimizer: Optimizer = Optimizer()
    training: Training

    @classmethod
    def from_dict(
        cls, settings: Mapping[str, Any], source: str = "the configuration"
    ) -> "ExperimentConfig":
        """Returns validated settings.

        Args:
            settings (Mapping[str, Any]): The nested mapping that a YAML file holds.
            source (str, optional): What to call it in an error.
                (default: :obj:`"the configuration"`)

        Raises:
            ConfigError: With one line for each fault.
        """
        try:
            return cls.model_validate(dict(settings))
        except ValidationError as error:
            keys = list(dict.fromkeys(_dotted_keys(cls, settings)))
            raise ConfigError(source, list(fault_lines(error, settings, keys))) from None

    def to_dict(self) -> dict[str, Any]:
        """Returns the nested settings under the file's own keys, without the absent ones."""
        return self.model_dump(by_alias=True, exclude_none=True)

    def to_yaml(self) -> str:
        """Returns the settings as the text of a YAML file."""
        return dump_yaml(self.to_dict())

    def fingerprint(self) -> str:
        """Returns a digest of everything but ``training.num_epochs``.

        Runs with the same fingerprint go through the same epochs, of which one has more.
        """
        return hashlib.sha256(json.dumps(self._lasting(), sort_keys=True).encode()).hexdigest()

    def changes(self, other: "ExperimentConfig") -> list[str]:
        """Returns the dotted keys, without ``training.num_epochs``, that another one changes.

        Args:
            other (ExperimentConfig): The other one.
        """
        before, after = dict(_flat(self._lasting())), dict(_flat(other._lasting()))
        return [key for key in before | after if before.get(key) != after.get(key)]

    def _lasting(self) -> dict[str, Any]:
        settings = self.to_dict()
        del settings["training"]["num_epochs"]
        return settings

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yields what does not fit between the points, the model and the start."""
        shape, graph = self.data.training.point_shape, self.data.training.graph
        arch, init = self.model.arch, self.training.init
        if shape is not None:
            for key, reason in self.model.misfits(shape):
                yield f"model.{key}", reason
        if self.model.needs_embedding and init == "random":
            yield "training.init", f"model.arch {arch} needs the coordinates of another start"
        if self.model.follows_graph and graph is None:
            yield "data.training.graph", f"missing, model.arch {arch} learns from a graph"
        elif self.training.needs_graph and graph is None:
            yield (
                "training.init",
                f"{init} follows a graph; add data.training.graph, with its num_nn, or use "
                f"another start",
            )
        elif graph is not None and not (self.model.follows_graph or self.training.needs_graph):
            yield (
                "data.training.graph",
                f"neither model.arch {arch} nor training.init {init} follows a graph; remove it",
            )


def _flat(settings: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _dotted_keys(section: type[Section], settings: Any, prefix: str = "") -> Iterator[str]:
    """The keys that the settings could have, given the kinds that they name."""
    for name, field in section.model_fields.items():
        key = field.alias or name
        yield f"{prefix}{key}"
        value = settings.get(key) if isinstance(settings, Mapping) else None
        for part in _sections(field.annotation):
            yield from _dotted_keys(_kind(part, value), value, f"{prefix}{key}.")


def _sections(annotation: Any) -> Iterator[type[Section]]:
    if get_origin(annotation) is None and isinstance(annotation, type):
        if issubclass(annotation, Section):
            yield annotation
    else:
        for argument in get_args(annotation):
            yield from _sections(argument)


def _kind(section: type[Section], settings: Any) -> type[Section]:
    if issubclass(section, Points | Model) and isinstance(settings, Mapping):
        try:
            return section.of_kind(settings)
        except ValidationError:
            pass
    return section

"""Registries of the things that configurations and the command line call by name.

A kind of thing is one file in the package of its kind, and nothing else needs to know it::

    @register_dataset
    class HelixSettings(DatasetSettings):
        dataset: Literal["helix"]
        num_data: PositiveInt = 100

        def build(self, seed):
            return Helix(self.num_data, seed=seed)

Every module of that package is imported when a name is first looked up. Things that live elsewhere
are known as soon as their module is imported, which the entry-point group
``nrae_geometric.plugins`` of an installed package does by itself. This module needs no
torch.
"""

import importlib
import importlib.util
import pkgutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points
from itertools import product
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field

from nrae_geometric.arguments import choice

T = TypeVar("T")
PLUGINS = "nrae_geometric.plugins"
"""The entry-point group whose modules are imported before a name is looked up."""


class Registry(Generic[T]):
    """Things of one kind by their names.

    Args:
        noun (str): The word for one of them in error messages, such as ``"data set"``.
        package (str): The package whose modules register their things when they are imported.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun = noun
        self._package: str | None = package
        self._things: dict[str, T] = {}
        self._lock = threading.RLock()

    def add(self, thing: T, *names: str) -> None:
        """Makes a thing known; the last one of a name counts."""
        self._things.update(dict.fromkeys(names, thing))

    def names(self) -> list[str]:
        """Returns the names of all things, in the order of their registration."""
        self._discover()
        return list(self._things)

    def __getitem__(self, name: str) -> T:
        """Returns the thing of a name.

        Raises:
            ValueError: If there is none; the message has those that there are.
        """
        self._discover()
        return self._things[choice(self.noun, name, self._things)]

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _discover(self) -> None:
        with self._lock:  # another thread waits until all things are known
            self._discover_once()

    def _discover_once(self) -> None:
        if self._package is None:
            return
        name, self._package = self._package, None
        try:
            package = importlib.import_module(name)
            for module in pkgutil.iter_modules(package.__path__, f"{name}."):
                importlib.import_module(module.name)
            for plugin in entry_points(group=PLUGINS):
                with _named(plugin.value):
                    plugin.load()
        except BaseException:
            self._package = name  # so that the next look-up fails as well, and says why
            raise


def import_plugin(module_or_file: str) -> None:
    """Imports a module for the things that it registers.

    Args:
        module_or_file (str): The name of a module, or the path of a file that ends in ``.py``.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If there is no such module, or it cannot be imported.
    """
    path = Path(module_or_file)
    if path.suffix != ".py":
        with _named(module_or_file):
            importlib.import_module(module_or_file)
        return
    if not path.is_file():
        raise FileNotFoundError(f"there is no plugin {path}")
    # Known to the import system by a name that shadows no other module.
    name = f"{PLUGINS}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        with _named(module_or_file):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


@contextmanager
def _named(plugin: str) -> Iterator[None]:
    """Tells of which plugin an error is."""
    try:
        yield
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise ImportError(f"the plugin {plugin} cannot be imported: {reason}") from error


Count = Annotated[int, Field(gt=0, le=2**31 - 1)]
"""How many of something: more than 0, and what the indices of every library can count."""
Length = Annotated[float, Field(ge=0, le=1e15)]
"""A length in the unit of the points, whose square single precision can hold."""


class Section(BaseModel):
    """A part of a configuration: unknown keys are errors, and no value is converted silently."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class DatasetSettings(Section):
    """The settings of one kind of points, which build its data set.

    A kind has a field ``dataset`` with a :data:`~typing.Literal` of its name, and, where several
    kinds share that, a field ``type`` with one of its own.
    """

    coordinate: ClassVar[str] = "true coordinate"
    """What ``y`` is, with its unit, as pictures print it."""

    dataset: str

    def build(self, seed: int) -> Any:
        """Returns the data set: item 0 is its graph, a :class:`~torch_geometric.data.Data`.

        Where the points come from a known manifold, its method ``manifold(num)`` returns clean,
        ordered points of it.

        Args:
            seed (int): The seed of whatever is random.
        """
        raise NotImplementedError

    def test_points(self, dataset: Any) -> Any:
        """Returns the points to measure on where a configuration names none, or ``None``.

        By default those of the known manifold.
        """
        return dataset.manifold() if hasattr(dataset, "manifold") else None

    @property
    def num_points(self) -> int | None:
        """How many points there will be; ``None`` if that is known only once they are read."""
        return None

    @property
    def point_shape(self) -> tuple[int, ...] | None:
        """The shape of one point; ``None`` if that is known only once they are read."""
        return None


class ModelSettings(Section):
    """The settings of one kind of model, which build it around an encoder and a decoder.

    A kind has a field ``arch`` with a :data:`~typing.Literal` of its names.
    """

    needs_graph: ClassVar[bool] = False
    """Whether the loss follows the edges of a graph whatever its settings."""

    needs_embedding: ClassVar[bool] = False
    """Whether the loss needs coordinates of the points, which the start of training has."""

    draws: ClassVar[bool] = True
    """Whether building or training the model may draw from the global random generators, beside
    what encoder and decoder do. Of a class that does not say otherwise itself, this is assumed."""

    arch: str

    @property
    def follows_graph(self) -> bool:
        """Whether the loss follows the edges of a graph with these settings."""
        return self.needs_graph

    @property
    def title(self) -> str:
        """The name of the model as pictures and tables print it."""
        return self.arch.upper()

    @property
    def expansion_order(self) -> int | None:
        """The order of the decoder's local expansion in the loss; ``None`` without any."""
        return None

    def encoder_width(self, z_dim: int) -> int:
        """How many numbers the encoder returns for each point."""
        return z_dim

    def build(self, encoder: Any, decoder: Any) -> Any:
        """Returns the model.

        Args:
            encoder (torch.nn.Module): ``x [N, *] -> [N, encoder_width(d)]``.
            decoder (torch.nn.Module): ``z [N, d] -> x [N, *]``.
        """
        raise NotImplementedError

    @classmethod
    def search_space(cls, trial: Any) -> dict[str, Any]:
        """Returns settings that a search is to try, drawn from an Optuna trial."""
        return {}


DATASETS: Registry[type[DatasetSettings]] = Registry("data set", "nrae_geometric.datasets")
"""Data sets by name."""
MODELS: Registry[type[ModelSettings]] = Registry("model", "nrae_geometric.nn.models")
"""Models by name."""
BACKENDS: Registry[Any] = Registry("backend", "nrae_geometric.neighbors.backends")
"""Backends of the neighbor search by name."""
METRICS: Registry[Any] = Registry("metric", "nrae_geometric.neighbors")
"""Metrics of the neighbor search by name."""
MEASURES: Registry[Any] = Registry("measure", "nrae_geometric.metrics")
"""Measures of a trained model by name."""


def register_dataset(settings: type[DatasetSettings]) -> type[DatasetSettings]:
    """Makes a kind of points known under the literals of its fields ``dataset`` and ``type``."""
    names = _literals(settings, "dataset")
    if "type" in settings.model_fields:
        names = [f"{d}/{t}" for d, t in product(names, _literals(settings, "type"))]
    DATASETS.add(settings, *names)
    return settings


def register_model(settings: type[ModelSettings]) -> type[ModelSettings]:
    """Makes a kind of model known under the literals of its field ``arch``."""
    MODELS.add(settings, *_literals(settings, "arch"))
    return settings


def _literals(settings: type[Section], field: str) -> list[str]:
    names = [str(name) for name in get_args(settings.model_fields[field].annotation)]
    if not names:
        raise TypeError(f"{settings.__name__}.{field} must be a Literal of its names")
    return names

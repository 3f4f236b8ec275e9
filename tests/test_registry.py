from typing import Literal

import pytest

from nrae_geometric.registry import (
    DATASETS,
    MODELS,
    DatasetSettings,
    ModelSettings,
    Registry,
    import_plugin,
    register_dataset,
    register_model,
)

PLUGIN = """
from nrae_geometric.registry import ModelSettings, register_model
from typing import Literal

@register_model
class Settings(ModelSettings):
    arch: Literal["{name}"]
"""


def test_modules_of_the_package_are_imported_at_the_first_look_up():
    assert {"ae", "nrae", "nrael", "nraeq"} <= set(MODELS)
    assert {"synthetic/sincurve", "synthetic/swiss_roll", "mnist/rotate"} <= set(DATASETS)
    assert "no such model" not in MODELS


def test_unknown_name_is_an_error_that_lists_the_known_ones():
    registry = Registry("fruit", "nrae_geometric.datasets")
    registry.add("red", "apple")
    registry.add("yellow", "pear", "quince")
    with pytest.raises(ValueError, match="unknown fruit 'fig'; choose one of 'apple', 'pear', 'q"):
        registry["fig"]


def test_last_thing_of_a_name_counts():
    registry = Registry("fruit", "nrae_geometric.datasets")
    registry.add("red", "apple", "cherry")
    registry.add("green", "apple")
    assert (registry["apple"], registry["cherry"]) == ("green", "red")
    assert registry.names() == list(registry) == ["apple", "cherry"]


def test_kinds_are_known_by_each_pair_of_their_literals():
    class Settings(DatasetSettings):
        dataset: Literal["crystal"]
        type: Literal["cubic", "hexagonal"] = "cubic"

    assert register_dataset(Settings) is Settings
    assert DATASETS["crystal/cubic"] is DATASETS["crystal/hexagonal"] is Settings


def test_kind_without_a_literal_name_is_an_error():
    class Settings(ModelSettings):
        arch: str

    with pytest.raises(TypeError, match=r"Settings\.arch must be a Literal of its names"):
        register_model(Settings)


def test_package_that_cannot_be_imported_is_an_error_at_every_look_up():
    registry = Registry("fruit", "nrae_geometric.no_such_package")
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="no_such_package"):
            registry.names()


@pytest.mark.parametrize("as_file", [True, False])
def test_plugin_is_a_file_or_a_module(tmp_path, monkeypatch, as_file):
    name = f"plugin_model_{as_file}".lower()
    path = tmp_path / f"{name}.py"
    path.write_text(PLUGIN.format(name=name))
    monkeypatch.syspath_prepend(tmp_path)
    import_plugin(str(path) if as_file else name)
    assert MODELS[name].__name__ == "Settings"

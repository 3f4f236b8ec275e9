import enum
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch

from nrae_geometric.persistence import read_fitted, storable, write_fitted


class Number(enum.IntEnum):
    TWO = 2


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (np.bool_(True), True),
        (np.int16(3), 3),
        (np.float32(0.5), 0.5),
        (np.str_("a"), "a"),
        (np.array(3), 3),
        (torch.tensor(0.5), 0.5),
        (Number.TWO, 2),
        (PurePosixPath("a/b"), "a/b"),
        (torch.device("cpu"), "cpu"),
        ((1, [np.int64(2), (3,)]), (1, [2, (3,)])),
        ({"a": {np.str_("b"): np.int64(1)}}, {"a": {"b": 1}}),
    ],
)
def test_values_become_plain_and_come_back(tmp_path, value, plain):
    assert storable(value) == plain
    assert type(storable(value)) is type(plain)
    write_fitted(tmp_path / "file.pt", {"value": value}, {"state": value})
    state = read_fitted(tmp_path / "file.pt")
    assert (state["parameters"]["value"], state["state"]) == (plain, plain)


def test_arrays_come_back_as_arrays(tmp_path):
    array = np.arange(6.0).reshape(2, 3)
    write_fitted(tmp_path / "file.pt", {"array": array}, {})
    np.testing.assert_array_equal(read_fitted(tmp_path / "file.pt")["parameters"]["array"], array)


@pytest.mark.parametrize("value", [print, object(), {1, 2}, [torch.nn.ReLU()], 1j, np.array(["a"])])
def test_other_values_are_refused_by_the_name_of_the_parameter(tmp_path, value):
    with pytest.raises(TypeError, match="the parameter thing cannot be saved"):
        write_fitted(tmp_path / "file.pt", {"thing": value}, {})
    assert not list(tmp_path.iterdir())


def test_reading_executes_nothing(tmp_path):
    torch.save({"format": print}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt was not written by save, or is damaged"):
        read_fitted(tmp_path / "other.pt")


def test_another_file_is_an_error(tmp_path):
    torch.save({"weights": torch.ones(1)}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt was not written by ManifoldAutoencoder\.save"):
        read_fitted(tmp_path / "other.pt")


@pytest.mark.parametrize("size", [0, 100, -10])
def test_damaged_file_is_an_error(tmp_path, size):
    path = tmp_path / "file.pt"
    write_fitted(path, {}, {"center": np.zeros(1000)})
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ValueError, match=r"file\.pt was not written by save, or is damaged"):
        read_fitted(path)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*none\.pt"):
        read_fitted(tmp_path / "none.pt")

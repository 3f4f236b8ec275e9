import enum
import json
import math
from collections import OrderedDict, UserList, namedtuple
from pathlib import PurePosixPath

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from nrae_geometric.archive import check_storable, read_archive, write_archive


class Number(enum.IntEnum):
    TWO = 2


class Word(enum.StrEnum):
    ONE = "one"


Pair = namedtuple("Pair", "a b")


def round_trip(tmp_path, value):
    write_archive(tmp_path / "file", "thing", {"value": value})
    return read_archive(tmp_path / "file", "thing")["value"]


def same(a, b):
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (math.isnan(a) and math.isnan(b))
    if type(a) is not type(b):
        return False
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        # In their order, as optimizers need it.
        return [*a] == [*b] and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.bool_(True), True),
        (np.int16(3), 3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.float16(0.5), 0.5),
        (np.float64("inf"), math.inf),
        (np.str_("a"), "a"),
        (Number.TWO, 2),
        (Word.ONE, "one"),
        (PurePosixPath("a/b"), "a/b"),
        (torch.device("cpu"), "cpu"),
        (torch.float32, "torch.float32"),
        (range(3), [0, 1, 2]),
        (UserList([1]), [1]),
        (Pair(1, np.int64(2)), (1, 2)),
        (OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
        ((1, [np.int64(2), (3,)]), (1, [2, (3,)])),
        ({"a": {np.str_("b"): np.int64(1)}}, {"a": {"b": 1}}),
        ({"$tensor": "a", "b": 1}, {"$tensor": "a", "b": 1}),
        ({"$tensor": "a"}, {"$tensor": "a"}),
        ({0: {"a": 1}, (1, None): 2.5, None: 3, True: 4}, None),
        ("\ud800 \0 \n é 図", None),
        (10**400, None),
    ],
)
def test_values_become_plain_and_come_back(tmp_path, value, plain):
    assert same(round_trip(tmp_path, value), value if plain is None else plain)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.bool])
    .flatmap(lambda dtype: st.builds(lambda n: torch.arange(n).to(dtype), st.integers(0, 5)))
    .map(lambda tensor: tensor.view(-1, 1) if len(tensor) % 2 else tensor.sum())
)
KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())


@pytest.mark.slow
@settings(max_examples=60, derandomize=True, deadline=None)
@given(
    value=st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner)
            | st.lists(inner).map(tuple)
            | st.dictionaries(st.text() | st.sampled_from(["$tensor", "$tuple", "a.b", "a"]), inner)
            | st.dictionaries(KEYS, inner)
        ),
    )
)
def test_any_nesting_comes_back(tmp_path_factory, value):
    assert same(round_trip(tmp_path_factory.mktemp("archive"), value), value)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3)[:, ::-1],
        np.arange(3, dtype=">i4"),
        np.array(3.0),
        np.zeros((0, 2), dtype=np.float32),
        np.array([True]),
        np.array([2**64 - 1], dtype=np.uint64),
        np.asfortranarray(np.eye(3)),
    ],
)
def test_arrays_come_back_as_arrays(tmp_path, array):
    back = round_trip(tmp_path, array)
    np.testing.assert_array_equal(back, array)
    assert isinstance(back, np.ndarray)
    assert back.dtype == array.dtype.newbyteorder("=")


def test_tensors_that_share_memory_come_back(tmp_path):
    weight = torch.nn.Parameter(torch.rand(3, 2))
    back = round_trip(tmp_path, {"a": weight, "b": weight, "c": weight.T, "d": weight[1:]})
    for name, tensor in {"a": weight, "b": weight, "c": weight.T, "d": weight[1:]}.items():
        assert torch.equal(back[name], tensor)
        assert not back[name].requires_grad


def test_tensors_have_the_names_of_their_places(tmp_path):
    write_archive(tmp_path / "file", "thing", {"model": {"layer.weight": torch.ones(1)}})
    assert load_file(tmp_path / "file")["model.layer.weight"] == 1


@pytest.mark.parametrize(
    "value",
    [
        print,
        object(),
        {1, 2},
        b"bytes",
        1j,
        torch.nn.ReLU(),
        np.array(["a"]),
        np.array([None]),
        np.array([1j]).astype(np.complex256),
        np.datetime64("2020-01-01"),
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.ma.masked_array([1.0, 2.0], mask=[True, False]),
        torch.eye(2).to_sparse(),
        torch.empty(2, device="meta"),
        torch.Generator(),
    ],
)
@pytest.mark.parametrize(
    ("wrap", "place"), [(lambda v: v, "a"), (lambda v: [v], r"a\.0"), (lambda v: {"b": v}, r"a\.b")]
)
def test_other_values_are_refused_by_their_place(tmp_path, value, wrap, place):
    for refuse in (check_storable, lambda content: write_archive(tmp_path / "f", "t", content)):
        with pytest.raises(TypeError, match=f"^{place} cannot be saved: a file cannot hold"):
            refuse({"a": wrap(value)})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "file.pt"
    content = {"weights": torch.rand(20, 3), "names": ["a", "b"], "rate": 0.1, "state": (1, None)}
    write_archive(path, "thing", content)
    return path


@pytest.mark.slow
def test_each_flipped_bit_is_noticed_or_changes_nothing(archive):
    data, content = archive.read_bytes(), read_archive(archive, "thing")
    unnoticed = 0
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        archive.write_bytes(changed)
        try:
            back = read_archive(archive, "thing")
        except ValueError:
            continue
        assert same(back, content)
        unnoticed += 1
    assert unnoticed < len(data) * 8 / 100


def test_each_lost_end_is_noticed(archive):
    data = archive.read_bytes()
    for size in range(len(data)):
        archive.write_bytes(data[:size])
        with pytest.raises(ValueError, match=r"file\.pt is not a thing file"):
            read_archive(archive, "thing")


def test_file_of_another_kind_is_an_error(archive):
    with pytest.raises(ValueError, match=r"is not an estimator file.*but holds: thing"):
        read_archive(archive, "estimator")


def test_file_of_another_version_is_an_error_that_names_its_library(tmp_path):
    metadata = {"format": "nrae_geometric", "version": "9", "library": "nrae_geometric 7.1"}
    save_file({"a": torch.ones(1)}, tmp_path / "new", metadata)
    with pytest.raises(ValueError, match=r"new is of version 9 .* written by nrae_geometric 7\.1"):
        read_archive(tmp_path / "new", "thing")


def test_files_of_other_programs_are_errors(tmp_path):
    save_file({"a": torch.ones(1)}, tmp_path / "weights")
    torch.save({"a": print}, tmp_path / "pickle")
    (tmp_path / "text").write_text(json.dumps({"a": 1}))
    (tmp_path / "empty").touch()
    (tmp_path / "huge").write_bytes(b"\xff" * 8 + b"{}")
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=f"{path.name} is not a thing file"):
            read_archive(path, "thing")


@pytest.mark.parametrize(
    "tree",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"$tensor": "none"}',
        '{"$tuple": 3}',
        '{"$dict": [[{}, 1]]}',
        '{"$float": "x"}',
        "not JSON",
        "3",
    ],
)
def test_hostile_content_with_a_right_checksum_is_an_error(archive, monkeypatch, tree):
    monkeypatch.setattr("nrae_geometric.archive.json.dumps", lambda *_, **__: tree)
    write_archive(archive, "thing", {})
    with pytest.raises(ValueError, match=r"file\.pt is not a thing file"):
        read_archive(archive, "thing")


def test_missing_file_is_an_error(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileNotFoundError, match="there is no file"):
            read_archive(path, "thing")

"""Whatever is given as points is read as the numbers it holds, or refused by name at the door."""

import array
import datetime
import decimal
import fractions
from collections import deque

import numpy as np
import pytest
import torch
from scipy import sparse
from torch_geometric.data import Batch, Data, HeteroData

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder

POINTS = np.random.default_rng(0).integers(-8, 8, (12, 3)).astype(np.float64)


def new(**parameters):
    return ManifoldAutoencoder(
        **{
            "n_components": 1,
            "n_neighbors": 3,
            "hidden_layer_sizes": (4,),
            "max_epochs": 1,
            "init": "random",
            "random_state": 0,
            "device": "cpu",
            **parameters,
        }
    )


@pytest.fixture(scope="module")
def fitted():
    return new().fit(POINTS)


class Wrapped:
    """An array of another library, known by one protocol alone."""

    def __init__(self, protocol):
        self.shape, self.dtype = POINTS.shape, POINTS.dtype
        if protocol == "__array_interface__":
            self.__array_interface__ = POINTS.__array_interface__


class WithArray(Wrapped):
    def __array__(self, dtype=None, copy=None):
        return np.array(POINTS, dtype=dtype)


class WithDLPack(Wrapped):
    def __dlpack__(self, **options):
        return POINTS.__dlpack__()

    def __dlpack_device__(self):
        return POINTS.__dlpack_device__()


class Rows:
    """A sequence by its methods alone."""

    def __len__(self):
        return len(POINTS)

    def __getitem__(self, index):
        return POINTS[index].tolist()


def with_gradient():
    x = torch.from_numpy(POINTS).requires_grad_()
    return x * 1.0


def read_only():
    points = POINTS.copy()
    points.flags.writeable = False
    return points


ACCEPTED = {
    "float32": POINTS.astype(np.float32),
    "float16": POINTS.astype(np.float16),
    "longdouble": POINTS.astype(np.longdouble),
    "int8": POINTS.astype(np.int8),
    "int64": POINTS.astype(np.int64),
    "big endian": POINTS.astype(">f8"),
    "Fortran order": np.asfortranarray(POINTS),
    "reversed": POINTS[::-1][::-1],
    "strided": np.repeat(POINTS, 2, axis=1)[:, ::2],
    "read-only": read_only(),
    "objects": POINTS.astype(object),
    "decimals": np.vectorize(decimal.Decimal, otypes=[object])(POINTS),
    "fractions": [[fractions.Fraction(value) for value in row] for row in POINTS.tolist()],
    "matrix": np.matrix(POINTS),
    "nothing masked": np.ma.masked_array(POINTS),
    "lists": POINTS.tolist(),
    "tuples": tuple(map(tuple, POINTS.tolist())),
    "list of arrays": list(POINTS),
    "list of tensors": list(torch.from_numpy(POINTS)),
    "list of tensors with gradient": list(with_gradient()),
    "array": Rows(),
    "memory": memoryview(POINTS),
    "__array__": WithArray(""),
    "__dlpack__": WithDLPack(""),
    "__array_interface__": Wrapped("__array_interface__"),
    "tensor": torch.from_numpy(POINTS),
    "bfloat16": torch.from_numpy(POINTS).bfloat16(),
    "half": torch.from_numpy(POINTS).half(),
    "int tensor": torch.from_numpy(POINTS).int(),
    "with gradient": with_gradient(),
    "parameter": torch.nn.Parameter(torch.from_numpy(POINTS)),
    "transposed tensor": torch.from_numpy(POINTS.T.copy()).T,
    "Data": Data(x=torch.from_numpy(POINTS)),
    "Data with pos": Data(pos=torch.from_numpy(POINTS)),
    "Data of an array": Data(x=POINTS),
}


@pytest.mark.parametrize("kind", ACCEPTED)
def test_numbers_in_any_container_are_the_same_points(fitted, kind):
    points = ACCEPTED[kind]
    z = np.asarray(fitted.transform(POINTS))
    np.testing.assert_allclose(np.asarray(fitted.transform(points)), z, atol=1e-5)
    np.testing.assert_allclose(np.asarray(new().fit_transform(points)), z, atol=1e-4)
    assert fitted.score(points) == pytest.approx(fitted.score(POINTS), rel=1e-5)


def test_bools_are_zeros_and_ones(fitted):
    points = POINTS > 0
    for given in (points, torch.from_numpy(points), points.astype(object)):
        z = np.asarray(fitted.transform(given))
        np.testing.assert_allclose(z, fitted.transform(points.astype(float)), atol=1e-6)


MASKED = np.ma.masked_array(POINTS, mask=np.arange(36).reshape(12, 3) == 16)
RECORDS = np.zeros(12, dtype=[("a", float), ("b", float)])


def with_object(value):
    points = POINTS.astype(object)
    points[0, 0] = value
    return points


REFUSED = {
    "dictionary": ({"x": POINTS}, "got a dict"),
    "set": ({1.0, 2.0}, "got a set"),
    "frozen set": (frozenset({1.0}), "got a frozenset"),
    "generator": ((row for row in POINTS), "got a generator"),
    "map": (map(list, POINTS), "got a map"),
    "values": ({1: POINTS}.values(), "got a dict_values"),
    "None": (None, "got a NoneType"),
    "number": (3.0, "got a float"),
    "string": ("points.npy", "got a str"),
    "bytes": (b"points", "got a bytes"),
    "object": (object(), "got a object"),
    "class": (np.ndarray, "got a type"),
    "0-d array": (np.array(1.0), r"shape \[\]"),
    "1-d array": (POINTS[0], r"shape \[3\]. Reshape your data"),
    "1-d tensor": (torch.ones(3), r"shape \[3\]. Reshape your data"),
    "deque": (deque([1.0, 2.0]), "Reshape your data"),
    "machine array": (array.array("d", [1, 2]), "Reshape your data"),
    "range": (range(3), "Reshape your data"),
    "no rows": (POINTS[:0], r"0 sample\(s\)"),
    "no values": (POINTS[:, :0], r"0 feature\(s\)"),
    "empty list": ([], "Reshape your data"),
    "list of empty lists": ([[], []], r"0 feature\(s\)"),
    "ragged": ([[1.0, 2.0], [3.0]], "ragged: row 0 has 2 values, row 1 has 1"),
    "ragged deeper": ([[[1.0], [2.0]], [[3.0], []]], "equally many values"),
    "strings": (POINTS.astype(str), "holds strings"),
    "byte strings": (POINTS.astype("S8"), "holds bytes"),
    "strings in objects": (with_object("1"), "value of type str in row 0"),
    "list of strings": ([["a", "b"], ["c", "d"]], "holds strings"),
    "mixed list": ([[1.0, "2"], [3.0, 4.0]], "holds strings"),
    "dates": (np.full((12, 3), np.datetime64("2024-01-01")), "holds dates and times"),
    "durations": (np.full((12, 3), np.timedelta64(1, "s")), "holds durations"),
    "Python dates": (
        [[datetime.date(2024, 1, 1), 2, 3]] * 12,
        "value of type date in row 0, column 0",
    ),
    "date in objects": (with_object(np.datetime64(1, "s")), "value of type datetime64"),
    "duration in objects": (with_object(np.timedelta64(1)), "of type timedelta64"),
    "bytes in objects": (with_object(b"2"), "value of type bytes"),
    "complex in objects": (with_object(2j), "Complex data not supported"),
    "dictionaries": (with_object({}), "value of type dict in row 0, column 0"),
    "records": (RECORDS, r"Reshape|records"),
    "records in rows": (RECORDS.reshape(4, 3), "holds records"),
    "complex": (POINTS + 1j, "Complex data not supported"),
    "complex tensor": (torch.from_numpy(POINTS + 1j), "Complex data not supported"),
    "masked": (MASKED, r"1 row with masked values \(first: row 5\)"),
    "masked lists": (list(MASKED), r"1 row with masked values \(first: row 5\)"),
    "NaN": (np.where(MASKED.mask, np.nan, POINTS), r"1 row with NaN or infinite .*first: row 5"),
    "infinity": (np.where(MASKED.mask, -np.inf, POINTS), r"1 row with NaN or infinite .*row 5"),
    "NaN tensor": (torch.full((12, 3), torch.nan), r"12 rows with NaN .*first: row 0"),
    "None in objects": (np.where(MASKED.mask, None, POINTS), r"NaN or infinite .*first: row 5"),
    "longdouble beyond float64": (POINTS * np.longdouble("1e4000"), "NaN or infinite values"),
    "sparse matrix": (sparse.csr_matrix(POINTS), "dense data is required"),
    "sparse array": (sparse.coo_array(POINTS), "dense data is required"),
    "sparse tensor": (torch.from_numpy(POINTS).to_sparse(), "dense data is required"),
    "CSR tensor": (torch.from_numpy(POINTS).to_sparse_csr(), "dense data is required"),
    "nested tensor": (torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "nested"),
    "quantized": (torch.quantize_per_tensor(torch.ones(3, 3), 1, 0, torch.qint8), "quantized"),
    "meta": (torch.ones(12, 3, device="meta"), "device 'meta'"),
    "Data without points": (Data(edge_index=torch.zeros(2, 0).long()), "neither x nor pos"),
    "HeteroData": (HeteroData(), "HeteroData; pass the x of one kind of nodes"),
    "data set": (SwissRoll(12), r"a data set; pass its graph, X\[0\]"),
}
if hasattr(np.dtypes, "StringDType"):  # of NumPy 2
    REFUSED["numpy strings"] = (POINTS.astype("T"), "holds strings")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_points_is_refused_by_name(fitted, kind):
    points, message = REFUSED[kind]
    for use in (new().fit, fitted.transform, fitted.score, fitted.reconstruct):
        if isinstance(points, map) or kind == "generator":
            points = iter(POINTS)
            message = "got a"
        with pytest.raises((TypeError, ValueError), match=message):
            use(points)
    if kind not in ("Data without points", "HeteroData", "data set"):
        with pytest.raises((TypeError, ValueError)):
            fitted.inverse_transform(points)


def test_graphs_of_a_batch_are_not_joined():
    first, second = torch.from_numpy(POINTS), torch.from_numpy(POINTS) + 1
    graph = new().fit(Batch.from_data_list([Data(x=first), Data(x=second)])).graph_
    assert (graph.edge_index < 12).eq(graph.edge_index[1] < 12).all()


def test_kinds_are_answered_in_kind(fitted):
    x = torch.from_numpy(POINTS)
    for given in (x, x.float(), x.bfloat16(), x.int(), Data(x=x)):
        z = fitted.transform(given)
        assert isinstance(z, torch.Tensor)
        assert not z.requires_grad
        assert isinstance(fitted.inverse_transform(z), torch.Tensor)
    assert fitted.transform(x.bfloat16()).dtype == torch.float32
    assert fitted.transform(POINTS.astype(np.float16)).dtype == np.float32
    assert fitted.transform(POINTS.astype(int)).dtype == np.float64

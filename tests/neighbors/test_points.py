"""What is refused at the door, and how the error says so."""

import numpy as np
import pytest
import torch
from scipy import sparse

from nrae_geometric.neighbors import FaissBackend, TorchBackend, knn, knn_graph


def test_error_names_first_row_and_number_of_rows_that_are_not_finite():
    x = torch.randn(50, 3)
    x[17, 1] = torch.nan
    x[20, 0] = torch.inf
    x[31, 2] = -torch.inf

    with pytest.raises(ValueError, match=r"x has 3 rows with NaN .*first: row 17"):
        knn(x, 2)


def test_finite_values_whose_sum_overflows_are_accepted():
    x = torch.tensor([[3e38, 3e38], [3e38, 2e38], [-3e38, 0.0]])

    assert knn(x, 1)[1].view(-1).tolist() == [1, 0, 1]


@pytest.mark.parametrize("k", [0, -1, 5, 6])
def test_k_out_of_range_error_gives_the_range(k):
    with pytest.raises(ValueError, match=rf"between 1 and 4 for 5 points.*got {k}"):
        knn(torch.randn(5, 2), k)


def test_a_query_may_ask_for_every_point():
    assert knn(torch.randn(5, 2), 5, torch.randn(3, 2))[1].shape == (3, 5)


@pytest.mark.parametrize("k", [2.0, "3", None, True, np.float64(2)])
def test_k_that_is_no_integer_is_refused(k):
    with pytest.raises(TypeError, match="k must be an integer"):
        knn(torch.randn(5, 2), k)


@pytest.mark.parametrize("shape", [(), (0, 3), (4, 0)])
def test_points_without_rows_or_features_are_refused(shape):
    with pytest.raises(ValueError, match="at least one of each"):
        knn(torch.zeros(shape), 1)


def test_complex_points_are_refused():
    with pytest.raises(TypeError, match="x must be real"):
        knn(torch.zeros(4, 2, dtype=torch.complex64), 1)


def test_distances_beyond_the_type_are_infinite_to_the_right_neighbors():
    largest = torch.finfo(torch.float64).max
    x = torch.tensor([-largest, largest, 0.9 * largest, 0.0], dtype=torch.float64)

    distance, index = knn(x, 3)

    assert index[0].tolist() == [3, 2, 1]
    assert distance[0].tolist() == [largest, torch.inf, torch.inf]


def test_query_with_another_number_of_features_is_refused():
    with pytest.raises(ValueError, match="query has 2 features for each point, but x has 3"):
        knn(torch.randn(5, 3), 1, torch.randn(5, 2))


def test_error_of_a_query_that_is_not_finite_names_the_query():
    with pytest.raises(ValueError, match="query has 1 row with NaN"):
        knn(torch.randn(5, 3), 1, torch.full((1, 3), torch.nan))


def test_arrays_are_accepted():
    assert knn(np.arange(6.0).reshape(3, 2), 1)[1].view(-1).tolist() == [1, 0, 1]


def test_query_of_higher_precision_is_compared_in_that_precision():
    x = torch.tensor([[0.0], [1.0]])
    query = torch.tensor([[0.5 + 1e-12], [0.5 - 1e-12]], dtype=torch.float64)

    distance, index = knn(x, 1, query)

    assert index.view(-1).tolist() == [1, 0]
    assert distance.dtype == torch.float64


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (sparse.eye(4).tocsr(), TypeError, r"x is a sparse matrix; .*x\.toarray\(\)"),
        (torch.eye(4).to_sparse(), TypeError, "x is a sparse or nested tensor; pass a dense one"),
        ([["a", "b"], ["c", "d"]], TypeError, "x is not an array of numbers"),
        (np.array(["2020-01-01"] * 4, "datetime64[D]"), TypeError, "x is not an array of numbers"),
        (np.full((4, 2), None), TypeError, "x is not an array of numbers"),
        ({"a": [1, 2]}, TypeError, "x is not an array of numbers"),
        ([[1.0], [1.0, 2.0]], TypeError, "x is not an array of numbers"),
        (np.zeros((4, 2), complex), TypeError, "x must be real, got torch.complex128"),
        (
            np.ma.masked_equal([[1.0, 2], [3, 9], [9, 4]], 9),
            ValueError,
            r"x has 2 masked values \(first: row 1\)",
        ),
    ],
)
def test_what_is_no_dense_array_of_numbers_is_refused_by_name(x, error, message):
    with pytest.raises(error, match=message):
        knn(x, 1)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x[::-1][::-1],
        lambda x: np.asfortranarray(x),
        lambda x: np.broadcast_to(x, x.shape),  # read-only
        lambda x: x.tolist(),
        lambda x: x.astype(">f8"),
        lambda x: np.ma.array(x),
        lambda x: pytest.importorskip("pandas").DataFrame(x),
        lambda x: torch.from_numpy(x).requires_grad_(),
    ],
)
def test_every_layout_of_the_same_numbers_gives_the_same_neighbors(convert, recwarn):
    x = np.random.default_rng(0).normal(size=(30, 3)) * 1e200

    distance, index = knn(convert(x), 4)

    expected_distance, expected_index = knn(x, 4)
    assert torch.equal(index, expected_index)
    assert torch.equal(distance, expected_distance)
    assert not recwarn.list


@pytest.mark.parametrize("k", [np.int64(2), torch.tensor(2), np.uint8(2)])
def test_integers_of_every_library_are_numbers_of_neighbors(k):
    assert knn(torch.randn(5, 2), k)[1].shape == (5, 2)


@pytest.mark.parametrize("option", ["loop", "force_undirected"])
@pytest.mark.parametrize("value", ["False", 0, None])
def test_what_is_no_truth_value_is_refused(option, value):
    with pytest.raises(TypeError, match=f"{option} must be True or False"):
        knn_graph(torch.randn(5, 2), 2, **{option: value})


@pytest.mark.parametrize("value", [2.5, "64", True])
def test_block_size_that_is_no_integer_is_refused(value):
    with pytest.raises(TypeError, match="block_size must be an integer"):
        TorchBackend(value)


@pytest.mark.parametrize("value", ["high", None, True])
def test_recall_that_is_no_number_is_refused(value):
    with pytest.raises(TypeError, match="recall must be a number"):
        FaissBackend("hnsw", recall=value)


def test_block_size_of_numpy_is_taken():
    x = torch.randn(60, 3)
    assert torch.equal(knn(x, 3, backend=TorchBackend(np.int64(16)))[1], knn(x, 3)[1])


@pytest.mark.parametrize("option", ["metric", "backend"])
@pytest.mark.parametrize("value", ["", "Euclid", None, 3, ["torch"], True])
def test_unknown_options_are_refused_with_the_choices(option, value):
    with pytest.raises(ValueError, match=rf"unknown {option} .*choose one of '"):
        knn(torch.randn(5, 2), 2, **{option: value})

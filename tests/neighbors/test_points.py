"""What is refused at the door, and how the error says so."""

import numpy as np
import pytest
import torch

from nrae_geometric.neighbors import knn


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


@pytest.mark.parametrize("k", [2.0, "3", None])
def test_k_that_is_no_integer_is_refused(k):
    with pytest.raises(TypeError, match="k must be an integer"):
        knn(torch.randn(5, 2), k)


@pytest.mark.parametrize("shape", [(), (0, 3), (4, 0)])
def test_points_without_rows_or_features_are_refused(shape):
    with pytest.raises(ValueError, match="at least one of each"):
        knn(torch.zeros(shape), 1)


def test_complex_points_are_refused():
    with pytest.raises(TypeError, match="dense real tensor"):
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

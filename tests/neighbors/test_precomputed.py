"""Neighbor graphs from elsewhere."""

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from torch_geometric.data import Data

from nrae_geometric.neighbors import knn, precomputed_graph
from nrae_geometric.transforms import KNNGraph

N, K = 60, 5
X = torch.randn(N, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
SEARCH = NearestNeighbors(n_neighbors=K).fit(X.numpy())
MATRIX = SEARCH.kneighbors_graph(mode="distance")
WITH_ITSELF = SEARCH.kneighbors(X.numpy(), n_neighbors=K + 1)
DATA = KNNGraph(k=K)(Data(x=X))
SHUFFLED = torch.randperm(N * K, generator=torch.Generator().manual_seed(1))

FORMS = {
    "csr matrix": MATRIX,
    "csc array": sparse.csc_array(MATRIX),
    "lil matrix": MATRIX.tolil(),
    "sparse tensor": torch.from_numpy(MATRIX.toarray()).to_sparse(),
    "sparse csr tensor": torch.from_numpy(MATRIX.toarray()).to_sparse_csr(),
    "umap": (WITH_ITSELF[1], WITH_ITSELF[0]),
    "umap with index": (WITH_ITSELF[1], WITH_ITSELF[0], None),
    "umap in int32": (WITH_ITSELF[1].astype(np.int32), WITH_ITSELF[0]),
    "lists": (WITH_ITSELF[1].tolist(), torch.from_numpy(WITH_ITSELF[0])),
    "kneighbors": WITH_ITSELF,
    "knn": knn(X, K),
    "edges": (DATA.edge_index, DATA.edge_length),
    "edges in any order": (DATA.edge_index[:, SHUFFLED], DATA.edge_length[SHUFFLED]),
    "numpy edges": [DATA.edge_index.numpy(), DATA.edge_length.numpy()],
    "data": DATA,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_graph(form):
    edge_index, edge_length = precomputed_graph(FORMS[form], N)

    assert torch.equal(edge_index, DATA.edge_index)
    torch.testing.assert_close(edge_length, DATA.edge_length, rtol=1e-12, atol=0)


def test_a_matrix_has_the_neighbors_of_a_point_in_its_row():
    matrix = sparse.csr_array(([2.0], ([1], [0])), shape=(3, 3))

    edge_index, edge_length = precomputed_graph(matrix, 3)

    assert edge_index.tolist() == [[0], [1]]
    assert edge_length.tolist() == [2.0]


def test_stored_zeros_are_edges_between_points_that_coincide():
    x = np.zeros((3, 2))
    matrix = NearestNeighbors(n_neighbors=2).fit(x).kneighbors_graph(mode="distance")

    edge_index, edge_length = precomputed_graph(matrix, 3)

    assert edge_index.shape == (2, 6)
    assert edge_length.tolist() == [0.0] * 6


def test_neighbors_that_were_not_found_are_left_out():
    indices = np.array([[0, 1, -1], [1, 0, 2], [2, 1, -1]])
    distances = np.array([[0, 1, np.inf], [0, 1, 2], [0, 2, np.nan]], np.float32)

    edge_index, edge_length = precomputed_graph((indices, distances), 3)

    assert edge_index.tolist() == [[1, 0, 2, 1], [0, 1, 1, 2]]
    assert edge_length.dtype == torch.float32
    assert edge_length.tolist() == [1, 1, 2, 2]


def _changed(value):
    length = DATA.edge_length.clone()
    length[7] = value
    return DATA.edge_index, length


REFUSED = {
    "negative length": (_changed(-1.0), ValueError, "1 lengths that are negative or not finite"),
    "infinite length": (_changed(torch.inf), ValueError, "negative or not finite"),
    "missing length": (_changed(torch.nan), ValueError, "negative or not finite"),
    "complex lengths": ((DATA.edge_index, DATA.edge_length + 0j), TypeError, "real distances"),
    "too few lengths": (
        (DATA.edge_index, DATA.edge_length[:-1]),
        ValueError,
        r"\[2, E\] and \[E\]",
    ),
    "node too large": ((DATA.edge_index + 1, DATA.edge_length), ValueError, "names node 60"),
    "negative node": ((DATA.edge_index - 1, DATA.edge_length), ValueError, "names node -1"),
    "bool edges": ((DATA.edge_index > 3, DATA.edge_length), TypeError, "node numbers are integers"),
    "float edges": ((DATA.edge_index + 0.5, DATA.edge_length), TypeError, "integers"),
    "edge given twice": (
        (DATA.edge_index[:, [0, 1, 0]], DATA.edge_length[:3]),
        ValueError,
        "1 edges that are given more than once",
    ),
    "entry given twice": (
        sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1])), shape=(N, N)),
        ValueError,
        "from node 1 to node 0",
    ),
    "matrix of other points": (MATRIX[:, :50], ValueError, r"\[60, 50\].*\[60, 60\]"),
    "connectivity": (MATRIX.astype(bool), TypeError, "how far apart"),
    "complex matrix": (MATRIX.astype(complex), TypeError, "real distances"),
    "only loops": (sparse.eye_array(N), ValueError, "no two different points"),
    "empty matrix": (sparse.csr_array((N, N)), ValueError, "no two different points"),
    "other number of rows": (tuple(a[:50] for a in WITH_ITSELF), ValueError, r"\[60, k\]"),
    "other k": ((WITH_ITSELF[1], WITH_ITSELF[0][:, 1:]), ValueError, r"\[60, k\]"),
    "floats twice": ((WITH_ITSELF[0], WITH_ITSELF[0]), TypeError, "node numbers are integers"),
    "dense matrix": (MATRIX.toarray(), TypeError, r"ndarray of shape \[60, 60\]; pass"),
    "edges without lengths": (DATA.edge_index, TypeError, "pass an edge_index"),
    "data without lengths": (Data(edge_index=DATA.edge_index), TypeError, "no edge_length"),
    "data without edges": (Data(x=X), TypeError, "no edge_index"),
    "one of a pair": ((WITH_ITSELF[1], None), TypeError, "None in place of numbers"),
    "strings": ((["a"], ["b"]), TypeError, "not an array of numbers"),
    "nothing": (None, TypeError, "NoneType"),
    "a number": (15, TypeError, "int"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_is_no_graph_of_the_points_is_refused_by_name(fault):
    value, error, message = REFUSED[fault]
    with pytest.raises(error, match=message) as caught:
        precomputed_graph(value, N, name="neighbors_of_mine")
    assert "neighbors_of_mine" in str(caught.value)

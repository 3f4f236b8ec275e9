"""What the loader refuses, and what it says then."""

from typing import Any

import pytest
import torch
from torch_geometric.data import Data, HeteroData

from nrae_geometric.loader import NeighborhoodLoader


@pytest.mark.parametrize(
    ("num_neighbors", "options", "message"),
    [
        (3, {}, r"num_neighbors=3 is more than node 0 has: 1 besides itself \(4 such nodes"),
        (3, {"input_nodes": [3, 4]}, r"node 4 has: 2 .* use at most num_neighbors=2"),
        (-1, {}, "None takes all neighbors"),
        (0, {"include_center": False}, "no edges at all"),
        (1, {"input_nodes": torch.tensor([2, 6])}, "names node 6, but .* 0 to 5"),
        (1, {"input_nodes": [0, -1]}, "names node -1, but .* 0 to 5"),
        (1, {"input_nodes": [True, False]}, r"mask of shape \[2\], but data has 6 nodes"),
        (1, {"input_nodes": [0.0, 1.0]}, "must hold integers in one dimension"),
        (1, {"input_nodes": [[0, 1]]}, "must hold integers in one dimension"),
        (1, {"batch_size": None}, "batch_size must be a positive integer"),
    ],
)
def test_impossible_requests_are_refused(
    ragged: Data, num_neighbors: int, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        NeighborhoodLoader(ragged, num_neighbors, **options)


@pytest.mark.parametrize("num_neighbors", [None, 1])
@pytest.mark.parametrize("replace", [False, True])
def test_isolated_nodes_need_the_center(num_neighbors: int | None, replace: bool) -> None:
    data = Data(x=torch.zeros(4, 1), edge_index=torch.tensor([[1, 0, 2], [0, 1, 3]]))
    with pytest.raises(ValueError, match=r"node 2 has no neighbors.*include_center=True"):
        NeighborhoodLoader(data, num_neighbors, include_center=False, replace=replace)
    NeighborhoodLoader(data, num_neighbors, include_center=True, replace=replace)


def test_nodes_that_are_never_centers_may_have_too_few_neighbors(ragged: Data) -> None:
    batch = next(iter(NeighborhoodLoader(ragged, 3, input_nodes=[2, 3], batch_size=2)))
    assert batch.num_edges == 8


@pytest.mark.parametrize("num_neighbors", [[2], 1.0, True, "all"])
def test_num_neighbors_must_be_a_count(ragged: Data, num_neighbors: Any) -> None:
    with pytest.raises(TypeError, match="num_neighbors must be an integer"):
        NeighborhoodLoader(ragged, num_neighbors)


@pytest.mark.parametrize("option", ["subgraph_type", "weight_attr", "is_sorted"])
def test_options_without_effect_are_refused(ragged: Data, option: str) -> None:
    with pytest.raises(TypeError, match=f"does not support {option}"):
        NeighborhoodLoader(ragged, 1, **{option: None})


def test_data_without_a_well_formed_graph_is_refused() -> None:
    x = torch.zeros(3, 2)
    with pytest.raises(TypeError, match="got 'HeteroData'"):
        NeighborhoodLoader(HeteroData(), 1)
    with pytest.raises(ValueError, match="data has no edge_index"):
        NeighborhoodLoader(Data(x=x), 1)
    with pytest.raises(ValueError, match=r"shape \[2, num_edges\] .* in shape \[4, 2\]"):
        NeighborhoodLoader(Data(x=x, edge_index=torch.zeros(4, 2, dtype=torch.long)), 1)
    with pytest.raises(ValueError, match="first: edge 1, from 3 to 0; data has 3 nodes"):
        NeighborhoodLoader(Data(x=x, edge_index=torch.tensor([[1, 3], [0, 0]])), 1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_cuda_generator_is_refused(ragged: Data) -> None:
    with pytest.raises(ValueError, match="must be a CPU generator"):
        NeighborhoodLoader(ragged, 1, generator=torch.Generator("cuda"))

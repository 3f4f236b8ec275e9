"""Batches of points and edges that are not in memory."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch_geometric.data import Data, EdgeAttr, GraphStore, TensorAttr

from nrae_geometric.loader import EdgeStore, NeighborhoodLoader, PointStore
from nrae_geometric.neighbors import knn

K = 5


class CountingStore(PointStore):
    """Notes every row that it is asked for."""

    def __init__(self, *arguments: Any, **tables: Any) -> None:
        super().__init__(*arguments, **tables)
        self.asked: list[Tensor] = []

    def _get_tensor(self, attr: TensorAttr) -> Tensor:
        assert isinstance(attr.index, Tensor), "all rows were asked for"
        self.asked.append(attr.index.clone())
        return super()._get_tensor(attr)


class NamedStore(GraphStore):
    """A store that is not ours, with a name for its kind of edges, in no order."""

    def __init__(self, edge_index: Tensor, size: tuple[int, int] | None) -> None:
        super().__init__()
        self.edge_index, self.size = edge_index, size

    def get_all_edge_attrs(self) -> list[EdgeAttr]:
        return [EdgeAttr(("point", "to", "point"), "coo", is_sorted=False, size=self.size)]

    def _get_edge_index(self, attr: EdgeAttr) -> tuple[Tensor, Tensor]:
        return self.edge_index[0], self.edge_index[1]

    def _put_edge_index(self, *_: Any) -> bool:
        return False

    def _remove_edge_index(self, *_: Any) -> bool:
        return False


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Points ``[200, 3]`` and the neighbors of each, as files."""
    folder = tmp_path_factory.mktemp("stores")
    x = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    np.save(folder / "points.npy", x)
    np.save(folder / "index.npy", knn(x, K)[1].numpy().astype(np.int32))
    return folder / "points.npy", folder / "index.npy"


@pytest.fixture
def mapped(files: tuple[Path, Path]) -> tuple[CountingStore, EdgeStore]:
    points, index = (np.load(path, mmap_mode="r") for path in files)
    return CountingStore(points, y=np.arange(len(points))), EdgeStore.from_neighbors(index)


@pytest.fixture
def in_memory(files: tuple[Path, Path]) -> Data:
    x, index = (torch.from_numpy(np.load(path)) for path in files)
    target = torch.arange(len(x)).repeat_interleave(K)
    edge_index = torch.stack([index.long().flatten(), target])
    return Data(x=x, y=torch.arange(len(x)), edge_index=edge_index)


def batches(data: Any, num_neighbors: int | None, **options: Any) -> Iterator[Data]:
    options = {"batch_size": 16, "shuffle": True, **options}
    generator = torch.Generator().manual_seed(3)
    yield from NeighborhoodLoader(data, num_neighbors, generator=generator, **options)


def assert_same(found: Iterator[Data], expected: Iterator[Data]) -> None:
    for one, other in zip(found, expected, strict=True):
        assert set(one.keys()) == set(other.keys())
        for key, value in other.to_dict().items():
            if isinstance(value, Tensor):
                assert one[key].dtype == value.dtype
                assert torch.equal(one[key], value), key
            else:
                assert one[key] == value


@pytest.mark.parametrize("num_neighbors", [2, None])
@pytest.mark.parametrize("include_center", [True, False])
@pytest.mark.parametrize("num_workers", [0, 2])
def test_batches_are_those_of_the_loader_in_memory_bit_for_bit(
    mapped: tuple[CountingStore, EdgeStore],
    in_memory: Data,
    num_neighbors: int | None,
    include_center: bool,
    num_workers: int,
) -> None:
    options = {"include_center": include_center, "num_workers": num_workers}
    found = batches(mapped, num_neighbors, **options)
    assert_same(found, batches(in_memory, num_neighbors, **options))


def test_a_batch_asks_for_the_rows_of_its_nodes_and_for_no_others(
    mapped: tuple[CountingStore, EdgeStore],
) -> None:
    store = mapped[0]
    for batch in batches(mapped, 2):
        assert [rows.tolist() for rows in store.asked] == [batch.n_id.tolist()] * 2  # x and y
        store.asked.clear()


def test_making_a_loader_asks_for_no_rows(mapped: tuple[CountingStore, EdgeStore]) -> None:
    NeighborhoodLoader(mapped, 2, batch_size=16)
    assert mapped[0].asked == []


def test_centers_may_be_some_of_the_points(
    mapped: tuple[CountingStore, EdgeStore], in_memory: Data
) -> None:
    centers = torch.arange(50, 100)
    assert_same(batches(mapped, 2, input_nodes=centers), batches(in_memory, 2, input_nodes=centers))


def test_rows_are_transformed_as_they_are_read(files: tuple[Path, Path]) -> None:
    points, index = (np.load(path, mmap_mode="r") for path in files)
    stores = PointStore(points, lambda rows: 2 * rows), EdgeStore.from_neighbors(index)
    for batch in batches(stores, 2):
        assert np.array_equal(batch.x.numpy(), 2 * points[batch.n_id.numpy()])


@pytest.mark.parametrize("has_size", [True, False])
def test_stores_of_others_may_have_their_edges_in_any_order(
    mapped: tuple[CountingStore, EdgeStore], in_memory: Data, has_size: bool
) -> None:
    edges = in_memory.edge_index
    edges = edges[:, torch.randperm(edges.size(1), generator=torch.Generator().manual_seed(1))]
    size = (200, 200) if has_size else None
    expected = Data(x=in_memory.x, y=in_memory.y, edge_index=edges)
    assert_same(batches((mapped[0], NamedStore(edges, size)), 2), batches(expected, 2))


def test_self_loops_are_the_centers_own_edges(mapped: tuple[CountingStore, EdgeStore]) -> None:
    points = mapped[0].tables["x"]
    loop = np.arange(len(points))[:, None]
    index = np.concatenate([loop, mapped[1].graph.source.view(-1, K).numpy()], axis=1)
    target = torch.arange(len(points)).repeat_interleave(K + 1)
    edge_index = torch.stack([torch.from_numpy(index).flatten(), target])
    expected = Data(x=torch.from_numpy(np.array(points)), edge_index=edge_index)
    stores = PointStore(points), EdgeStore.from_neighbors(index)
    assert_same(batches(stores, 2), batches(expected, 2))


def test_the_graph_is_used_where_it_lies(files: tuple[Path, Path]) -> None:
    points, index = (np.load(path, mmap_mode="r") for path in files)
    loader = NeighborhoodLoader((PointStore(points), EdgeStore.from_neighbors(index)), 2)
    assert loader.node_sampler.graph.source.data_ptr() == index.ctypes.data


def test_points_and_nodes_must_be_equally_many(mapped: tuple[CountingStore, EdgeStore]) -> None:
    few = PointStore(np.zeros((20, 3), np.float32))
    with pytest.raises(ValueError, match="200 nodes, but the feature store 20 points"):
        NeighborhoodLoader((few, mapped[1]), 2)


def test_a_neighbor_that_does_not_exist_is_refused(mapped: tuple[CountingStore, EdgeStore]) -> None:
    index = np.full((200, K), 200)
    with pytest.raises(ValueError, match="edge from node 200, but its nodes are 0 to 199"):
        NeighborhoodLoader((mapped[0], EdgeStore.from_neighbors(index)), 2)


def test_a_store_without_points_is_refused(mapped: tuple[CountingStore, EdgeStore]) -> None:
    del mapped[0].tables["x"]
    with pytest.raises(ValueError, match="the feature store has no x; it has y"):
        NeighborhoodLoader(mapped, 2)


def test_tables_of_other_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="y has 3 rows, but there are 4 points"):
        PointStore(np.zeros((4, 2)), y=np.zeros(3))

"""Learning from points that stay on the disk."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import open_points
from nrae_geometric.loader import EdgeStore
from nrae_geometric.neighbors import knn
from nrae_geometric.training import Callback

N, K = 3000, 6
pytestmark = pytest.mark.usefixtures("no_warnings_about_random_points")


class Watched:
    """A table that notes what is asked of it."""

    def __init__(self, table: Any) -> None:
        self.table, self.shape, self.dtype = table, table.shape, table.dtype
        self.most, self.blocks, self.rows = 0, 0, []

    def __getitem__(self, place: Any) -> np.ndarray:
        if isinstance(place, slice):
            self.blocks += 1
        else:
            self.rows.append(np.asarray(place))
        found = self.table[place]
        self.most = max(self.most, len(found))
        return found


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rolled up sheet in five dimensions."""
    random = np.random.default_rng(0)
    t, height = random.uniform(0, 4, N), random.uniform(0, 2, N)
    x = np.stack([t * np.cos(t), t * np.sin(t), height, 0.1 * t, 0 * t], axis=1)
    path = tmp_path_factory.mktemp("disk") / "points.npy"
    np.save(path, (x + 3).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def graph(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Neighbors and distances ``[N, k]`` as maps of files."""
    distance, index = knn(np.load(path), K)
    for name, values in (("index", index), ("distance", distance)):
        np.save(path.with_name(f"{name}.npy"), values.numpy())
    index, distance = (
        np.load(path.with_name(f"{name}.npy"), mmap_mode="r") for name in ("index", "distance")
    )
    return index, distance


def streamed(**parameters: Any) -> ManifoldAutoencoder:
    defaults = {
        "hidden_layer_sizes": (32, 32),
        "max_epochs": 2,
        "batch_size": 32,
        "random_state": 0,
        "device": "cpu",
        "on_disk": True,
    }
    return ManifoldAutoencoder(**{**defaults, **parameters})


@pytest.mark.parametrize("kind", ["table", "map", "zarr"])
def test_every_kind_of_table_gives_the_same_model(
    path: Path, graph: Any, kind: str, tmp_path: Path
) -> None:
    expected = streamed().fit(open_points(path), graph=graph)
    points: Any = np.load(path, mmap_mode="r")
    if kind == "table":
        points = open_points(path)
    elif kind == "zarr":
        zarr = pytest.importorskip("zarr", reason="needs zarr: pip install zarr")
        points = zarr.create_array(tmp_path / "points.zarr", data=points, chunks=(500, 5))
    found = streamed().fit(points, graph=graph)
    some = np.load(path)[:100]
    np.testing.assert_array_equal(found.transform(some), expected.transform(some))


def test_learns_as_well_as_in_memory(path: Path, graph: Any) -> None:
    x = np.load(path)
    variance = x.var(axis=0).sum()
    for on_disk, points in ((False, x), (True, open_points(path))):
        fitted = streamed(on_disk=on_disk, max_epochs=12, batch_size=64).fit(points, graph=graph)
        assert -fitted.score(x) < 0.03 * variance


def test_points_are_read_in_blocks_once_and_then_by_rows(path: Path, graph: Any) -> None:
    table = Watched(open_points(path))
    fitted = streamed(early_stopping=False).fit(table, graph=graph)
    assert table.blocks == 1  # of at most 4096 rows
    sample, *batches = table.rows
    np.testing.assert_array_equal(sample, fitted.sample_rows_)
    assert len(batches) == 2 * 50
    assert max(map(len, batches)) <= 2 * 32


def test_center_and_scale_are_those_in_memory(path: Path, graph: Any) -> None:
    x = np.load(path).astype(np.float64)
    found = streamed(early_stopping=False).fit(open_points(path), graph=graph)
    expected = streamed(on_disk=False, early_stopping=False).fit(x, graph=graph)
    np.testing.assert_allclose(found.center_, expected.center_, rtol=1e-12)
    np.testing.assert_allclose(found.scale_, expected.scale_, rtol=1e-12)


def test_points_left_out_are_no_centers(path: Path, graph: Any) -> None:
    table = Watched(open_points(path))
    fitted = streamed(early_stopping=True, n_sampled_neighbors=1, method="ae").fit(
        table, graph=graph
    )
    assert "validation_loss" in fitted.history_[0]
    num_held_out = round(0.1 * N)
    batches = table.rows[1:]
    per_epoch = 50 + -(-num_held_out // 32)
    assert len(batches) == 2 * per_epoch
    held_out = np.concatenate(batches[50:per_epoch])
    trained_on = np.concatenate(batches[:50])
    assert len(np.unique(held_out)) == num_held_out
    assert not np.isin(trained_on, held_out).any()


def test_embedding_is_that_of_the_sample_and_fit_transform_that_of_all(
    path: Path, graph: Any
) -> None:
    fitted = streamed()
    z = fitted.fit_transform(open_points(path), graph=graph)
    assert z.shape == (N, 2)
    rows = fitted.sample_rows_
    np.testing.assert_allclose(fitted.embedding_, z[rows], atol=1e-5)
    assert fitted.embedding_.dtype == z.dtype == np.float32
    assert fitted.graph_.num_nodes == len(rows)
    assert "as on_disk=True asks" in fitted.choices_["on_disk"]


def test_is_saved_and_loaded_as_others(path: Path, graph: Any, tmp_path: Path) -> None:
    fitted = streamed().fit(open_points(path), graph=graph)
    fitted.save(tmp_path / "model.nrae")
    loaded = ManifoldAutoencoder.load(tmp_path / "model.nrae", "cpu")
    some = np.load(path)[:10]
    np.testing.assert_array_equal(loaded.transform(some), fitted.transform(some))
    again = loaded.set_params(warm_start=True).fit(open_points(path), graph=graph)
    assert again.n_epochs_ == 4
    np.testing.assert_array_equal(again.center_, fitted.center_)


def test_graph_may_be_a_store_or_edges(path: Path, graph: Any) -> None:
    center = np.arange(N).repeat(K)
    edges = torch.from_numpy(np.stack([np.array(graph[0]).ravel(), center]))
    some = np.load(path)[:10]
    expected = streamed().fit(open_points(path), graph=graph).transform(some)
    for other in (EdgeStore.from_neighbors(graph[0]), edges, graph[::-1]):
        found = streamed().fit(open_points(path), graph=other)
        np.testing.assert_array_equal(found.transform(some), expected)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "grae"}, "needs the coordinates of all points in memory"),
        ({"method": "ggae"}, "needs all points in memory"),
        ({"n_sampled_neighbors": 7}, "num_neighbors=7 is more than node 0 has"),
    ],
)
def test_what_needs_all_points_is_refused(
    path: Path, graph: Any, parameters: dict[str, Any], message: str
) -> None:
    estimator = streamed(**parameters)
    with pytest.raises(ValueError, match=message):
        estimator.fit(open_points(path), graph=graph)
    assert not hasattr(estimator, "model_")


def test_points_in_memory_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="on_disk=True needs points on the disk"):
        streamed().fit(np.load(path))


def test_rows_that_are_not_finite_are_named(path: Path, graph: Any, tmp_path: Path) -> None:
    x = np.load(path)
    x[2777, 1] = np.inf
    np.save(tmp_path / "bad.npy", x)
    with pytest.raises(ValueError, match=r"1 row with NaN or infinite values \(first: row 2777\)"):
        streamed().fit(open_points(tmp_path / "bad.npy"), graph=graph)


@pytest.mark.parametrize("kind", ["table", "map"])
def test_file_that_becomes_shorter_is_an_error_and_the_model_stays(
    path: Path, graph: Any, kind: str, tmp_path: Path
) -> None:
    class Shorten(Callback):
        def on_epoch_end(self, trainer: Any, model: Any) -> None:
            os.truncate(short, 128 + 20 * 100)

    short = tmp_path / "short.npy"
    short.write_bytes(path.read_bytes())
    points: Any = open_points(short) if kind == "table" else np.load(short, mmap_mode="r")
    fitted = streamed().fit(points, graph=graph)
    before = fitted.model_
    fitted.set_params(callbacks=[Shorten()])
    message = r"the file became shorter while it was read.*short\.npy"
    for use in (lambda: fitted.fit(points, graph=graph), lambda: fitted.score(points)):
        with pytest.raises(OSError, match=message):
            use()
    with pytest.raises(OSError, match=message):
        fitted.transform(points)
    with pytest.raises(OSError, match=message):
        streamed(on_disk=False).fit(points)
    assert fitted.model_ is before

"""``nrae fit`` and ``nrae embed`` of points that stay on the disk."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture
def points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    t, height = random.uniform(0, 4, (2, 1500))
    x = np.stack([t * np.cos(t), t * np.sin(t), height], axis=1).astype(np.float32)
    np.save("points.npy", x)
    return x


FIT = ["fit", "points.npy", "--out", "model.nrae", "--device", "cpu", "--on-disk", "true"]
FIT += ["--max-epochs", "2", "--hidden-layer-sizes", "[16]", "--random-state", "0"]


def test_graph_fit_and_embed_stream(points: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["graph", "points.npy", "--out", "graph/", "--n-neighbors", "6"]) == 0
    capsys.readouterr()
    assert main([*FIT, "--graph", "graph", "--json"]) == 0
    results: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert results["num_points"] == 1500
    assert "as on_disk=True asks" in results["choices"]["on_disk"]
    assert results["measures"]["trustworthiness"] > 0.8
    assert Path("model.png").exists()
    assert main(["embed", "points.npy", "--model", "model.nrae", "--out", "z.npy"]) == 0
    expected = ManifoldAutoencoder.load("model.nrae", "cpu").transform(points)
    np.testing.assert_allclose(np.load("z.npy"), expected, atol=1e-5)


def test_without_a_graph_the_command_for_it_is_named(
    points: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(FIT) == 2
    assert "nrae graph POINTS --out FOLDER/" in capsys.readouterr().err


def test_a_file_that_becomes_shorter_ends_the_embedding_and_leaves_no_result(
    points: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tiny: Callable[..., Any],
) -> None:
    tiny().fit(points[:50]).save("model.nrae")
    from nrae_geometric.cli import embed

    monkeypatch.setattr(embed, "rows_per_block", lambda num_values: 200)
    transform = ManifoldAutoencoder.transform

    def shortening(self: ManifoldAutoencoder, block: Any) -> Any:
        os.truncate("points.npy", 128 + 12 * 300)
        return transform(self, block)

    monkeypatch.setattr(ManifoldAutoencoder, "transform", shortening)
    assert main(["embed", "points.npy", "--model", "model.nrae", "--out", "z.npy"]) == 2
    assert "row 300 of 1500 is missing" in capsys.readouterr().err
    assert sorted(os.listdir()) == ["model.nrae", "points.npy"]


def test_an_interrupt_leaves_no_result(
    points: np.ndarray, monkeypatch: pytest.MonkeyPatch, tiny: Callable[..., Any]
) -> None:
    tiny().fit(points[:50]).save("model.nrae")

    def interrupted(self: ManifoldAutoencoder, block: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(ManifoldAutoencoder, "transform", interrupted)
    assert main(["embed", "points.npy", "--model", "model.nrae", "--out", "z.npy"]) == 130
    assert sorted(os.listdir()) == ["model.nrae", "points.npy"]

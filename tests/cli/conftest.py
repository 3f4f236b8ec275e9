import numpy as np
import pytest
import torch
from PIL import Image

from nrae_geometric.cli import main

SMALL = [
    "--training.num_epochs=2",
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
]


@pytest.fixture(autouse=True)
def keep_denormals():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def train(tmp_path):
    """Two epochs of small networks; returns the exit code."""

    def run(*arguments):
        options = ["--device", "cpu", "--logdir", str(tmp_path), "--no-animation"]
        return main(["train", *arguments, *SMALL, *options])

    return run


FIT = [
    *("--max-epochs", "2", "--hidden-layer-sizes", "[8]", "--n-neighbors", "4"),
    *("--random-state", "0", "--device", "cpu"),
]


@pytest.fixture
def fit(tmp_path):
    """Two epochs of a small network on points of your own; returns the exit code."""

    def run(points, *arguments, out="model.nrae"):
        return main(["fit", str(points), "--out", str(tmp_path / out), *FIT, *arguments])

    return run


@pytest.fixture(scope="session")
def curve():
    """Points on a sine, their number along it, and the half that they are in."""
    t = np.linspace(-3, 3, 40)
    return np.stack([t, np.sin(t)], axis=1), t, np.where(t < 0, "left", "right")


@pytest.fixture
def curve_file(tmp_path, curve):
    """Writes the points of the curve to a file of a kind, with its labels where it has some."""

    def write(suffix):
        points, t, half = curve
        path = tmp_path / f"points{suffix}"
        if suffix == ".npy":
            np.save(path, points)
        elif suffix == ".npz":
            np.savez(path, points=points, half=half, t=t)
        elif suffix == ".pt":
            torch.save(torch.from_numpy(points), path)
        elif suffix == ".csv":
            rows = [f"{x},{y},{side}" for (x, y), side in zip(points.tolist(), half, strict=True)]
            path.write_text("\n".join(["x,y,half", *rows]))
        elif suffix == ".parquet":
            pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow: pip install pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            columns = {"x": points[:, 0], "y": points[:, 1], "half": half}
            parquet.write_table(pyarrow.table(columns), path)
        else:
            path.mkdir()
            for i, angle in enumerate(t):
                pixels = np.add.outer(np.arange(5), np.arange(4)) * 8 + angle * 20 + 100
                Image.fromarray(pixels.astype(np.uint8)).save(path / f"{i:02}.png")
        return path

    return write

"""``nrae embed`` and ``nrae decode``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric.cli import embed, main
from nrae_geometric.datasets import read_points
from nrae_geometric.estimator import ManifoldAutoencoder

ROOT = Path(__file__).parents[2]
SUFFIXES = [".npy", ".npz", ".csv", ".parquet", ".pt"]


@pytest.fixture(scope="module")
def fitted(curve):
    return ManifoldAutoencoder(
        max_epochs=2, hidden_layer_sizes=(8,), n_neighbors=4, random_state=0, device="cpu"
    ).fit(curve[0])


@pytest.fixture
def model(tmp_path, fitted):
    """A model of the curve, fitted to columns with names."""
    fitted.feature_names_in_ = np.array(["x", "y"], dtype=object)
    fitted.save(tmp_path / "model.nrae")
    del fitted.feature_names_in_
    return tmp_path / "model.nrae"


def call(command, points, model, out, *options):
    named = ["--model", str(model), "--out", str(out), "--device", "cpu"]
    return main([command, str(points), *named, *options])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_latents_of_every_kind_of_file_are_those_of_the_estimator(
    tmp_path, curve_file, curve, model, fitted, suffix, monkeypatch
):
    monkeypatch.setattr(embed, "_MOST_ROWS_PER_BLOCK", 7)
    options = ["--array", "points"] if suffix == ".npz" else []
    out = tmp_path / "latents" / f"z{suffix}"
    assert call("embed", curve_file(suffix), model, out, *options) == 0
    z, names = read_points(out)
    np.testing.assert_allclose(z, fitted.transform(curve[0]), atol=1e-5)
    assert names == (["z1", "z2"] if suffix in (".csv", ".parquet") else None)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_decoded_points_are_those_of_the_estimator(tmp_path, model, fitted, capsys, suffix):
    z = np.random.default_rng(0).normal(size=(5, 2))
    np.save(tmp_path / "z.npy", z)
    out = tmp_path / f"decoded{suffix}"
    assert call("decode", tmp_path / "z.npy", model, out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"out": str(out), "num_points": 5, "shape": [2]}
    points, names = read_points(out)
    np.testing.assert_allclose(points, fitted.inverse_transform(z), atol=1e-5)
    assert names == (["x", "y"] if suffix in (".csv", ".parquet") else None)


def test_columns_are_found_by_their_names(tmp_path, curve, model, fitted):
    rows = [f"red,{y},{x}" for x, y in curve[0].tolist()]
    (tmp_path / "other.csv").write_text("\n".join(["color,y,x", *rows]))
    assert call("embed", tmp_path / "other.csv", model, tmp_path / "z.npy") == 0
    np.testing.assert_allclose(np.load(tmp_path / "z.npy"), fitted.transform(curve[0]), atol=1e-5)


def test_latents_are_found_by_their_names(tmp_path, model, fitted):
    (tmp_path / "z.csv").write_text("kind,z2,z1\na,1,2\nb,3,4\n")
    assert call("decode", tmp_path / "z.csv", model, tmp_path / "points.npy") == 0
    expected = fitted.inverse_transform(np.array([[2.0, 1], [4, 3]]))
    np.testing.assert_allclose(np.load(tmp_path / "points.npy"), expected, atol=1e-5)


def test_images_are_mapped_and_decoded_in_their_shape(fit, tmp_path, curve_file):
    folder = curve_file("")
    assert fit(folder) == 0
    model, z, points = tmp_path / "model.nrae", tmp_path / "z.npy", tmp_path / "points.npy"
    assert call("embed", folder, model, z) == call("decode", z, model, points) == 0
    assert np.load(points).shape == (40, 1, 5, 4)


def test_console_script_goes_from_table_to_table_through_a_pipe(
    tmp_path, curve_file, model, fitted
):
    script = [sys.executable, "-m", "nrae_geometric"]
    done = subprocess.run(
        [*script, "embed", str(curve_file(".csv")), "--model", str(model), "--out", "-"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    (tmp_path / "z.csv").write_text(done.stdout)
    z, names = read_points(tmp_path / "z.csv")
    assert names == ["z1", "z2"]
    np.testing.assert_allclose(z, fitted.embedding_, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.csv", "--model", "model.nrae", "--out", "z.csv"], "there is no file or folder"),
        (["points.csv", "--model", "gone.nrae", "--out", "z.csv"], "gone.nrae"),
        (["points.csv", "--model", "points.csv", "--out", "z.csv"], "points.csv"),
        (["points.csv", "--model", "model.nrae", "--out", "z.txt"], "a file of points ends in"),
        (["points.csv", "--model", "model.nrae", "--out", "-", "--json"], "standard output"),
        (["bad.csv", "--model", "model.nrae", "--out", "z.csv"], "line 3, column 'y': 'red'"),
        (["nan.csv", "--model", "model.nrae", "--out", "z.csv"], "row 1, counted from 0, has NaN"),
        (["short.csv", "--model", "model.nrae", "--out", "z.csv"], "there is no column 'y'"),
        (["wide.npy", "--model", "model.nrae", "--out", "z.csv"], "has 3 features"),
    ],
)
def test_mistake_is_one_line_and_nothing_is_written(
    tmp_path, curve_file, model, capsys, monkeypatch, arguments, message
):
    curve_file(".csv")
    (tmp_path / "bad.csv").write_text("x,y\n1,2\n3,red\n")
    (tmp_path / "nan.csv").write_text("x,y\n1,2\n3,nan\n")
    (tmp_path / "short.csv").write_text("x\n1\n")
    np.save(tmp_path / "wide.npy", np.zeros((2, 3)))
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    assert main(["embed", *arguments, "--device", "cpu"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("nrae: ")
    assert message in line
    assert set(tmp_path.iterdir()) == before


def test_table_of_more_latents_than_the_model_has_is_refused(tmp_path, model, capsys):
    (tmp_path / "z.csv").write_text("z1,z2,z3\n0,0,0\n")
    assert call("decode", tmp_path / "z.csv", model, tmp_path / "points.csv") == 2
    assert "has latents z1, z2, z3, but the model has 2" in capsys.readouterr().err
    picked = ("--columns", "z1,z2")
    assert call("decode", tmp_path / "z.csv", model, tmp_path / "points.csv", *picked) == 0


def test_images_are_no_output_of_decode(tmp_path, model, capsys):
    np.save(tmp_path / "z.npy", np.zeros((2, 2)))
    assert call("decode", tmp_path / "z.npy", model, tmp_path / "images") == 2
    assert "images are written to one .npy file, and nrae report" in capsys.readouterr().err


def test_latents_of_another_number_are_refused(tmp_path, model, capsys):
    np.save(tmp_path / "z.npy", np.zeros((2, 3)))
    assert call("decode", tmp_path / "z.npy", model, tmp_path / "points.csv") == 2
    assert "Z has 3 columns" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of a process from /proc")
@pytest.mark.parametrize(("suffix", "num_points"), [(".npy", 1_000_000), (".csv", 400_000)])
def test_memory_does_not_grow_with_the_number_of_points(tmp_path, model, suffix, num_points):
    """Points and latents of this number take 12 megabytes or more if they are held."""
    code = (
        "import sys, re\n"
        "from nrae_geometric.cli import main\n"
        "for points, out in zip(sys.argv[2::2], sys.argv[3::2]):\n"
        "    assert main(['embed', points, '--model', sys.argv[1], '--out', out,\n"
        "                 '--device', 'cpu', '--json']) == 0\n"
        "    print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    paths = []
    for name, num_rows in [("few", 100_000), ("many", num_points)]:
        path = tmp_path / f"{name}{suffix}"
        if suffix == ".npy":
            np.save(path, np.ones((num_rows, 2)))
        else:
            path.write_text("x,y\n" + "0.5,1.5\n" * num_rows)
        paths += [path, tmp_path / f"{name}_z{suffix}"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(model), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    few, many = (int(line) / 1024 for line in done.stdout.split("\n") if line.isdigit())
    assert many - few < 8

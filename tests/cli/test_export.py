"""``nrae export``."""

import json

import numpy as np
import pytest

from nrae_geometric.cli import main
from nrae_geometric.estimator import ManifoldAutoencoder


@pytest.fixture
def model(fit, tmp_path, curve_file):
    assert fit(curve_file(".npy")) == 0
    return tmp_path / "model.nrae"


def test_files_give_what_the_model_does(model, tmp_path, curve, capsys):
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="needs the extra: pip install '.[onnx]'")
    import onnxruntime

    folder = tmp_path / "folder" / "onnx"
    capsys.readouterr()
    assert main(["export", str(model), "--out", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["card"] == json.loads(
        (folder / "card.json").read_text()
    )
    session = onnxruntime.InferenceSession(folder / "encoder.onnx")
    [z] = session.run(None, {session.get_inputs()[0].name: curve[0]})
    expected = ManifoldAutoencoder.load(model, "cpu").transform(curve[0])
    np.testing.assert_allclose(z, expected, atol=1e-4)


def test_missing_package_is_one_line(model, tmp_path, capsys, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    capsys.readouterr()
    assert main(["export", str(model), "--out", str(tmp_path / "onnx")]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "onnx" in line
    assert not (tmp_path / "onnx").exists()


@pytest.mark.parametrize(
    ("name", "out", "message"),
    [
        ("gone.nrae", "onnx", "gone.nrae"),
        ("points.npy", "onnx", "points.npy"),
        ("model.nrae", "points.npy", "points.npy is a file; name a folder"),
    ],
)
def test_mistake_is_one_line_and_nothing_is_written(model, tmp_path, capsys, name, out, message):
    capsys.readouterr()
    before = set(tmp_path.iterdir())
    assert main(["export", str(tmp_path / name), "--out", str(tmp_path / out)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert set(tmp_path.iterdir()) == before

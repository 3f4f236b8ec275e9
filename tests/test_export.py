import hashlib
import json
import logging
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from networks import GraphEncoder
from sklearn.exceptions import NotFittedError
from torch import nn

from nrae_geometric.estimator import ManifoldAutoencoder

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")


@pytest.fixture(autouse=True)
def _no_warnings_about_random_points(caplog):
    caplog.set_level(logging.ERROR)


def random_points(shape=(40, 3), dtype=np.float64):
    return np.random.default_rng(0).normal(size=shape).astype(dtype)


def run(file, values):
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: values})[0]


def assert_same_values(estimator, folder, points, scale):
    """The files agree with the estimator on batches of other sizes than were exported."""
    for part in (points[:1], points[:2], points):
        z = estimator.transform(part)
        found = run(folder / "encoder.onnx", part)
        assert found.dtype == z.dtype
        np.testing.assert_allclose(found, z, rtol=1e-5, atol=1e-5)

        decoded = estimator.inverse_transform(z)
        found = run(folder / "decoder.onnx", z)
        assert found.dtype == decoded.dtype
        np.testing.assert_allclose(found, decoded, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize(
    ("points", "scale"),
    [
        (random_points(), 1.0),
        (random_points() * 100 + 1e6, 100.0),
        (random_points() * 1e305, 1e305),
        (random_points(dtype=np.float32), 1.0),
        (random_points((30, 1, 5, 4), np.float32) + 100, 1.0),
    ],
    ids=["double", "far from zero", "huge", "single", "images"],
)
def test_files_do_what_the_estimator_does(new_estimator, tmp_path, points, scale):
    estimator = new_estimator(init="random").fit(points)
    estimator.save(tmp_path / "model.nrae")
    ManifoldAutoencoder.load(tmp_path / "model.nrae").export(tmp_path)
    assert_same_values(estimator, tmp_path, points, scale)


def test_columns_of_different_units_are_scaled_inside(new_estimator, tmp_path):
    points = random_points() * [1.0, 1e3, 1e-3]
    estimator = new_estimator(init="random", scale="columns").fit(points)
    card = estimator.export(tmp_path)
    assert len(card["scaling"]["scale"]) == 3
    z = estimator.transform(points)
    np.testing.assert_allclose(run(tmp_path / "encoder.onnx", points), z, atol=1e-5)
    found, decoded = run(tmp_path / "decoder.onnx", z), estimator.inverse_transform(z)
    assert (np.abs(found - decoded) <= 2e-5 * estimator.scale_).all()


def test_networks_of_your_own_are_exported_without_dropout(new_estimator, tmp_path):
    encoder = nn.Sequential(
        nn.Conv2d(1, 2, 3),
        nn.BatchNorm2d(2),
        nn.Dropout(),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(12, 1),
    )
    images = random_points((30, 1, 5, 4), np.float32)
    estimator = new_estimator(init="random", encoder=encoder).fit(images)
    estimator.export(tmp_path)
    assert_same_values(estimator, tmp_path, images, 1.0)


class TestCard:
    @pytest.fixture(scope="class")
    @classmethod
    def exported(cls, new_estimator, tmp_path_factory):
        folder = tmp_path_factory.mktemp("exported") / "new" / "folder"
        frame = pandas.DataFrame(random_points() + 2, columns=["length", "width", "height"])
        estimator = new_estimator(init=frame[["length"]].to_numpy()).fit(frame)
        return estimator, folder, estimator.export(folder)

    def test_is_what_was_returned(self, exported):
        _, folder, card = exported
        assert sorted(file.name for file in folder.iterdir()) == [
            "card.json",
            "decoder.onnx",
            "encoder.onnx",
        ]
        assert json.loads((folder / "card.json").read_text()) == card

    def test_tells_inputs_and_outputs(self, exported):
        _, folder, card = exported
        points = {"name": "points", "type": "float64", "shape": ["batch", 3]}
        latents = {"name": "latents", "type": "float64", "shape": ["batch", 1]}
        for name, (given, returned) in {
            "encoder": (points, latents),
            "decoder": (latents, points),
        }.items():
            file = card["files"][name]
            assert (file["input"], file["output"]) == (given, returned)
            session = onnxruntime.InferenceSession(folder / file["file"])
            for value, described in zip(
                (*session.get_inputs(), *session.get_outputs()), (given, returned), strict=True
            ):
                assert (value.name, value.type) == (described["name"], "tensor(double)")
                assert value.shape == described["shape"]

    def test_tells_the_digests_of_the_files(self, exported):
        _, folder, card = exported
        for file in card["files"].values():
            digest = hashlib.sha256((folder / file["file"]).read_bytes()).hexdigest()
            assert file["sha256"] == digest

    def test_tells_columns_scaling_and_parameters(self, exported):
        estimator, _, card = exported
        assert card["columns"] == ["length", "width", "height"]
        np.testing.assert_array_equal(card["scaling"]["center"], estimator.center_)
        np.testing.assert_array_equal(card["scaling"]["scale"], estimator.scale_)
        assert card["parameters"]["n_neighbors"] == 3
        assert card["parameters"]["init"] == "array [40, 1]"
        assert card["libraries"]["onnx"] == onnx.__version__
        assert card["check"]["largest_difference"]["encoder"] <= 1e-5

    def test_and_files_name_no_folder_of_this_machine(self, exported):
        _, folder, _ = exported
        for file in folder.iterdir():
            assert str(Path(__file__).parents[1]).encode() not in file.read_bytes()


class LeavesTorch(nn.Linear):
    def forward(self, x):
        z = super().forward(x)
        return z if self.training else torch.from_numpy(z.detach().numpy())


class Noisy(nn.Linear):
    def forward(self, x):
        z = super().forward(x)
        return z + torch.rand_like(z)


class FixedBatch(nn.Linear):
    def forward(self, x):
        return super().forward(x.reshape(len(x), 3))


class TestFailure:
    @pytest.mark.parametrize(
        ("encoder", "message"),
        [
            (LeavesTorch(3, 1), r"encoder LeavesTorch cannot be written as ONNX"),
            (Noisy(3, 1), r"encoder\.onnx differs from PyTorch by .* of the points' scale"),
            (FixedBatch(3, 1), r"encoder FixedBatch .* any number of points.*x\.size\(0\)"),
        ],
    )
    def test_leaves_nothing(self, new_estimator, tmp_path, encoder, message):
        estimator = new_estimator(init="random", encoder=encoder).fit(random_points())
        with pytest.raises(RuntimeError, match=message):
            estimator.export(tmp_path / "folder")
        assert list(tmp_path.iterdir()) == []

    def test_leaves_an_earlier_export(self, new_estimator, tmp_path):
        new_estimator(init="random").fit(random_points()).export(tmp_path)
        before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
        with pytest.raises(RuntimeError, match="LeavesTorch"):
            new_estimator(init="random", encoder=LeavesTorch(3, 1)).fit(random_points()).export(
                tmp_path
            )
        assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before

    def test_of_an_encoder_of_graphs_is_said(self, new_estimator, tmp_path):
        estimator = new_estimator(encoder=GraphEncoder(3)).fit(random_points())
        with pytest.raises(ValueError, match="encoder GraphEncoder takes a graph"):
            estimator.export(tmp_path)

    @pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
    def test_for_lack_of_a_package_says_what_to_install(
        self, new_estimator, tmp_path, monkeypatch, name
    ):
        estimator = new_estimator(init="random").fit(random_points())
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=rf"{name}.*pip install nrae-geometric\[onnx\]"):
            estimator.export(tmp_path)

    def test_before_a_fit_is_that_of_scikit_learn(self, tmp_path):
        with pytest.raises(NotFittedError):
            ManifoldAutoencoder().export(tmp_path)

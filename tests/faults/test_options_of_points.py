"""Options of estimator, data sets, callbacks and pictures are checked at the door, by name.

The error of a name lists what there is to choose from.
"""

import numpy as np
import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.callbacks import (
    CurveRecorder,
    EarlyStopping,
    ImageRecorder,
    MetricRecorder,
    frame_epochs,
    recorder_for,
)
from nrae_geometric.datasets import MNIST, RotatedDigits, SinCurve, SwissRoll
from nrae_geometric.datasets.orbits import ShiftedMNIST
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.registry import BACKENDS, METRICS, MODELS
from nrae_geometric.visualization import Panel, plot_latent_traversal, plot_losses, save_figure

POINTS = SwissRoll(20)[0].x.numpy()
PLANAR = SwissRoll(20)[0]
IMAGES = Data(x=torch.zeros(3, 1, 4, 4))


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("method", MODELS),
        ("metric", METRICS),
        ("backend", ["auto", *BACKENDS]),
        ("activation", ["elu", "relu"]),
        ("init", ["geodesic", "pca", "random"]),
        ("device", ["auto", "cpu"]),
    ],
)
@pytest.mark.parametrize("value", ["nonsense", "", "NRAE", " elu", "Euclidean", "PCA"])
def test_unknown_names_are_refused_with_the_choices(name, choices, value):
    noun = {"method": "unknown model", "init": "'init'"}.get(name, name)
    with pytest.raises(ValueError, match=noun) as error:
        ManifoldAutoencoder(**{name: value}).fit(POINTS)
    for choice in choices:
        assert repr(choice) in str(error.value)


@pytest.mark.parametrize("name", ["metric", "backend", "activation"])
def test_names_are_checked_where_they_play_no_part(name):
    own = {"encoder": torch.nn.Linear(2, 2), "decoder": torch.nn.Linear(2, 2)}
    edges = np.stack([np.arange(19), np.arange(1, 20)])
    with pytest.raises(ValueError, match=f"unknown {name} 'x'; choose one of"):
        ManifoldAutoencoder(**own, **{name: "x"}, init="random").fit(POINTS, graph=edges)


@pytest.mark.parametrize(
    "name",
    ["n_components", "order", "n_neighbors", "n_sampled_neighbors", "max_epochs", "batch_size"],
)
@pytest.mark.parametrize("value", [True, 2.0, "2", None, [2], np.array([2]), -1, np.float64(2)])
def test_counts_are_integers(name, value):
    if name == "max_epochs" and value is None:
        pytest.skip("None leaves the number of epochs to the estimator")
    with pytest.raises((TypeError, ValueError), match=name):
        ManifoldAutoencoder(**{name: value}).fit(POINTS)


@pytest.mark.parametrize("value", [(8.0,), (True,), ("8",), (0,), (-1,), (None,), 8, "88"])
def test_widths_are_integers(value):
    with pytest.raises((TypeError, ValueError), match="hidden_layer_sizes"):
        ManifoldAutoencoder(hidden_layer_sizes=value).fit(POINTS)


@pytest.mark.parametrize("value", [np.int8(3), np.int64(3), np.uint32(3)])
def test_seeds_of_numpy_are_seeds(value):
    assert torch.equal(SinCurve(9, seed=value)[0].x, SinCurve(9, seed=3)[0].x)
    assert torch.equal(SwissRoll(9, dim=3, seed=value)[0].x, SwissRoll(9, dim=3, seed=3)[0].x)
    settings = {
        "n_components": 1, "n_neighbors": 3, "hidden_layer_sizes": (4,), "max_epochs": 1,
        "init": "random", "device": "cpu",
    }  # fmt: skip
    first, second = (
        ManifoldAutoencoder(**settings, random_state=seed).fit_transform(POINTS)
        for seed in (value, 3)
    )
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("seed", [-1, 2**32, True, 1.0, "1", None, [1], np.array([1])])
@pytest.mark.parametrize("dataset", [SinCurve, SwissRoll])
def test_other_seeds_are_refused(dataset, seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        dataset(9, seed=seed)


CALLS = {
    "num_nodes": lambda value: SinCurve(value),
    "num_nodes of a roll": lambda value: SwissRoll(value),
    "num": lambda value: SinCurve(9).manifold(value),
    "num of a roll": lambda value: SwissRoll(9).manifold(value),
    "num of an orbit": lambda value: RotatedDigits().manifold(value),
    "num_rotate": lambda value: RotatedDigits(num_rotate=value),
    "shift_range": lambda value: ShiftedMNIST(".", shift_range=value, download=False),
    "patience": lambda value: EarlyStopping(value),
    "every": lambda value: MetricRecorder(["reconstruction_error"], PLANAR, every=value),
    "num_curve": lambda value: CurveRecorder(PLANAR, num_curve=value),
    "num_images": lambda value: ImageRecorder(IMAGES, num_images=value),
    "max_epochs": frame_epochs,
    "num_images of a traversal": lambda value: plot_latent_traversal(
        [Panel("a", torch.zeros(3, 4, 4))], num_images=value
    ),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("value", [0, -1, True, 2.0, "2", None, [2], np.array([2.0])])
def test_numbers_of_things_are_integers(name, value):
    with pytest.raises((TypeError, ValueError), match=f"{name.split()[0]} must be"):
        CALLS[name](value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SinCurve(9, noise="a"), "noise must be a number"),
        (lambda: SinCurve(9, noise=np.nan), "noise must be finite"),
        (lambda: SwissRoll(9, noise=-1), "noise must be finite and at least 0"),
        (lambda: SwissRoll(9, dim="2"), "dim must be an integer"),
        (lambda: SwissRoll(9, dim=True), "dim must be an integer"),
        (
            lambda: MNIST(".", "all", download=False),
            "unknown split .* one of 'train', 'test'",
        ),
        (
            lambda: MNIST(".", None, download=False),
            "unknown split .* one of 'train', 'test'",
        ),
        (lambda: RotatedDigits(digit="3"), "digit must be an integer"),
        (lambda: RotatedDigits(rotate_range="180"), "rotate_range must be a number"),
        (lambda: EarlyStopping(3, monitor="accuracy"), "one of 'validation_loss', 'loss'"),
        (lambda: EarlyStopping(3, monitor=None), "one of 'validation_loss', 'loss'"),
        (lambda: EarlyStopping(3, min_delta="0"), "min_delta must be a number"),
        (lambda: EarlyStopping(3, restore_best="no"), "restore_best must be True or False"),
        (lambda: MetricRecorder(["nonsense"], PLANAR), "unknown measure 'nonsense'; choose one of"),
        (lambda: MetricRecorder("order", PLANAR), r"metrics must be a list .* pass \['order'\]"),
        (lambda: recorder_for(PLANAR, order=3), "choose None .*, 1 or 2"),
        (lambda: recorder_for(PLANAR, order="1"), "choose None .*, 1 or 2"),
        (lambda: recorder_for(PLANAR, order=True), "choose None .*, 1 or 2"),
        (lambda: plot_losses({}), "losses is empty"),
    ],
)
def test_other_options_are_refused_by_name(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize(
    "name", ["a", "a b.png", "ä.PNG", ".a", ".png", "a.b.svg", "a.", "a.pdf", "x" * 250]
)
def test_pictures_of_any_name_are_written(tmp_path, name):
    save_figure(plot_losses({"a": [1.0, 0.5]}), tmp_path / name)
    [file] = tmp_path.iterdir()
    assert file.name == name
    assert file.stat().st_size > 1000


@pytest.mark.parametrize("name", ["a.foo", "a.npy", "a.b c"])
def test_pictures_of_an_unknown_format_are_refused_with_the_choices(tmp_path, name):
    with pytest.raises(ValueError, match=r"choose one of .*'pdf'.*'png'"):
        save_figure(plot_losses({"a": [1.0, 0.5]}), tmp_path / name)
    assert not list(tmp_path.iterdir())

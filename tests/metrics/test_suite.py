import inspect
import math

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric import metrics
from nrae_geometric.metrics import (
    NotApplicableError,
    evaluate_measures,
    evaluate_supervised,
    evaluate_unsupervised,
    register_measure,
    shortcut_edges,
    suite,
)
from nrae_geometric.nn import AE
from nrae_geometric.registry import MEASURES, Registry
from nrae_geometric.transforms import KNNGraph

SUPERVISED = {"reconstruction_error", "latent_order", "geodesic_correlation", "manifold_distance"}
UNSUPERVISED = {
    "embedding_quality",
    "graph_geodesic_correlation",
    "shortcut_edges",
    "shortcut_segments",
    "decoder_distortion",
    "graph_diagnostics",
}


class FirstColumns(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim
        self.dropout = nn.Dropout()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x):
        return self.dropout(x)[:, : self.dim] * self.scale


class PadWithZeros(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, z):
        return nn.functional.pad(z, (0, self.dim - z.size(1)))


def projection(dim=1, num_values=3):
    """The autoencoder that keeps the first coordinates of its points."""
    return AE(FirstColumns(dim), PadWithZeros(num_values))


def line(num, noise=0.0):
    """Points along the first axis of space, in order."""
    x = torch.zeros(num, 3)
    x[:, 0] = torch.linspace(0, 1, num)
    x[:, 1] = noise
    return Data(x=x, y=x[:, 0].clone())


@pytest.fixture
def points():
    return KNNGraph(3)(line(30, noise=0.01))


@pytest.fixture
def registry(monkeypatch):
    """A registry of all measures that forgets what a test registers."""
    copy = Registry("measure", "nrae_geometric.metrics")
    for name in MEASURES:
        copy.add(MEASURES[name], name)
    monkeypatch.setattr(suite, "MEASURES", copy)
    return copy


def test_measures_against_the_truth_have_their_closed_form(points):
    clean = line(50, noise=0.2)
    values = evaluate_supervised(projection(), points, clean, line(200))

    assert set(values) == SUPERVISED
    assert values["reconstruction_error"] == pytest.approx(0.2**2)
    assert values["latent_order"] == pytest.approx({"spearman": 1, "kendall": 1, "consecutive": 1})
    assert values["geodesic_correlation"]["pearson"] == pytest.approx(1)
    assert values["manifold_distance"]["hausdorff"] == pytest.approx(0, abs=0.01)


def test_measures_without_the_truth_have_their_closed_form(points):
    values = evaluate_unsupervised(projection(), points)

    assert set(values) == UNSUPERVISED
    assert values["embedding_quality"]["trustworthiness"] == 1
    assert values["graph_geodesic_correlation"]["pearson"] == pytest.approx(1)
    assert values["shortcut_edges"]["fraction"] == 0
    assert values["shortcut_segments"]["fraction"] == 0
    assert values["decoder_distortion"]["isometry_deviation"] == pytest.approx(0)
    assert values["graph_diagnostics"]["num_components"] == 1


def test_without_test_points_and_manifold_no_measure_is_supervised(points):
    assert evaluate_supervised(projection(), points) == {}


def test_test_points_without_a_manifold_are_measured_as_far_as_they_are_known(points):
    clean = line(20)
    assert set(evaluate_supervised(projection(), points, clean)) == {
        "reconstruction_error",
        "latent_order",
    }
    clean.y = None
    assert set(evaluate_supervised(projection(), points, clean)) == {"reconstruction_error"}


def test_coordinates_of_several_dimensions_leave_out_what_needs_a_line(points):
    clean = line(20)
    clean.y = clean.x[:, :2]

    assert set(evaluate_supervised(projection(), points, clean, clean)) == {
        "reconstruction_error",
        "manifold_distance",
    }
    assert "latent_order" not in evaluate_supervised(projection(2), points, line(20))
    assert "manifold_distance" not in evaluate_supervised(projection(3), points, None, line(20))


def test_coordinates_in_a_column_are_a_line(points):
    clean = line(20)
    clean.y = clean.y[:, None]
    assert set(evaluate_supervised(projection(), points, clean, clean)) == SUPERVISED


@pytest.mark.parametrize("edge_index", [None, torch.empty(2, 0).long(), torch.tensor([[3], [3]])])
def test_points_without_edges_are_measured_without_a_graph(points, edge_index):
    points.edge_index = edge_index
    values = evaluate_unsupervised(projection(), points)
    assert set(values) == {"embedding_quality", "decoder_distortion"}


@pytest.mark.parametrize(
    ("num_points", "expected"),
    [
        (1, {"decoder_distortion"}),
        (2, {"decoder_distortion", "graph_diagnostics", "shortcut_edges", "shortcut_segments"}),
    ],
)
def test_few_points_have_few_measures(num_points, expected):
    points = line(num_points)
    points.edge_index = torch.tensor([[0], [num_points - 1]])
    assert set(evaluate_unsupervised(projection(), points)) == expected


def test_copies_of_one_point_are_measured_without_their_distances():
    points = Data(x=torch.ones(10, 3), edge_index=torch.tensor([[0, 1, 2], [1, 2, 3]]))
    values = evaluate_unsupervised(projection(), points)

    assert "shortcut_segments" not in values
    assert values["graph_diagnostics"]["num_components"] == 7


def test_named_measures_come_in_the_order_of_their_names(points):
    names = ["shortcut_edges", "reconstruction_error", "embedding_quality"]
    values = evaluate_measures(names, projection(), points, line(10))

    assert list(values) == names
    assert values["reconstruction_error"] == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shortcut_edges", "no edges, which shortcut_edges follows"),
        ("latent_order", r"latent_order compares with the truth; pass test= as well"),
        ("manifold_distance", "pass manifold= as well"),
        ("accuracy", "unknown measure 'accuracy'; choose one of"),
    ],
)
def test_a_named_measure_that_does_not_apply_is_an_error(name, message):
    with pytest.raises(ValueError, match=message):
        evaluate_measures([name], projection(), line(10))


def test_a_named_order_of_several_latents_is_an_error(points):
    with pytest.raises(NotApplicableError, match="one coordinate a point"):
        evaluate_measures(["latent_order"], projection(2), points, line(10))


def test_lengths_that_the_graph_keeps_are_those_of_its_edges(points):
    points.edge_length = torch.rand(points.edge_index.size(1))
    values = evaluate_unsupervised(projection(), points)

    expected = shortcut_edges(
        points.x[:, :1], points.edge_index, edge_length=points.edge_length
    ).stretch.max()
    assert values["shortcut_edges"]["largest_stretch"] == pytest.approx(float(expected))
    assert values["graph_geodesic_correlation"]["pearson"] < 0.999


def test_every_part_of_a_model_is_left_in_its_mode_and_without_gradients(points):
    model = projection()
    model.train()
    model.encoder.dropout.eval()
    evaluate_unsupervised(model, points)
    evaluate_measures(["latent_order"], model, points, line(5))

    assert model.encoder.training
    assert not model.encoder.dropout.training
    assert model.encoder.scale.grad is None


def test_every_part_of_a_model_is_left_in_its_mode_by_an_error(points):
    model = projection()
    with pytest.raises(NotApplicableError):
        evaluate_measures(["latent_order"], model, points)
    assert model.encoder.dropout.training


@pytest.mark.parametrize("dtype", [torch.float64, torch.int64])
def test_points_of_another_type_than_the_model_are_measured(points, dtype):
    points.x = (100 * points.x).to(dtype)
    assert evaluate_unsupervised(projection(), points).keys() == UNSUPERVISED


def test_a_model_without_parameters_is_measured(points):
    model = AE(nn.Flatten(), nn.Flatten())
    assert set(evaluate_unsupervised(model, points)) == UNSUPERVISED


def test_what_is_not_finite_is_none(points):
    model = projection(2)
    model.decoder = nn.Sequential(nn.Linear(2, 3))
    nn.init.zeros_(model.decoder[0].weight)
    values = evaluate_measures(["decoder_distortion"], model, points)["decoder_distortion"]

    assert values["largest_condition_number"] is None
    assert math.isfinite(values["isometry_deviation"])


def test_a_registered_measure_is_one_of_its_kind(points, registry):
    @register_measure("latent_extent", supervised=False)
    def latent_extent(evaluation):
        """Length of the latent interval,
        in latent units.

        More on that.
        """
        return float(evaluation.z.max() - evaluation.z.min())

    sentence = "Length of the latent interval, in latent units."
    assert registry["latent_extent"].description == sentence
    assert evaluate_measures(["latent_extent"], projection(), points) == {"latent_extent": 1}
    assert evaluate_unsupervised(projection(), points)["latent_extent"] == 1
    assert "latent_extent" not in evaluate_supervised(projection(), points, line(5))


@pytest.mark.usefixtures("registry")
def test_a_measure_that_says_that_it_does_not_apply_is_left_out(points):
    @register_measure("spread", supervised=False)
    def spread(evaluation):
        """Ratio of the two latent extents."""
        raise NotApplicableError("there is one latent dimension")

    assert "spread" not in evaluate_unsupervised(projection(), points)
    with pytest.raises(NotApplicableError, match="one latent"):
        evaluate_measures(["spread"], projection(), points)


@pytest.mark.usefixtures("registry")
def test_an_error_inside_a_measure_is_not_hidden(points):
    @register_measure("broken", supervised=False)
    def broken(evaluation):
        """Nothing."""
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        evaluate_unsupervised(projection(), points)


def test_a_measure_without_a_description_is_an_error():
    with pytest.raises(ValueError, match="'silent' needs a docstring"):
        register_measure("silent", supervised=False)(lambda evaluation: 0.0)


@pytest.mark.parametrize("name", sorted(SUPERVISED | UNSUPERVISED))
def test_every_measure_has_the_name_of_a_metric_and_a_sentence(name):
    description = MEASURES[name].description
    assert description.endswith(".")
    assert description.count(".") == 1
    assert inspect.isfunction(getattr(metrics, name))

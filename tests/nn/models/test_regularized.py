"""What all regularized autoencoders have in common: batches, graphs, neighborhoods, settings."""

import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import NeighborhoodReconstruction, mlp
from nrae_geometric.nn.models.regularized import RegularizedSettings
from nrae_geometric.registry import MODELS
from nrae_geometric.transforms import KNNGraph

METHODS = [name for name in MODELS.names() if issubclass(MODELS[name], RegularizedSettings)]


def build(method, width=2, **settings):
    chosen = MODELS[method].model_validate({"arch": method, **settings})
    encoder = mlp([3, 8, chosen.encoder_width(width)], "tanh")
    return chosen.build(encoder, mlp([width, 8, 3], "tanh")).double()


def connected(model, x, k=2):
    """Points with what some models need: coordinates, a graph, and what they prepare of it."""
    data = Data(x=x, embedding=x[:, :2] / 2)
    data.edge_index, data.edge_length = torch.empty(2, 0, dtype=torch.long), x.new_empty(0)
    return model.prepared(KNNGraph(k)(data) if len(x) > k else data)


@pytest.fixture
def points():
    torch.manual_seed(0)
    return torch.randn(30, 3, dtype=torch.float64)


@pytest.mark.parametrize("method", METHODS)
def test_gradient_is_that_of_differences(method, points):
    model = build(method).eval()
    graph = connected(model, points, 4)

    def loss(*_):
        torch.manual_seed(1)  # the same draws for each difference
        return model.loss(graph)

    parameters = list(model.parameters())
    assert torch.autograd.gradcheck(loss, parameters, fast_mode=True, atol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_neighborhoods_are_added_to_the_objective(method, points):
    plain, with_them = build(method), build(method, neighborhood_weight=0.5)
    with_them.load_state_dict(plain.state_dict())
    graph = connected(plain, points, 4)
    batch = next(iter(NeighborhoodLoader(graph, 2, batch_size=7)))
    losses = []
    for model in (plain, with_them):
        torch.manual_seed(2)
        losses.append(model.eval().loss(batch))
    z = plain.encode(batch.x)
    term = NeighborhoodReconstruction()(plain.decoder, z, batch.x, batch.edge_index, 7)
    torch.testing.assert_close(losses[1], losses[0] + 0.5 * term / 3)


@pytest.mark.parametrize("method", [each for each in METHODS if not MODELS[each].needs_graph])
def test_loss_is_of_the_centers_alone(method, points):
    model = build(method).eval()
    graph = connected(model, points, 4)
    batch = next(iter(NeighborhoodLoader(graph, 2, batch_size=7)))
    losses = []
    for data in (batch, connected(model, batch.x[:7])):
        torch.manual_seed(3)
        losses.append(model.loss(data))
    torch.testing.assert_close(*losses)


@pytest.mark.parametrize("method", METHODS)
def test_batch_of_one_point_and_equal_points_have_a_finite_gradient(method):
    for x in (torch.randn(1, 3).double(), torch.zeros(5, 3).double()):
        model = build(method)
        model.loss(connected(model, x)).backward()
        assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize("method", METHODS)
def test_neighborhoods_need_a_graph(method):
    with pytest.raises(ValueError, match="KNNGraph"):
        build(method, neighborhood_weight=1.0).loss(Data(x=torch.randn(5, 3).double()))


@pytest.mark.parametrize("method", METHODS)
def test_settings_are_the_arguments_of_the_model(method):
    given = {"neighborhood_weight": 0.25}
    settings, model = MODELS[method](arch=method, **given), build(method, **given)
    assert set(MODELS[method].model_fields) - {"arch"} == set(model.setting_names())
    for name in model.setting_names():
        assert getattr(model, name) == getattr(settings, name)
        assert f"{name}={getattr(settings, name)!r}" in model.extra_repr()


@pytest.mark.parametrize("method", METHODS)
def test_settings_say_whether_they_follow_a_graph(method):
    assert MODELS[method](arch=method, neighborhood_weight=1.0).follows_graph
    assert MODELS[method](arch=method).follows_graph == MODELS[method].needs_graph


@pytest.mark.parametrize("method", METHODS)
def test_estimator_fits_saves_and_loads(method, tmp_path):
    t = torch.linspace(0, 3, 40)
    points = torch.stack([t, t.sin(), t.cos()], dim=1).numpy()
    fitted = ManifoldAutoencoder(
        1,
        method=method,
        method_params={"neighborhood_weight": 0.1},
        hidden_layer_sizes=(8,),
        max_epochs=3,
        random_state=0,
        device="cpu",
    ).fit(points)
    fitted.save(tmp_path / "model.nrae")
    loaded = ManifoldAutoencoder.load(tmp_path / "model.nrae")
    assert (loaded.transform(points) == fitted.transform(points)).all()
    assert fitted.inverse_transform(fitted.transform(points)).shape == points.shape


@pytest.mark.parametrize("method", METHODS)
def test_loss_refuses_a_decoder_of_another_shape(method):
    model = build(method)
    model.decoder = mlp([2, 4], "tanh").double()
    with pytest.raises(ValueError, match="the decoder returns points of shape"):
        model.loss(connected(model, torch.randn(5, 3).double()))

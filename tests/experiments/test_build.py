import numpy as np
import pytest
import torch

from nrae_geometric.configs import load_config
from nrae_geometric.experiments.build import (
    build_graph,
    build_loader,
    build_model,
)
from nrae_geometric.nn import AE, NRAE


def build(name, **overrides):
    config = load_config(name, overrides)
    section = config.data.training
    data = build_graph(section.build(config.seed)[0], section)
    return config, data, build_loader(data, config)


def test_noise_follows_the_seed():
    section = load_config("AE_toy_denoising").data.training
    points = [section.build(seed)[0].x for seed in (1, 1, 2)]

    assert torch.equal(points[0], points[1])
    assert not torch.equal(points[0], points[2])
    assert points[0].shape == (50, 2)


def test_both_spellings_give_the_same_roll():
    name = "AE_toy_geometry_preserving"
    rolls = [
        load_config(name, {"data.training.type": spelling}).data.training.build(1)[0]
        for spelling in ("swiss_role", "swiss_roll")
    ]
    assert torch.equal(rolls[0].x, rolls[1].x)


def test_each_batch_of_the_noisy_sine_has_two_neighbors_for_each_center():
    _, data, loader = build("NRAEL_toy_denoising")
    assert data.num_edges == 50 * 10

    sizes = []
    for batch in loader:
        sizes.append(batch.batch_size)
        degree = torch.bincount(batch.edge_index[1])
        assert degree.tolist() == [2] * batch.batch_size
        assert not (batch.edge_index[0] == batch.edge_index[1]).any()
    assert sizes == [32, 18]


def test_published_bs_nn_counts_the_center():
    _, _, loader = build("NRAEL_toy_geometry_preserving")
    for batch in loader:
        own = batch.edge_index[0] == batch.edge_index[1]
        assert own.sum() == batch.batch_size
        assert (~own).sum() == batch.batch_size


def test_batches_of_an_autoencoder_are_its_points_alone():
    _, _, loader = build("AE_toy_denoising")
    for batch in loader:
        assert batch.x.shape == (batch.batch_size, 2)


def test_batches_are_shuffled_anew_in_each_epoch():
    _, _, loader = build("AE_toy_denoising")
    first, second = (torch.cat([batch.n_id for batch in loader]) for _ in range(2))

    assert first.sort().values.tolist() == list(range(50))
    assert first.tolist() != second.tolist()


@pytest.mark.parametrize(
    ("name", "kind", "order"),
    [
        ("AE_toy_denoising", AE, None),
        ("NRAEL_toy_denoising", NRAE, 1),
        ("NRAEQ_toy_denoising", NRAE, 2),
    ],
)
def test_model_has_the_published_architecture(name, kind, order):
    config = load_config(name)
    model = build_model(config.model, torch.Size([2]))

    assert type(model) is kind
    assert getattr(model, "order", None) == order
    widths = [tuple(p.shape) for p in model.decoder.parameters() if p.dim() == 2]
    assert widths == [(512, 1), (512, 512), (512, 512), (2, 512)]


def test_image_model_maps_images_to_images_between_zero_and_one():
    config = load_config("NRAEQ_mnist_rotated")
    model = build_model(config.model, torch.Size([1, 28, 28]))
    images = torch.rand(3, 1, 28, 28)

    assert model.encode(images).shape == (3, 1)
    reconstruction = model(images)
    assert reconstruction.shape == images.shape
    assert 0 <= reconstruction.min() <= reconstruction.max() <= 1


@pytest.mark.parametrize(
    ("name", "key", "num_images"),
    [("AE_mnist_rotated", "rotated", 100), ("AE_mnist_shifted", "shifted", 20)],
)
def test_orbits_of_the_experiments_are_the_published_ones(
    name, key, num_images, mnist_root, golden_dir
):
    _, data, _ = build(name, **{"data.training.root": str(mnist_root)})

    assert len(data.x) == num_images
    expected = np.load(golden_dir / "mnist_digit3_orbits.npz", allow_pickle=False)[key]
    np.testing.assert_array_equal((data.x * 255).round().numpy(), expected)


def test_metric_of_a_configuration_is_that_of_its_graph():
    config = load_config("NRAEL_toy_denoising", {"data.training.graph.metric": "cosine"})
    section = config.data.training
    data = build_graph(section.build(1)[0], section)

    x = data.x.double() / data.x.double().norm(dim=1, keepdim=True)
    expected = (x @ x.T).fill_diagonal_(-2).topk(10).indices.sort().values
    assert torch.equal(data.edge_index[0].view(50, 10).sort().values, expected)

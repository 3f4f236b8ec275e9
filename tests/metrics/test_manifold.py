import math

import pytest
import torch

from nrae_geometric.metrics import manifold_distance


def circle(z):
    return torch.cat([z.cos(), z.sin()], dim=1)


def test_the_true_decoder_has_no_distance_beyond_the_spacing_of_the_samples():
    z = torch.tensor([0.7, 0.0, math.pi, 2.0])[:, None]
    manifold = circle(torch.linspace(0, math.pi, 1000)[:, None])
    distance = manifold_distance(circle, z, manifold, num_samples=5000)
    assert max(distance[:3]) < math.pi / 1000
    assert distance.num_samples == 5000


def test_parallel_lines_are_their_offset_apart():
    manifold = torch.stack([torch.linspace(0, 1, 500), torch.zeros(500)], dim=1)
    z = torch.tensor([[0.0], [1.0]])
    distance = manifold_distance(
        lambda z: torch.cat([z, torch.full_like(z, 0.25)], dim=1), z, manifold
    )
    assert distance[:3] == pytest.approx((0.25, 0.25, 0.25), abs=1e-4)


def test_a_manifold_learned_by_half_misses_the_other_half():
    manifold = torch.linspace(0, 2, 2001)[:, None]
    distance = manifold_distance(lambda z: z, torch.tensor([[0.0], [1.0]]), manifold)
    assert distance.learned_to_true == pytest.approx(0.0, abs=1e-3)
    assert distance.true_to_learned == pytest.approx(0.25, abs=1e-3)
    assert distance.hausdorff == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("stretch", [1.0, 1e-4, 1e4])
def test_a_planar_latent_space_is_filled_evenly_whatever_its_shape(stretch):
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0], [0.4, 0.3]])
    scale = torch.tensor([stretch, 1.0])
    side = torch.linspace(0, 1, 60)
    distance = manifold_distance(
        lambda z: z / scale, corners * scale, torch.cartesian_prod(side, side), num_samples=4096
    )
    # A grid point's nearest of n even samples is about 1 / (2 sqrt(n)) away.
    assert distance.true_to_learned < 0.012
    assert distance.hausdorff < 0.05


def test_samples_stay_inside_the_hull():
    triangle = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    decoded = []

    def decoder(z):
        decoded.append(z)
        return z

    manifold_distance(decoder, triangle, triangle, num_samples=6000)
    samples = torch.cat(decoded)
    assert samples.shape == (6000, 2)
    assert (samples >= -1e-9).all()
    assert (samples.sum(dim=1) <= 1 + 1e-9).all()
    assert samples.mean(dim=0).tolist() == pytest.approx([1 / 3, 1 / 3], abs=2e-3)


@pytest.mark.parametrize("z", [torch.ones(5, 2), torch.ones(5, 1), torch.ones(1, 2)])
def test_collapsed_latents_are_one_point(z):
    manifold = torch.tensor([[1.0, 1.0], [1.0, 4.0]])
    distance = manifold_distance(lambda z: z.expand(-1, 2), z, manifold, num_samples=7)
    assert distance == pytest.approx((0.0, 1.5, 3.0, 7))


def test_planar_latents_on_a_line_are_sampled_along_it():
    t = torch.linspace(0, 1, 20)
    z = torch.stack([t, 2 * t], dim=1)
    manifold = torch.stack([t, 2 * t], dim=1)
    assert manifold_distance(lambda z: z, z, manifold).true_to_learned < 1e-3


def test_images_and_latents_in_training_are_accepted():
    z = torch.rand(6, 1, requires_grad=True)
    manifold = torch.zeros(3, 1, 2, 2)
    distance = manifold_distance(lambda z: z.new_ones(len(z), 1, 2, 2), z, manifold, num_samples=5)
    assert distance[:3] == pytest.approx((2.0, 2.0, 2.0))


def test_latents_with_three_dimensions_are_refused():
    with pytest.raises(ValueError, match="z has 3 columns"):
        manifold_distance(lambda z: z, torch.rand(5, 3), torch.rand(5, 3))


def test_a_manifold_of_another_space_is_refused():
    with pytest.raises(ValueError, match=r"1 values and the manifold's 3"):
        manifold_distance(lambda z: z, torch.rand(5, 1), torch.rand(5, 3))

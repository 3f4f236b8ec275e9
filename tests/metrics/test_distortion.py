import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd.functional import jacobian

from nrae_geometric.metrics import decoder_distortion


def test_a_linear_map_has_its_singular_values():
    weight = torch.tensor([[3.0, 0.0], [0.0, 4.0], [0.0, 3.0]])
    distortion = decoder_distortion(lambda z: z @ weight.T, torch.rand(7, 2))
    assert distortion.condition_number.tolist() == pytest.approx([25 / 9] * 7)
    assert distortion.volume.tolist() == pytest.approx([15.0] * 7)
    assert distortion.isometry_deviation.tolist() == pytest.approx([2 * (8 / 17) ** 2] * 7)


def test_a_scaled_isometry_has_no_distortion():
    def rolled(z):
        return 3 * torch.stack([z[:, 0].cos(), z[:, 0].sin(), z[:, 1]], dim=1)

    distortion = decoder_distortion(rolled, torch.rand(50, 2, dtype=torch.float64))
    assert distortion.condition_number.max() == pytest.approx(1.0)
    assert distortion.volume.mean() == pytest.approx(9.0)
    assert distortion.isometry_deviation.max() < 1e-20


def test_uneven_speed_along_a_curve_is_a_deviation_without_a_bad_condition():
    z = torch.linspace(1, 2, 9, dtype=torch.float64)[:, None]
    distortion = decoder_distortion(lambda z: z.square(), z)
    assert distortion.condition_number.tolist() == [1.0] * 9
    assert torch.allclose(distortion.volume, 2 * z.flatten())
    assert distortion.isometry_deviation.mean() > 0.1


def test_a_lost_direction_has_infinite_condition_and_no_volume():
    distortion = decoder_distortion(lambda z: z[:, :1], torch.rand(4, 2))
    assert distortion.condition_number.tolist() == [math.inf] * 4
    assert distortion.volume.tolist() == [0.0] * 4


def test_a_constant_decoder_gives_finite_deviations():
    distortion = decoder_distortion(lambda z: 0 * z, torch.rand(4, 2))
    assert distortion.isometry_deviation.tolist() == [2.0] * 4
    assert distortion.condition_number.tolist() == [math.inf] * 4


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([nn.ELU, nn.Tanh, nn.Softplus]))
def test_agrees_with_the_singular_values_of_autograds_jacobian(seed, num_latents, activation):
    torch.manual_seed(seed)
    decoder = nn.Sequential(
        nn.Linear(num_latents, 16), activation(), nn.Linear(16, 12), nn.Unflatten(1, (3, 4))
    ).double()
    z = torch.randn(5, num_latents, dtype=torch.float64, requires_grad=True)
    distortion = decoder_distortion(decoder, z)
    rows = [jacobian(lambda row: decoder(row[None]).flatten(), row.detach()) for row in z]
    squared = torch.linalg.svdvals(torch.stack(rows)).square()
    expected = (squared / squared.mean() - 1).square().sum(dim=1)
    assert torch.allclose(distortion.condition_number, squared[:, 0] / squared[:, -1], rtol=1e-6)
    assert torch.allclose(distortion.volume, squared.prod(dim=1).sqrt())
    assert torch.allclose(distortion.isometry_deviation, expected)
    assert not distortion.volume.requires_grad


def test_many_latents_are_measured_in_order():
    z = torch.linspace(0.5, 1, 10_000, dtype=torch.float64)[:, None]
    assert torch.allclose(decoder_distortion(torch.exp, z).volume, z.exp().flatten())

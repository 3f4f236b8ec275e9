import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from nrae_geometric.tuning.score import explain, log_likelihood

Z = torch.linspace(-math.pi, math.pi, 50).unsqueeze(1)


def sine(z):
    return torch.cat([z, z.sin()], dim=1)


def noisy_sine(noise, num=200, seed=0):
    generator = torch.Generator().manual_seed(seed)
    z = (2 * torch.rand(num, 1, generator=generator) - 1) * math.pi
    return sine(z) + noise * torch.randn(num, 2, generator=generator)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31), st.floats(0.01, 1.0), st.integers(1, 3))
def test_likelihood_is_the_largest_over_the_noise(seed, noise, num_parts):
    parts = [explain(sine, Z, noisy_sine(noise, 20, seed + i)) for i in range(num_parts)]

    def negative(log_sigma):
        variance = math.exp(2 * log_sigma)
        values = [
            logsumexp(part.log_weight.numpy() - part.squared_distance.numpy() / 2 / variance, 1)
            for part in parts
        ]
        return math.log(2 * math.pi * variance) - np.concatenate(values).mean()

    expected = -minimize_scalar(negative, bounds=(-6, 2), method="bounded").fun
    assert log_likelihood(parts, 2) == pytest.approx(expected, abs=1e-3)


def test_likelihood_of_a_line_is_that_of_its_density():
    # Far from the ends the density is 1 / length along the line, and Gaussian across it.
    sigma, length = 1.0, 100.0
    across = sigma * torch.randn(1000, 1, generator=torch.Generator().manual_seed(0))
    x = torch.cat([torch.linspace(-30, 30, 1000).unsqueeze(1), across], dim=1)
    part = explain(lambda z: torch.cat([z, 0 * z], dim=1), length * (Z / math.pi) / 2, x)

    variance = across.square().mean().item()
    expected = -math.log(length) - 0.5 * math.log(2 * math.pi * variance) - 0.5
    assert log_likelihood([part], 2) == pytest.approx(expected, abs=1e-3)


def test_truth_is_preferred_to_a_curve_that_winds_through_the_noise():
    x = noisy_sine(0.3, 1000)

    def winding(z):
        return sine(z) + 0.4 * torch.cat([0 * z, (12 * z).sin()], dim=1)

    truth, wound = explain(sine, Z, x), explain(winding, Z, x)
    nearer = wound.squared_distance.amin(1).mean() < truth.squared_distance.amin(1).mean()
    assert nearer, "the distance alone would have preferred the wrong curve"
    assert log_likelihood([truth], 2) > log_likelihood([wound], 2)


def test_truth_is_preferred_to_a_detour_through_empty_space():
    x = noisy_sine(0.05)

    def detour(z):
        return torch.cat([z, z.sin() + 3 * torch.exp(-((z / 0.3) ** 2))], dim=1)

    truth, wrong = explain(sine, Z, x), explain(detour, Z, x)
    assert log_likelihood([truth], 2) > log_likelihood([wrong], 2) + 0.1


def test_latents_may_run_at_any_speed():
    x = noisy_sine(0.2)
    cubic = explain(lambda z: sine(z**3 / math.pi**2), Z, x)
    assert log_likelihood([cubic], 2) == pytest.approx(
        log_likelihood([explain(sine, Z, x)], 2), abs=1e-2
    )


def test_surfaces_are_weighted_by_their_area():
    generator = torch.Generator().manual_seed(0)
    z = torch.rand(200, 2, generator=generator)
    x = torch.cat([torch.rand(300, 2, generator=generator), torch.zeros(300, 1)], dim=1)
    x = x + 0.05 * torch.randn(300, 3, generator=generator)

    def plane(z):
        return torch.cat([z, 0 * z[:, :1]], dim=1)

    def uneven(z):
        return torch.cat([z[:, :1] ** 2, z[:, 1:], 0 * z[:, :1]], dim=1)

    even, stretched = explain(plane, z, x), explain(uneven, z, x)
    assert log_likelihood([stretched], 3) == pytest.approx(log_likelihood([even], 3), abs=0.05)

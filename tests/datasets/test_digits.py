import numpy as np
import torch
from sklearn.datasets import load_digits

from nrae_geometric.datasets import Digits


def test_holds_every_digit_of_scikit_learn():
    data = Digits()[0]
    assert data.x.shape == (1797, 1, 28, 28)
    assert data.x.dtype == torch.float32
    assert data.y.tolist() == load_digits().target.tolist()


def test_values_lie_between_zero_and_one():
    x = Digits()[0].x
    assert (x.min(), x.max()) == (0, 1)


def test_resizing_interpolates_linearly_between_pixel_centers():
    # Output pixel i of 28 lies at (i + 0.5) * 8 / 28 - 0.5 of the eight source pixels.
    position = np.clip((np.arange(28) + 0.5) * 8 / 28 - 0.5, 0, 7)
    weights = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(8)))
    expected = weights @ (load_digits().images[:50] / 16) @ weights.T
    np.testing.assert_allclose(Digits()[0].x[:50, 0].numpy(), expected, atol=1e-6)

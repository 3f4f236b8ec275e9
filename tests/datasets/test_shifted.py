import numpy as np
import pytest
import torch

from nrae_geometric.datasets import ShiftedMNIST


def test_equals_the_golden_orbit(mnist_root, golden_dir):
    golden = np.load(golden_dir / "mnist_digit3_orbits.npz", allow_pickle=False)
    data = ShiftedMNIST(mnist_root, download=False)[0]
    assert torch.equal(data.x, torch.from_numpy(golden["shifted"]) / 255)


def test_shifts_go_from_minus_the_range_to_below_it(tiny_root):
    assert ShiftedMNIST(tiny_root, shift_range=3)[0].y.tolist() == [-3, -2, -1, 0, 1, 2]


def test_positive_shifts_go_to_the_right(tiny_root, tiny_images):
    data = ShiftedMNIST(tiny_root, digit=5, index=1, scale=1)[0]
    (moved,) = data.x[data.y == 4]
    expected = torch.from_numpy(tiny_images[15]) / 255
    assert torch.equal(moved[0, :, 4:], expected[:, :-4])
    assert not moved[0, :, :4].any()


def test_manifold_refines_the_orbit(tiny_root):
    dataset = ShiftedMNIST(tiny_root, shift_range=2, scale=1)
    fine, data = dataset.manifold(7), dataset[0]
    assert fine.y.tolist() == [-2, -1.5, -1, -0.5, 0, 0.5, 1]
    assert torch.equal(fine.x[::2], data.x)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digit": -1}, "digit must be one of 0 to 9, got -1"),
        ({"index": 2}, "index must be at least 0 and below 2"),
        ({"shift_range": 0}, "shift_range must be at least 1, got 0"),
        ({"shift_range": 29}, "shift_range must be at most 28"),
        ({"scale": 0}, "scale must be positive and finite, got 0"),
        ({"scale": float("inf")}, "scale must be positive and finite, got inf"),
    ],
)
def test_refuses_arguments_out_of_range(tiny_root, arguments, message):
    with pytest.raises(ValueError, match=message):
        ShiftedMNIST(tiny_root, **arguments)


def test_repr_tells_the_settings(tiny_root):
    expected = "ShiftedMNIST(digit=3, shift_range=10, scale=0.7, index=0)"
    assert repr(ShiftedMNIST(tiny_root)) == expected

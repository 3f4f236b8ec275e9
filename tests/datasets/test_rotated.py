import numpy as np
import pytest
import torch

from nrae_geometric.datasets import Digits, RotatedDigits, RotatedMNIST


def test_equals_the_golden_orbit(mnist_root, golden_dir):
    golden = np.load(golden_dir / "mnist_digit3_orbits.npz", allow_pickle=False)
    data = RotatedMNIST(mnist_root, download=False)[0]
    assert torch.equal(data.x, torch.from_numpy(golden["rotated"]) / 255)


@pytest.mark.parametrize("digit", range(10))
def test_starts_from_the_chosen_image_of_each_digit(tiny_root, tiny_images, digit):
    first = RotatedMNIST(tiny_root, digit=digit)[0].x[0, 0]
    assert torch.equal((first * 255).round().to(torch.uint8), torch.from_numpy(tiny_images[digit]))
    second = RotatedMNIST(tiny_root, digit=digit, index=1)[0].x[0, 0]
    assert torch.equal(
        (second * 255).round().to(torch.uint8), torch.from_numpy(tiny_images[10 + digit])
    )


def test_angles_are_evenly_spaced_from_zero_with_the_end_left_out(tiny_root):
    data = RotatedMNIST(tiny_root, num_rotate=8, rotate_range=360)[0]
    assert data.y.tolist() == [0, 45, 90, 135, 180, 225, 270, 315]
    assert torch.equal(data.x[4], data.x[0].flip(1, 2))


def test_works_on_digits_without_a_download():
    data = RotatedDigits(digit=7, num_rotate=4, rotate_range=360)[0]
    digits = Digits()[0]
    image = digits.x[digits.y == 7][0]
    assert torch.equal(data.x, torch.stack([image.rot90(-k, dims=(1, 2)) for k in range(4)]))


def test_manifold_refines_the_orbit():
    dataset = RotatedDigits(num_rotate=10, rotate_range=90)
    fine, data = dataset.manifold(20), dataset[0]
    assert torch.equal(fine.x[::2], data.x)
    assert torch.equal(fine.y[::2], data.y)


def test_writes_nothing_beside_the_files_it_reads(tiny_root):
    before = sorted(tiny_root.rglob("*"))
    RotatedMNIST(tiny_root)
    assert sorted(tiny_root.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digit": 10}, "digit must be one of 0 to 9, got 10"),
        ({"index": -1}, "index must be at least 0"),
        ({"num_rotate": 0}, "num_rotate must be at least 1, got 0"),
        ({"rotate_range": 0}, "rotate_range must be above 0"),
        ({"rotate_range": 361}, "at most 360 degrees, got 361"),
        ({"rotate_range": float("nan")}, "got nan"),
    ],
)
def test_refuses_arguments_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        RotatedDigits(**arguments)


def test_repr_tells_the_settings():
    expected = "RotatedDigits(digit=3, num_rotate=2, rotate_range=180, index=0)"
    assert repr(RotatedDigits(num_rotate=2)) == expected

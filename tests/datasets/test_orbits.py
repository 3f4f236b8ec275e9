import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import affine_transform

from nrae_geometric.datasets import Digits, RotatedDigits, RotatedMNIST, ShiftedMNIST
from nrae_geometric.datasets.orbits import rotate, shift
from nrae_geometric.registry import DATASETS

IMAGES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=9),
    elements=st.floats(0, 1, width=32),
).map(torch.from_numpy)


@settings(deadline=None, max_examples=50)
@given(image=IMAGES)
def test_identity_leaves_the_image_as_it_is(image):
    assert torch.equal(rotate(image, torch.tensor([0.0]))[0], image)
    assert torch.equal(shift(image, torch.tensor([0.0]))[0], image)


@settings(deadline=None, max_examples=50)
@given(image=IMAGES)
def test_half_a_turn_flips_both_axes(image):
    assert torch.equal(rotate(image, torch.tensor([180.0]))[0], image.flip(1, 2))


@pytest.mark.parametrize("quarter_turns", [1, 2, 3, 4])
def test_quarter_turns_of_a_square_image_are_exact_and_clockwise(quarter_turns):
    image = torch.rand(2, 28, 28, generator=torch.Generator().manual_seed(0))
    (rotated,) = rotate(image, torch.tensor([90.0 * quarter_turns]))
    assert torch.equal(rotated, image.rot90(-quarter_turns, dims=(1, 2)))


@settings(deadline=None, max_examples=50)
@given(image=IMAGES, offset=st.integers(-10, 10))
def test_whole_shifts_move_columns_and_fill_with_zeros(image, offset):
    width = image.shape[-1]
    expected = torch.zeros_like(image)
    for column in range(width):
        if 0 <= column - offset < width:
            expected[:, :, column] = image[:, :, column - offset]
    assert torch.equal(shift(image, torch.tensor([offset]))[0], expected)


def test_doubling_repeats_the_pixels_of_the_middle():
    image = torch.arange(16.0).view(1, 4, 4)
    middle = image[:, 1:3, 1:3]
    expected = middle.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    assert torch.equal(shift(image, torch.tensor([0]), scale=2)[0], expected)


@settings(deadline=None, max_examples=30)
@given(
    degrees=st.floats(-720, 720).map(lambda degrees: round(degrees) + 0.3217),
    seed=st.integers(0, 2**32 - 1),
)
def test_rotation_agrees_with_scipy(degrees, seed):
    image = torch.rand(1, 13, 17, generator=torch.Generator().manual_seed(seed))
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.array([[cos, -sin], [sin, cos]])  # rows and columns count from the top left
    center = np.array([6.0, 8.0])
    expected = affine_transform(
        image[0].numpy(), matrix, center - matrix @ center, order=0, mode="grid-constant"
    )
    (rotated,) = rotate(image, torch.tensor([degrees], dtype=torch.float64))
    # A source point within rounding error of a pixel's edge may fall to either side.
    assert (rotated[0].numpy() == expected).mean() > 0.98


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float64])
def test_type_is_kept_and_each_parameter_gives_one_image(dtype):
    image = torch.ones(3, 5, 6, dtype=dtype)
    for orbit in (rotate(image, torch.arange(4)), shift(image, torch.arange(4), scale=0.5)):
        assert orbit.shape == (4, 3, 5, 6)
        assert orbit.dtype == dtype


@pytest.fixture
def golden_orbits(golden_dir):
    return np.load(golden_dir / "mnist_digit3_orbits.npz", allow_pickle=False)


def test_transformations_equal_the_golden_orbits(golden_orbits):
    image = torch.from_numpy(golden_orbits["source"]).unsqueeze(0)
    angles = torch.arange(100, dtype=torch.float64) * 1.8
    assert torch.equal(rotate(image, angles), torch.from_numpy(golden_orbits["rotated"]))
    shifted = shift(image, torch.arange(-10, 10), scale=0.7)
    assert torch.equal(shifted, torch.from_numpy(golden_orbits["shifted"]))


def test_data_sets_equal_the_golden_orbits(mnist_root, golden_orbits):
    for dataset, key in ((RotatedMNIST, "rotated"), (ShiftedMNIST, "shifted")):
        data = dataset(mnist_root, download=False)[0]
        assert torch.equal(data.x, torch.from_numpy(golden_orbits[key]) / 255)


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


def test_shifts_go_from_minus_the_range_to_below_it(tiny_root):
    assert ShiftedMNIST(tiny_root, shift_range=3)[0].y.tolist() == [-3, -2, -1, 0, 1, 2]


def test_positive_shifts_go_to_the_right(tiny_root, tiny_images):
    data = ShiftedMNIST(tiny_root, digit=5, index=1, scale=1)[0]
    (moved,) = data.x[data.y == 4]
    expected = torch.from_numpy(tiny_images[15]) / 255
    assert torch.equal(moved[0, :, 4:], expected[:, :-4])
    assert not moved[0, :, :4].any()


def test_manifold_refines_the_rotations():
    dataset = RotatedDigits(num_rotate=10, rotate_range=90)
    fine, data = dataset.manifold(20), dataset[0]
    assert torch.equal(fine.x[::2], data.x)
    assert torch.equal(fine.y[::2], data.y)


def test_manifold_refines_the_shifts(tiny_root):
    dataset = ShiftedMNIST(tiny_root, shift_range=2, scale=1)
    fine, data = dataset.manifold(7), dataset[0]
    assert fine.y.tolist() == [-2, -1.5, -1, -0.5, 0, 0.5, 1]
    assert torch.equal(fine.x[::2], data.x)


@pytest.mark.parametrize("dataset", [RotatedMNIST, ShiftedMNIST])
def test_writes_nothing_beside_the_files_it_reads(tiny_root, dataset):
    before = sorted(tiny_root.rglob("*"))
    dataset(tiny_root)
    assert sorted(tiny_root.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digit": 10}, "digit must be at least 0 and at most 9, got 10"),
        ({"index": -1}, "index must be at least 0"),
        ({"num_rotate": 0}, "num_rotate must be at least 1, got 0"),
        ({"rotate_range": 0}, "rotate_range must be above 0"),
        ({"rotate_range": 361}, "at most 360 degrees, got 361"),
        ({"rotate_range": float("nan")}, "got nan"),
    ],
)
def test_refuses_rotations_out_of_range(arguments, message):
    with pytest.raises(ValueError, match=message):
        RotatedDigits(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"digit": -1}, "digit must be at least 0 and at most 9, got -1"),
        ({"index": 2}, "index must be at least 0 and below 2"),
        ({"shift_range": 0}, "shift_range must be at least 1 and at most 28, got 0"),
        ({"shift_range": 29}, "shift_range must be at least 1 and at most 28"),
        ({"scale": 0}, "scale must be finite and above 0, got 0"),
        ({"scale": float("inf")}, "scale must be finite and above 0, got inf"),
    ],
)
def test_refuses_shifts_out_of_range(tiny_root, arguments, message):
    with pytest.raises(ValueError, match=message):
        ShiftedMNIST(tiny_root, **arguments)


def test_repr_tells_the_settings(tiny_root):
    expected = "RotatedDigits(digit=3, num_rotate=2, rotate_range=180, index=0)"
    assert repr(RotatedDigits(num_rotate=2)) == expected
    expected = "ShiftedMNIST(digit=3, shift_range=10, scale=0.7, index=0)"
    assert repr(ShiftedMNIST(tiny_root)) == expected


@pytest.mark.parametrize(
    ("name", "num_images"), [("mnist/rotate", 4), ("mnist/shift", 6), ("digits/rotate", 4)]
)
def test_configurations_measure_on_the_orbit_itself(tiny_root, name, num_images):
    keys = {"num_rotate": 4, "rotate_range": 90.0, "digit": 7}
    if name.startswith("mnist"):
        keys |= {"root": str(tiny_root), "shift_range": 3}
    settings = DATASETS[name](dataset=name.split("/")[0], type=name.split("/")[1], **keys)
    dataset = settings.build(seed=0)
    assert dataset.digit == 7
    assert dataset[0].x.shape == (settings.num_points, *settings.point_shape)
    assert settings.num_points == num_images
    assert torch.equal(settings.test_points(dataset).x, dataset[0].x)

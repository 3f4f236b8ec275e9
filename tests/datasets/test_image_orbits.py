import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.ndimage import affine_transform

from nrae_geometric.datasets.image_orbits import rotate, shift

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


def test_equals_the_golden_orbits(golden_dir):
    golden = np.load(golden_dir / "mnist_digit3_orbits.npz", allow_pickle=False)
    image = torch.from_numpy(golden["source"]).unsqueeze(0)
    angles = torch.arange(100, dtype=torch.float64) * 1.8
    assert torch.equal(rotate(image, angles), torch.from_numpy(golden["rotated"]))
    shifted = shift(image, torch.arange(-10, 10), scale=0.7)
    assert torch.equal(shifted, torch.from_numpy(golden["shifted"]))

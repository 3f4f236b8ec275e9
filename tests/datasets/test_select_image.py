import pytest
import torch

from nrae_geometric.datasets.select_image import select_image

LABELS = torch.tensor([4, 3, 4, 3])
IMAGES = torch.arange(4.0).view(4, 1, 1, 1)


@pytest.mark.parametrize(("digit", "index", "position"), [(3, 0, 1), (3, 1, 3), (4, 1, 2)])
def test_counts_the_images_of_one_digit_in_stored_order(digit, index, position):
    assert torch.equal(select_image(IMAGES, LABELS, digit, index), IMAGES[position])


@pytest.mark.parametrize("digit", [-1, 10])
def test_refuses_what_is_no_digit(digit):
    with pytest.raises(ValueError, match=f"0 to 9, got {digit}"):
        select_image(IMAGES, LABELS, digit, 0)


@pytest.mark.parametrize("index", [-1, 2])
def test_refuses_an_index_beyond_the_images_of_the_digit(index):
    with pytest.raises(ValueError, match=f"below 2, the number of images of digit 3, got {index}"):
        select_image(IMAGES, LABELS, 3, index)

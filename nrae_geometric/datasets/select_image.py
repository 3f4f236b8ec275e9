r"""Picks one image of a digit out of many."""

from torch import Tensor


def select_image(images: Tensor, labels: Tensor, digit: int, index: int) -> Tensor:
    r"""Returns one image of a digit, counted in the order in which they are stored.

    Args:
        images (Tensor): The images, of shape :obj:`[N, C, H, W]`.
        labels (Tensor): The digit that each shows, of shape :obj:`[N]`.
        digit (int): The digit, 0 to 9.
        index (int): Which image of this digit, the first being 0.

    Returns:
        Tensor: The image, of shape :obj:`[C, H, W]`.

    Raises:
        ValueError: If there is no such image.
    """
    if digit not in range(10):
        raise ValueError(f"digit must be one of 0 to 9, got {digit}")
    candidates = (labels == digit).nonzero().squeeze(1)
    if index not in range(len(candidates)):
        raise ValueError(
            f"index must be at least 0 and below {len(candidates)}, the number of images of "
            f"digit {digit}, got {index}"
        )
    return images[candidates[index]]

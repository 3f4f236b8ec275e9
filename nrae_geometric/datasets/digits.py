r"""Handwritten digits that come with scikit-learn."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch_geometric.data import Data, InMemoryDataset

_IMAGE_SIZE = 28  # that of MNIST, so that the same networks fit
_MAX_VALUE = 16  # of a pixel in scikit-learn's images


def load_resized_digits() -> tuple[Tensor, Tensor]:
    r"""Reads scikit-learn's handwritten digits, resized bilinearly to the size of MNIST.

    Returns:
        Tuple[Tensor, Tensor]: The images, :obj:`torch.float32` of shape :obj:`[1797, 1, 28, 28]`
        with values in :math:`[0, 1]`, and the labels, :obj:`torch.int64` of shape :obj:`[1797]`.
    """
    from sklearn.datasets import load_digits  # not above: its import takes half a second

    digits = load_digits()
    images = torch.from_numpy(digits.images).float().unsqueeze(1) / _MAX_VALUE
    images = interpolate(images, size=(_IMAGE_SIZE, _IMAGE_SIZE), mode="bilinear")
    return images, torch.from_numpy(digits.target).long()


class Digits(InMemoryDataset):
    r"""Real handwritten digits for use without a download: the 1797 images of 8 x 8 pixels of
    :func:`sklearn.datasets.load_digits`, resized bilinearly to the 28 x 28 pixels of MNIST.

    The one graph has the images as :obj:`x` of shape :obj:`[1797, 1, 28, 28]` with values in
    :math:`[0, 1]`, and the digits 0 to 9 as :obj:`y` of shape :obj:`[1797]`.

    Args:
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)
    """

    def __init__(self, transform: Callable[[Data], Data] | None = None) -> None:
        super().__init__(transform=transform)
        images, labels = load_resized_digits()
        self.data, self.slices = self.collate([Data(x=images, y=labels)])

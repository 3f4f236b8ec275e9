r"""The MNIST database of handwritten digits."""

import os
from collections.abc import Callable

from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset

from nrae_geometric.datasets.idx import read_idx
from nrae_geometric.datasets.mnist_files import mnist_file
from nrae_geometric.datasets.select_image import select_image

_PREFIX = {"train": "train", "test": "t10k"}


def load_mnist(
    root: str | os.PathLike[str], split: str = "train", download: bool = True
) -> tuple[Tensor, Tensor]:
    r"""Reads one split of the MNIST database as stored.

    Args:
        root (str or os.PathLike): The data folder, see :class:`MNIST`.
        split (str, optional): :obj:`"train"` or :obj:`"test"`. (default: :obj:`"train"`)
        download (bool, optional): Whether to download missing files. (default: :obj:`True`)

    Returns:
        Tuple[Tensor, Tensor]: The images, :obj:`torch.uint8` of shape :obj:`[N, 1, 28, 28]`, and
        the labels, :obj:`torch.int64` of shape :obj:`[N]`.

    Raises:
        FileNotFoundError: If a file is missing and not downloaded.
        ValueError: If the split is unknown, a file is damaged, or the files do not belong
            together.
    """
    if split not in _PREFIX:
        raise ValueError(f"split must be one of {sorted(_PREFIX)}, got {split!r}")
    image_path = mnist_file(root, f"{_PREFIX[split]}-images-idx3-ubyte", download)
    label_path = mnist_file(root, f"{_PREFIX[split]}-labels-idx1-ubyte", download)
    images, labels = read_idx(image_path, num_dims=3), read_idx(label_path, num_dims=1)
    if images.shape[1:] != (28, 28):
        raise ValueError(
            f"{image_path} holds images of {images.shape[1]} x {images.shape[2]} pixels, "
            "not the 28 x 28 of MNIST"
        )
    if len(images) != len(labels):
        raise ValueError(
            f"{image_path} holds {len(images)} images but {label_path} holds {len(labels)} "
            "labels; take both from the same source"
        )
    return images.unsqueeze(1), labels.long()


def load_mnist_image(
    root: str | os.PathLike[str], digit: int, index: int, split: str, download: bool
) -> Tensor:
    r"""Reads one image of a digit, of shape :obj:`[1, 28, 28]` with values in :math:`[0, 1]`."""
    images, labels = load_mnist(root, split, download)
    return select_image(images, labels, digit, index).float() / 255


class MNIST(InMemoryDataset):
    r"""The `MNIST <http://yann.lecun.com/exdb/mnist>`_ database of handwritten digits, as points
    in pixel space.

    The one graph has the images as :obj:`x` of shape :obj:`[N, 1, 28, 28]` with values in
    :math:`[0, 1]`, and the digits 0 to 9 as :obj:`y` of shape :obj:`[N]`; :math:`N` is 60 000 for
    training and 10 000 for testing.

    The IDX files, plain or gzipped, are read from :obj:`root/MNIST/raw`, :obj:`root/mnist` or
    :obj:`root`, and nothing is written beside them. Missing ones are downloaded to
    :obj:`root/MNIST/raw` and verified by their checksums.

    Args:
        root (str or os.PathLike): The data folder.
        split (str, optional): :obj:`"train"` or :obj:`"test"`. (default: :obj:`"train"`)
        download (bool, optional): Whether to download missing files. (default: :obj:`True`)
        transform (callable, optional): Maps a :class:`~torch_geometric.data.Data` to its
            transformed version at every access. (default: :obj:`None`)

    Raises:
        FileNotFoundError: If a file is missing and cannot be, or must not be, downloaded.
        ValueError: If the split is unknown, a file is damaged, or the files do not belong
            together.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        split: str = "train",
        download: bool = True,
        transform: Callable[[Data], Data] | None = None,
    ) -> None:
        super().__init__(os.fspath(root), transform)
        self.split = split
        images, labels = load_mnist(root, split, download)
        self.data, self.slices = self.collate([Data(x=images.float() / 255, y=labels)])

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}(split={self.split!r})"

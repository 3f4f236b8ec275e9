r"""The MNIST database of handwritten digits, by Y. LeCun, C. Cortes and C. J. C. Burges.

Its four files are in the IDX format: a big-endian header, one 32-bit magic number
``0x00000800 + number of dimensions`` and one 32-bit size for each dimension, followed by the bytes
of the array in row-major order.
"""

import gzip
import hashlib
import logging
import math
import os
import sys
import tempfile
import zlib
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset, download_url

from nrae_geometric.arguments import choice, integer
from nrae_geometric.datasets.formats.arrays import DEFLATE_RATIO

logger = logging.getLogger(__name__)

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)

SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}

_PREFIX = {"train": "train", "test": "t10k"}
_UNSIGNED_BYTES = 0x00000800
_GZIP_MAGIC = b"\x1f\x8b"


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
    choice("split", split, _PREFIX)
    image_path = mnist_file(root, f"{_PREFIX[split]}-images-idx3-ubyte", download)
    label_path = mnist_file(root, f"{_PREFIX[split]}-labels-idx1-ubyte", download)
    images, labels = _read_idx(image_path, num_dims=3), _read_idx(label_path, num_dims=1)
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
    if int(labels.max()) > 9:
        raise ValueError(
            f"{label_path} holds the label {int(labels.max())} (image {int(labels.argmax())}), but "
            "the labels of MNIST are 0 to 9; delete it and fetch it again"
        )
    return images.unsqueeze(1), labels.long()


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
    digit = integer("digit", digit, 0, 9)
    candidates = (labels == digit).nonzero().squeeze(1)
    index = integer("index", index, -sys.maxsize)
    if index not in range(len(candidates)):
        raise ValueError(
            f"index must be at least 0 and below {len(candidates)}, the number of images of "
            f"digit {digit}, got {index}"
        )
    return images[candidates[index]]


def data_root(configured: str) -> Path:
    r"""Returns the folder to look for MNIST in.

    This is the configured one where it exists, else the one that the environment variable
    ``NRAE_DATA`` names, else ``~/.cache/nrae_geometric``, where MNIST is then downloaded to.
    """
    path = Path(configured).expanduser()
    if path.is_dir():
        return path
    return Path(os.environ.get("NRAE_DATA", "~/.cache/nrae_geometric")).expanduser()


def mnist_file(root: str | os.PathLike[str], name: str, download: bool = True) -> Path:
    r"""Returns the path of one file of the MNIST database.

    :obj:`root/MNIST/raw`, :obj:`root/mnist` and :obj:`root` are searched in this order, in each
    the plain file before the gzipped one. A file that is in none of them is downloaded to
    :obj:`root/MNIST/raw` from the first mirror that serves it with the right checksum.

    Args:
        root (str or os.PathLike): The data folder.
        name (str): The file's plain name, such as :obj:`"train-images-idx3-ubyte"`.
        download (bool, optional): Whether to download a missing file. (default: :obj:`True`)

    Returns:
        Path: The file, plain or gzipped.

    Raises:
        FileNotFoundError: If the file is missing and cannot be, or must not be, downloaded. The
            message says what went wrong and where to put the file.
    """
    root = Path(root).expanduser()
    raw = root / "MNIST" / "raw"
    for folder in (raw, root / "mnist", root):
        for path in (folder / name, folder / f"{name}.gz"):
            if path.is_file():
                return path

    if download:
        failures = []
        for mirror in MIRRORS:
            try:
                return _fetch(f"{mirror}/{name}.gz", raw)
            except (OSError, HTTPException, ValueError) as error:
                failures.append(f"{mirror}: {error}")
        reason = f"could not be downloaded ({'; '.join(failures)})"
    else:
        reason = "was not downloaded, as download=False"
    raise FileNotFoundError(
        f"the MNIST file {name} is neither in {raw} nor in {root / 'mnist'} nor in {root}, and "
        f"{reason}; fetch {name}.gz by other means, for example from {MIRRORS[0]}/{name}.gz, and "
        f"put it in {raw}"
    )


def _fetch(url: str, folder: Path) -> Path:
    """Downloads, verifies, and only then moves the file to its place."""
    logger.info("downloading %s", url)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        path = Path(download_url(url, temporary, log=False))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != SHA256[path.name]:
            raise ValueError(f"SHA-256 of the download is {digest}, not {SHA256[path.name]}")
        return path.replace(folder / path.name)


def _read_idx(path: Path, num_dims: int) -> Tensor:
    """Reads an IDX file of unsigned bytes, plain or, as its first bytes tell, gzipped."""
    num_bytes = path.stat().st_size
    with path.open("rb") as file:
        is_gzipped = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    with gzip.open(path) if is_gzipped else path.open("rb") as file:
        try:
            shape = _idx_shape(file.read(4 * (1 + num_dims)), path, num_dims)
            # Nothing is read that the file cannot hold, whatever its header promises.
            promised = math.prod(shape)
            if promised > num_bytes * (DEFLATE_RATIO if is_gzipped else 1):
                raise ValueError(
                    f"{path} should hold {' x '.join(map(str, shape))} bytes after its header but "
                    f"has {num_bytes} in all; delete it and fetch it again"
                )
            content = file.read(promised)
            beyond = file.read(1 << 20)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(
                f"{path} is a damaged {'gzip ' * is_gzipped}file ({error}); delete it and fetch it "
                "again"
            ) from error
    if len(content) < promised or beyond:
        held = f"{len(content) + len(beyond)}{' or more' * (len(beyond) == 1 << 20)}"
        raise ValueError(
            f"{path} should hold {' x '.join(map(str, shape))} bytes after its header but holds "
            f"{held}; delete it and fetch it again"
        )
    if promised == 0:
        raise ValueError(f"{path} holds nothing after its header; delete it and fetch it again")
    return torch.from_numpy(np.frombuffer(content, np.uint8).reshape(shape).copy())


def _idx_shape(header: bytes, path: Path, num_dims: int) -> list[int]:
    num_bytes = 4 * (1 + num_dims)
    magic, *shape = np.frombuffer(header.ljust(num_bytes, b"\0"), ">u4").tolist()
    if len(header) < num_bytes or magic != _UNSIGNED_BYTES + num_dims:
        raise ValueError(
            f"{path} is no IDX file of unsigned bytes in {num_dims} dimension(s); delete it and "
            "fetch it again"
        )
    return shape

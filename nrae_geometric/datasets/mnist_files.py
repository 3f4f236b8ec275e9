r"""Finds the files of the MNIST database, and fetches the missing ones.

`MNIST <http://yann.lecun.com/exdb/mnist>`_ was made by Y. LeCun, C. Cortes and C. J. C. Burges.
"""

import hashlib
import logging
import os
import tempfile
from http.client import HTTPException
from pathlib import Path

from torch_geometric.data import download_url

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
            except (OSError, HTTPException, ValueError) as error:  # noqa: PERF203
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
    r"""Downloads, verifies, and only then moves the file to its place."""
    logger.info("downloading %s", url)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        path = Path(download_url(url, temporary, log=False))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != SHA256[path.name]:
            raise ValueError(f"SHA-256 of the download is {digest}, not {SHA256[path.name]}")
        return path.replace(folder / path.name)


def data_root(configured: str) -> Path:
    """Returns the folder to look for MNIST in.

    This is the configured one where it exists, else the one that the environment variable
    ``NRAE_DATA`` names, else ``~/.cache/nrae_geometric``, where MNIST is then downloaded to.
    """
    path = Path(configured).expanduser()
    if path.is_dir():
        return path
    return Path(os.environ.get("NRAE_DATA", "~/.cache/nrae_geometric")).expanduser()

import struct

import numpy as np
import pytest


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    """The setting that reads MNIST from a folder of ten images, a noisy bar for each digit."""
    root = tmp_path_factory.mktemp("mnist")
    images = np.random.default_rng(0).integers(0, 64, (10, 28, 28), dtype=np.uint8)
    images[:, 8:20, 12:16] = 255
    labels = np.arange(10, dtype=np.uint8)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        header = struct.pack(f">{1 + array.ndim}I", 0x800 + array.ndim, *array.shape)
        (root / f"train-{name}-ubyte").write_bytes(header + array.tobytes())
    return {"data.training.root": str(root)}

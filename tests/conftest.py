r"""Fixtures for data that lives outside the repository; tests that need it skip without it."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    r"""The data folder, from NRAE_DATA, with all four MNIST files in it."""
    from nrae_geometric.datasets.mnist_files import SHA256, mnist_file

    root = Path(os.environ.get("NRAE_DATA") or "~/.cache/nrae_geometric").expanduser()
    try:
        for name in SHA256:
            mnist_file(root, name.removesuffix(".gz"), download=False)
    except FileNotFoundError as error:
        pytest.skip(f"needs MNIST in the folder that NRAE_DATA names: {error}")
    return root


@pytest.fixture(scope="session")
def golden_dir() -> Path:
    r"""The folder of golden values, from NRAE_GOLDEN."""
    folder = os.environ.get("NRAE_GOLDEN")
    if not folder or not Path(folder).is_dir():
        pytest.skip("needs the golden values in the folder that NRAE_GOLDEN names")
    return Path(folder)

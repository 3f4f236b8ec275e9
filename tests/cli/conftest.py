import pytest
import torch

from nrae_geometric.cli import main

SMALL = [
    "--training.num_epochs=2",
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
]


@pytest.fixture(autouse=True)
def keep_denormals():
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def train(tmp_path):
    """Two epochs of small networks; returns the exit code."""

    def run(*arguments):
        options = ["--device", "cpu", "--logdir", str(tmp_path), "--no-animation"]
        return main(["train", *arguments, *SMALL, *options])

    return run

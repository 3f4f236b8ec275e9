"""A damaged model or checkpoint is an error with its name, never other values."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.archive import read_archive, write_archive
from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.training import Trainer
from nrae_geometric.training.checkpoint import load_checkpoint

# What a hostile file with a right checksum may have in place of a value.
OTHER_VALUES = (None, -1, 10**30, float("nan"), "word", [], {}, (1, 2), torch.ones(1), np.ones(2))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def loss(self, batch):
        return self.layer(batch.x).square().mean()


def trainer(path):
    return Trainer(2, device="cpu", seed=0, checkpoint=path, progress=False)


@pytest.fixture(scope="module")
def points():
    return SwissRoll(30)[0].x.numpy()


@pytest.fixture(scope="module")
def folder(points, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    estimator = ManifoldAutoencoder(
        1, n_neighbors=3, hidden_layer_sizes=(4,), max_epochs=1, init="random", device="cpu"
    )
    estimator.fit(points).save(folder / "model")
    trainer(folder / "checkpoint").fit(Model(), [Data(x=torch.rand(4, 2))])
    return folder


def embed(path):
    ManifoldAutoencoder.load(path).transform(np.zeros((3, 2)))


def resume(path):
    trainer(path).fit(Model(), [Data(x=torch.rand(4, 2))], resume=True)


@pytest.mark.parametrize(
    ("name", "read", "content"),
    [
        ("model", lambda path: ManifoldAutoencoder.load(path), lambda m: m.model_.state_dict()),
        ("checkpoint", load_checkpoint, lambda state: state["model"]),
    ],
)
def test_damaged_bytes(folder, tmp_path, mutations, name, read, content):
    expected = content(read(folder / name))
    damaged = tmp_path / "damaged"
    for data in mutations((folder / name).read_bytes()):
        damaged.write_bytes(data)
        try:
            found = content(read(damaged))
        except ValueError as error:
            assert str(damaged) in str(error)  # noqa: PT017
        else:
            assert all(torch.equal(found[key], expected[key]) for key in expected)


def mutated(content, chance, depth=0):
    """Content of which one part, at any depth, is another or missing."""
    if isinstance(content, dict) and content and (not depth or chance.random() < 0.9):
        key = chance.choice(list(content))
        if chance.random() < 0.2:
            return {name: value for name, value in content.items() if name != key}
        return {**content, key: mutated(content[key], chance, depth + 1)}
    if isinstance(content, list | tuple) and content and chance.random() < 0.7:
        index = chance.randrange(len(content))
        changed = [*content]
        changed[index] = mutated(content[index], chance, depth + 1)
        return type(content)(changed)
    return chance.choice(OTHER_VALUES)


@pytest.mark.parametrize(
    ("kind", "name", "use"),
    [("estimator", "model", embed), ("checkpoint", "checkpoint", resume)],
)
def test_other_content_with_a_right_checksum(folder, tmp_path, mutations, kind, name, use):
    """It may be read, where it makes sense; if not, the error names the file."""
    content, path = read_archive(folder / name, kind), tmp_path / "hostile"
    chance, errors = random.Random(0), 0
    for _ in mutations(b""):
        write_archive(path, kind, mutated(content, chance))
        try:
            use(path)
        except ValueError as error:
            assert "hostile" in str(error)  # noqa: PT017
            errors += 1
    assert errors

import numpy as np
import pytest
import torch

from nrae_geometric.datasets import MNIST


def test_is_one_graph_of_images_between_zero_and_one(tiny_root, tiny_images, tiny_labels):
    dataset = MNIST(tiny_root)
    assert len(dataset) == 1
    data = dataset[0]
    assert data.num_nodes == 20
    expected = (tiny_images[:, None] / 255).astype(np.float32)
    np.testing.assert_allclose(data.x.numpy(), expected, rtol=1e-6)
    assert data.y.dtype == torch.int64
    assert data.y.tolist() == tiny_labels.tolist()


def test_writes_nothing_beside_the_files_it_reads(tiny_root):
    before = sorted(tiny_root.rglob("*"))
    MNIST(tiny_root)
    assert sorted(tiny_root.rglob("*")) == before


def test_applies_the_transform_at_access(tiny_root):
    def keep_labels(data):
        data.x = None
        return data

    dataset = MNIST(tiny_root, transform=keep_labels)
    assert dataset[0].x is None
    dataset.transform = None
    assert dataset[0].x.shape == (20, 1, 28, 28)


def test_refuses_images_and_labels_of_different_number(tiny_root, write_idx, tiny_labels):
    label_path = tiny_root / "train-labels-idx1-ubyte.gz"
    write_idx(label_path, tiny_labels[:-1])
    with pytest.raises(ValueError, match=r"20 images but .* holds 19 labels") as error:
        MNIST(tiny_root)
    assert str(label_path) in str(error.value)
    assert str(tiny_root / "train-images-idx3-ubyte") in str(error.value)


def test_refuses_images_of_another_size(tiny_root, write_idx):
    write_idx(tiny_root / "train-images-idx3-ubyte", np.zeros((20, 28, 27), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"train-images-idx3-ubyte .* 28 x 27 pixels"):
        MNIST(tiny_root)


def test_refuses_an_unknown_split(tiny_root):
    with pytest.raises(ValueError, match=r"\['test', 'train'\], got 'training'"):
        MNIST(tiny_root, split="training")


def test_missing_split_without_download_is_an_error(tiny_root):
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte"):
        MNIST(tiny_root, split="test", download=False)


@pytest.mark.parametrize(
    ("split", "first_labels", "class_sizes"),
    [
        (
            "train",
            [5, 0, 4, 1, 9, 2, 1, 3],
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        ),
        (
            "test",
            [7, 2, 1, 0, 4, 1, 4, 9],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        ),
    ],
)
def test_real_files_have_the_published_labels(mnist_root, split, first_labels, class_sizes):
    data = MNIST(mnist_root, split=split, download=False)[0]
    assert data.x.shape == (sum(class_sizes), 1, 28, 28)
    assert data.y[:8].tolist() == first_labels
    assert data.y.bincount().tolist() == class_sizes
    assert (data.x.min(), data.x.max()) == (0, 1)


def test_real_training_images_have_the_published_mean_and_deviation(mnist_root):
    x = MNIST(mnist_root, download=False)[0].x
    assert x.mean().item() == pytest.approx(0.1307, abs=1e-4)
    assert x.std().item() == pytest.approx(0.3081, abs=1e-4)

import gzip
import hashlib
import io
import os
import struct
import urllib.request
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch

from nrae_geometric.datasets import MNIST, mnist
from nrae_geometric.datasets.mnist import MIRRORS, data_root, mnist_file

LABELS = struct.pack(">2I", 0x801, 20) + bytes(range(10)) * 2
NAME = "t10k-labels-idx1-ubyte"
CONTENT = b"the file that the checksum belongs to"


@pytest.fixture
def serve(monkeypatch):
    r"""Answers each URL with the given bytes or exception; returns the list of URLs asked."""

    def start(answers):
        asked = []

        def urlopen(url, **kwargs):
            asked.append(url)
            answer = answers[len(asked) - 1]
            if isinstance(answer, Exception):
                raise answer
            return io.BytesIO(answer)

        monkeypatch.setattr(urllib.request, "urlopen", urlopen)
        digest = hashlib.sha256(CONTENT).hexdigest()
        monkeypatch.setitem(mnist.SHA256, f"{NAME}.gz", digest)
        return asked

    return start


def files_below(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


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
    with pytest.raises(ValueError, match="unknown split 'training'; choose one of 'train', 'test'"):
        MNIST(tiny_root, split="training")


def test_missing_split_without_download_is_an_error(tiny_root):
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte"):
        MNIST(tiny_root, split="test", download=False)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
def test_tells_gzip_by_content_whatever_the_name(tiny_root, compress):
    (tiny_root / "train-labels-idx1-ubyte").write_bytes(compress(LABELS))
    assert MNIST(tiny_root)[0].y.tolist() == list(range(10)) * 2


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gzipped"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file of unsigned bytes in 1 dimension"),
        (LABELS[:7], "no IDX file of unsigned bytes in 1 dimension"),
        (b"\x00\x00\x08\x03" + LABELS[4:], "no IDX file of unsigned bytes in 1 dimension"),
        (b"\x00\x00\x0d\x01" + LABELS[4:], "no IDX file of unsigned bytes in 1 dimension"),
        (LABELS[:-1], "should hold 20 bytes after its header but holds 19"),
        (LABELS + b"\x00", "should hold 20 bytes after its header but holds 21"),
    ],
    ids=["empty", "short header", "other rank", "other type", "truncated", "trailing"],
)
def test_refuses_a_malformed_file_and_names_it(tiny_root, compress, content, message):
    path = tiny_root / "train-labels-idx1-ubyte"
    path.write_bytes(compress(content))
    with pytest.raises(ValueError, match=message) as error:
        MNIST(tiny_root)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-9],
        lambda packed: packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:],
        lambda packed: packed[:10] + b"\xff" + packed[11:],
        lambda packed: packed + b"garbage",
    ],
    ids=["cut off", "wrong checksum", "damaged stream", "garbage after the stream"],
)
def test_refuses_damaged_gzip_and_names_the_file(tiny_root, damage):
    path = tiny_root / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(gzip.compress(LABELS)))
    with pytest.raises(ValueError, match="damaged gzip file") as error:
        MNIST(tiny_root)
    assert str(path) in str(error.value)


def test_an_existing_folder_is_preferred_to_that_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NRAE_DATA", "/elsewhere")
    assert data_root(str(tmp_path)) == tmp_path
    assert data_root(str(tmp_path / "absent")) == Path("/elsewhere")
    monkeypatch.delenv("NRAE_DATA")
    assert data_root(str(tmp_path / "absent")) == Path.home() / ".cache" / "nrae_geometric"


@pytest.mark.parametrize("folder", ["MNIST/raw", "mnist", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_finds_a_file_in_each_place_without_a_download(tmp_path, serve, folder, suffix):
    asked = serve([])
    path = tmp_path / folder / f"{NAME}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert mnist_file(tmp_path, NAME) == path
    assert asked == []


def test_finds_a_file_below_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / NAME).touch()
    assert mnist_file("~", NAME, download=False) == tmp_path / NAME


def test_downloads_from_the_first_mirror(tmp_path, serve):
    asked = serve([CONTENT])
    path = mnist_file(tmp_path / "new folder", NAME)
    assert path == tmp_path / "new folder" / "MNIST" / "raw" / f"{NAME}.gz"
    assert path.read_bytes() == CONTENT
    assert asked == [f"{MIRRORS[0]}/{NAME}.gz"]


@pytest.mark.parametrize(
    "failure",
    [URLError("unreachable"), ConnectionResetError(), b"<html>Please log in</html>", CONTENT[:-1]],
    ids=["unreachable", "reset", "other content", "cut off"],
)
def test_turns_to_the_second_mirror_when_the_first_fails(tmp_path, serve, failure):
    asked = serve([failure, CONTENT])
    assert mnist_file(tmp_path, NAME).read_bytes() == CONTENT
    assert asked == [f"{mirror}/{NAME}.gz" for mirror in MIRRORS]
    assert files_below(tmp_path) == [os.path.join("MNIST", "raw", f"{NAME}.gz")]


def test_finds_its_own_download_the_next_time(tmp_path, serve):
    asked = serve([CONTENT])
    assert mnist_file(tmp_path, NAME) == mnist_file(tmp_path, NAME)
    assert len(asked) == 1


def test_error_says_why_each_mirror_failed_and_where_to_put_the_file(tmp_path, serve):
    serve([URLError("no route to host"), b"something else"])
    with pytest.raises(FileNotFoundError) as error:
        mnist_file(tmp_path, NAME)
    message = str(error.value)
    assert f"{MIRRORS[0]}: <urlopen error no route to host>" in message
    assert f"{MIRRORS[1]}: SHA-256 of the download is" in message
    assert message.endswith(f"put it in {tmp_path / 'MNIST' / 'raw'}")
    assert f"{NAME}.gz" in message
    assert files_below(tmp_path) == []


def test_does_not_ask_any_mirror_unless_allowed(tmp_path, serve):
    asked = serve([])
    with pytest.raises(FileNotFoundError, match=r"download=False.*put it in"):
        mnist_file(tmp_path, NAME, download=False)
    assert asked == []
    assert list(tmp_path.iterdir()) == []


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

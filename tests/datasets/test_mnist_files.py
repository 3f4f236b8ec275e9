import hashlib
import io
import os
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from nrae_geometric.datasets import mnist_files
from nrae_geometric.datasets.mnist_files import MIRRORS, data_root, mnist_file

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
        monkeypatch.setitem(mnist_files.SHA256, f"{NAME}.gz", digest)
        return asked

    return start


def files_below(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


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


def test_existing_root_is_preferred_to_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NRAE_DATA", "/elsewhere")

    assert data_root(str(tmp_path)) == tmp_path
    assert data_root(str(tmp_path / "absent")) == Path("/elsewhere")
    monkeypatch.delenv("NRAE_DATA")
    assert data_root(str(tmp_path / "absent")) == Path.home() / ".cache" / "nrae_geometric"

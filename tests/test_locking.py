import os
import shutil
import subprocess
import sys

import pytest

from nrae_geometric.locking import FolderInUseError, FolderLock

HOLD = """
import sys
from nrae_geometric.locking import FolderLock
with FolderLock(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has locked the folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "folder")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"locked\n"
    yield process
    process.kill()
    process.communicate()


def test_folder_in_use_is_an_error_that_names_it_and_the_process(tmp_path, holder):
    with pytest.raises(FolderInUseError, match=f"folder is in use .* process {holder.pid};"):
        FolderLock(tmp_path / "folder").__enter__()


def test_two_threads_of_a_process_keep_each_other_out(tmp_path):
    with (
        FolderLock(tmp_path),
        pytest.raises(FolderInUseError, match=f"process {os.getpid()}"),
        FolderLock(tmp_path),
    ):
        pass


def test_lock_ends_with_a_killed_process(tmp_path, holder):
    holder.kill()
    holder.wait()
    with FolderLock(tmp_path / "folder"):
        pass

    assert not list((tmp_path / "folder").iterdir())


def test_lock_ends_with_its_block(tmp_path):
    for _ in range(2):
        with FolderLock(tmp_path):
            (tmp_path / "result").touch()

    assert [path.name for path in tmp_path.iterdir()] == ["result"]


def test_folder_that_nothing_was_put_into_is_removed(tmp_path):
    with FolderLock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()

    assert not list(tmp_path.iterdir())


def test_folder_that_was_there_stays(tmp_path):
    (tmp_path / "a").mkdir()
    with FolderLock(tmp_path / "a"):
        pass

    assert (tmp_path / "a").is_dir()


def test_removed_folder_is_made_and_locked_anew(tmp_path):
    with FolderLock(tmp_path / "a") as lock:
        assert not lock.renew()
        shutil.rmtree(tmp_path / "a")
        assert lock.renew()
        with pytest.raises(FolderInUseError):
            FolderLock(tmp_path / "a").__enter__()


def test_removed_folder_that_another_run_has_made_is_an_error(tmp_path):
    with FolderLock(tmp_path / "a") as lock:
        shutil.rmtree(tmp_path / "a")
        with FolderLock(tmp_path / "a"), pytest.raises(FolderInUseError):
            lock.renew()


@pytest.mark.parametrize("name", ["file", "file/folder", "/dev/null/folder", "/proc/folder"])
def test_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(OSError) as error:
        FolderLock(tmp_path / name).__enter__()

    assert str(tmp_path / name) in str(error.value)

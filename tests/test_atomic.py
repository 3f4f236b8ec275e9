import csv
import errno
import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from nrae_geometric.atomic import (
    atomic_write,
    check_writable,
    remove_leftovers,
    write_csv,
    write_json,
)


def test_missing_folders_are_made_and_the_file_takes_its_place(tmp_path):
    with atomic_write(tmp_path / "new" / "file.txt") as temporary:
        temporary.write_text("whole")
    assert (tmp_path / "new" / "file.txt").read_text() == "whole"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file.txt"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(TypeError), atomic_write(path) as temporary:
        temporary.write_bytes("ha")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_reads_back(tmp_path):
    value = {"a": [1, 2.5, None], "b": {"c": "é"}}
    write_json(tmp_path / "new" / "value.json", value)
    assert json.loads((tmp_path / "new" / "value.json").read_text(encoding="utf-8")) == value


def test_number_that_json_cannot_hold_leaves_the_old_file(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, 1)
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, float("nan"))
    assert path.read_text() == "1\n"


def test_csv_reads_back_without_blank_lines(tmp_path):
    path = tmp_path / "rows.csv"
    write_csv(path, ["epoch", "loss"], [{"epoch": 0, "loss": 1.5}, {"epoch": 1}])
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["epoch", "loss"], ["0", "1.5"], ["1", ""]]


def test_value_without_a_column_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="lr"):
        write_csv(tmp_path / "rows.csv", ["epoch"], [{"epoch": 0, "lr": 1}])
    assert not list(tmp_path.iterdir())


NAMES = [
    "model",
    "model.of.three.dots",
    ".hidden",
    "two words.pt",
    "Größe 図 🙂.pt",
    "ends.",
    "a." + "b" * 250,
    "n" * 255,
    "-rf",
    "new\nline",
    "quote'\".json",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_that_the_file_system_takes_is_written(tmp_path, name):
    for text in ("first", "second"):
        with atomic_write(tmp_path / name) as temporary:
            temporary.write_text(text)
    assert (tmp_path / name).read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["n" * 256, ".."])
def test_name_that_the_file_system_does_not_take_is_an_error_with_it(tmp_path, name):
    with pytest.raises(OSError, match=re.escape(name)), atomic_write(tmp_path / name) as temporary:
        temporary.write_text("text")
    assert not list(tmp_path.iterdir())


def test_image_writers_see_the_suffix(tmp_path):
    with atomic_write(tmp_path / "picture.png") as temporary:
        assert temporary.suffix == ".png"


def test_full_disk_is_an_error_with_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError, match=r"No space left.*values\.json") as caught:  # noqa: SIM117
        with atomic_write(tmp_path / "values.json"):
            raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.iterdir())


def test_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="font"), atomic_write(tmp_path / "a.png"):
        (tmp_path / "font").read_bytes()


def test_writable_file_is_neither_made_nor_changed_by_the_check(tmp_path):
    check_writable(tmp_path / "new" / "file")
    assert not list((tmp_path / "new").iterdir())
    (tmp_path / "file").write_text("old")
    check_writable(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"


def test_folder_that_is_a_file_fails_the_check(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        check_writable(tmp_path / "file" / "below")


@pytest.fixture
def leftover(tmp_path):
    """What a killed writer of ``file.txt`` leaves."""
    code = """
import os, sys
from nrae_geometric.atomic import atomic_write
with atomic_write(sys.argv[1]) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", code, tmp_path / "file.txt"], check=False)
    (path,) = tmp_path.iterdir()
    return path


def test_leftovers_of_killed_writers_go_with_the_next_write(tmp_path, leftover):
    with atomic_write(tmp_path / "other.txt") as temporary:
        temporary.write_text("other")
    assert leftover.exists()  # it may be of use to its owner
    with atomic_write(tmp_path / "file.txt") as temporary:
        temporary.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file.txt", "other.txt"]


def test_all_leftovers_of_a_folder_can_be_removed(tmp_path, leftover):
    (tmp_path / ".nothing-of-ours").touch()
    with atomic_write(tmp_path / "present.txt") as temporary:
        temporary.write_text("present")
        remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".nothing-of-ours", "present.txt"]
    remove_leftovers(tmp_path / "none")


def test_writers_of_one_file_at_a_time_leave_one_whole_file(tmp_path):
    path = tmp_path / "file.txt"

    def write(number):
        with atomic_write(path) as temporary:
            temporary.write_text(str(number) * 1000)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(100)))
    assert path.read_text() in {str(number) * 1000 for number in range(100)}
    assert list(tmp_path.iterdir()) == [path]

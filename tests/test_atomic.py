import csv
import json

import pytest

from nrae_geometric.atomic import atomic_write, write_csv, write_json


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

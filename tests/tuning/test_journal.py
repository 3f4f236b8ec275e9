import json
import os

import pytest

pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
from nrae_geometric.tuning.journal import Journal

RECORDS = [{"op_code": i, "value": 0.1 * i, "name": "é"} for i in range(5)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trials.journal"
    journal = Journal(path)
    for record in RECORDS:
        journal.append_logs([record])
    return path


def test_records_are_read_back(path):
    assert list(Journal(path).read_logs(0)) == RECORDS
    assert list(Journal(path).read_logs(3)) == RECORDS[3:]


def test_journal_goes_on(path):
    Journal(path).append_logs([{"op_code": 5}, {"op_code": 6}])
    assert len(list(Journal(path).read_logs(0))) == 7


@pytest.mark.parametrize("position", [0, 5, 40, 100, -2, -1])
def test_flipped_bit_is_named_with_its_line(path, position):
    content = bytearray(path.read_bytes())
    content[position] ^= 4
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"trials\.journal is damaged, or cut short, in line \d"):
        Journal(path)


@pytest.mark.parametrize("length", [1, 30, -1, -20])
def test_journal_that_is_cut_short_is_named(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"trials\.journal is damaged, or cut short"):
        Journal(path)


@pytest.mark.parametrize("change", [lambda lines: lines[1:], lambda lines: [*lines, lines[1]]])
def test_missing_and_repeated_lines_are_noticed(path, change):
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))
    with pytest.raises(ValueError, match=r"trials\.journal is damaged"):
        Journal(path)


def test_folder_that_is_gone_is_an_error_with_the_name(path):
    journal = Journal(path)
    path.unlink()
    path.parent.rmdir()
    with pytest.raises(FileNotFoundError, match=r"trials\.journal"):
        journal.append_logs([{}])


def test_each_line_is_readable_by_others(path):
    for line, record in zip(path.read_text().splitlines(), RECORDS, strict=True):
        assert json.loads(line.partition(" ")[2]) == record
    assert os.listdir(path.parent) == ["trials.journal"]

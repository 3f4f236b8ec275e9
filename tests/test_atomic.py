import pytest

from nrae_geometric.atomic import atomic_write


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

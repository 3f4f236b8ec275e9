import pytest
from matplotlib.figure import Figure
from PIL import Image

from nrae_geometric.visualization import save_figure


class TornFigure(Figure):
    def savefig(self, path, **kwargs):
        with open(path, "wb") as file:
            file.write(b"half a pic")
        raise OSError("disk full")


def test_a_figure_is_written_in_the_format_of_its_ending(tmp_path):
    save_figure(Figure(figsize=(2, 1), dpi=100), tmp_path / "new" / "figure.png")
    with Image.open(tmp_path / "new" / "figure.png") as picture:
        assert (picture.format, picture.size) == ("PNG", (200, 100))
    save_figure(Figure(), str(tmp_path / "figure.pdf"))
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_figure_of_axes_is_written(tmp_path):
    axes = Figure(figsize=(2, 1), dpi=100).subplots(1, 2)
    for i, given in enumerate([axes, list(axes), axes[0]]):
        save_figure(given, tmp_path / f"{i}.png")
        with Image.open(tmp_path / f"{i}.png") as picture:
            assert picture.size == (200, 100)


def test_a_failure_leaves_the_old_figure_and_nothing_else(tmp_path):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        save_figure(TornFigure(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]

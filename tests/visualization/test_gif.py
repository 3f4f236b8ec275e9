import numpy as np
import pytest
from PIL import Image

from nrae_geometric.visualization.gif import write_gif


class Stripes:
    """Frames of one flat color with a moving black column."""

    colors = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (255, 255, 255))
    durations = (0.5, 0.1, 0.1, 2.0)

    def draw(self, index):
        frame = np.empty((20, 30, 3), dtype=np.uint8)
        frame[:] = self.colors[index]
        frame[:, index] = 0
        return frame


class BrokenStripes(Stripes):
    def draw(self, index):
        if index == 3:
            raise RuntimeError("the projector broke")
        return super().draw(index)


def frames_of(path):
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            yield np.asarray(gif.convert("RGB")), gif.info["duration"]


def palettes_of(data):
    """Whether a GIF has a shared palette, and for each frame whether it has its own."""
    shared, own = bool(data[10] & 0x80), []
    at = 13 + (3 << (data[10] % 8 + 1)) * shared
    while data[at] != 0x3B:
        if data[at] == 0x2C:
            flags = data[at + 9]
            own.append(bool(flags & 0x80))
            at += 11 + (3 << (flags % 8 + 1)) * own[-1]
        else:
            at += 2
        while data[at]:
            at += data[at] + 1
        at += 1
    return shared, own


def test_frames_colors_and_durations_come_back_exactly(tmp_path):
    path = tmp_path / "stripes.gif"
    write_gif(Stripes(), path)
    pictures, durations = zip(*frames_of(path), strict=True)
    assert durations == (500, 100, 100, 2000)
    for index, picture in enumerate(pictures):
        assert np.array_equal(picture, Stripes().draw(index))


def test_it_loops_forever(tmp_path):
    write_gif(Stripes(), tmp_path / "stripes.gif")
    with Image.open(tmp_path / "stripes.gif") as gif:
        assert gif.info["loop"] == 0


def test_all_frames_share_one_palette(tmp_path):
    path = tmp_path / "stripes.gif"
    write_gif(Stripes(), path)
    assert palettes_of(path.read_bytes()) == (True, [False] * 4)


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "stripes.gif"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="projector"):
        write_gif(BrokenStripes(), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_folders_are_made(tmp_path):
    path = tmp_path / "results" / "run" / "stripes.gif"
    write_gif(Stripes(), path)
    assert list(path.parent.iterdir()) == [path]


class Paper(Stripes):
    """White paper beside an off-white that differs from it in a few last bits."""

    durations = (1.0,)

    def draw(self, index):
        frame = np.full((20, 30, 3), 255, dtype=np.uint8)
        frame[:, :3] = (252, 253, 247)
        return frame


def test_white_stays_white_beside_off_white(tmp_path):
    write_gif(Paper(), tmp_path / "paper.gif")
    ((picture, _),) = frames_of(tmp_path / "paper.gif")
    assert np.array_equal(picture, Paper().draw(0))

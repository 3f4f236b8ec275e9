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
            raise RuntimeError("no such frame")
        return super().draw(index)


def frames_of(path):
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            yield np.asarray(gif.convert("RGB")), gif.info["duration"]


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


class Gradient:
    """A gradient that stays, below colors that are others in every frame."""

    durations = (0.1,) * 12
    gradient = np.linspace(0, 255, 40 * 60 * 3).reshape(40, 60, 3).astype(np.uint8)

    def draw(self, index):
        random = np.random.default_rng(index)
        return np.concatenate([random.integers(0, 256, (20, 60, 3), dtype=np.uint8), self.gradient])


def test_still_parts_do_not_flicker(tmp_path):
    write_gif(Gradient(), tmp_path / "gradient.gif")
    pictures = [picture[20:].astype(int) for picture, _ in frames_of(tmp_path / "gradient.gif")]
    assert len(pictures) == 12
    assert all(np.array_equal(picture, pictures[0]) for picture in pictures)
    assert np.abs(pictures[0] - Gradient.gradient).mean() < 8


class Opening:
    """Two colors that are shown for long once, before many short frames of other colors."""

    durations = (1.5, 1.5, *(0.1,) * 80)

    def draw(self, index):
        colors = ((230, 159, 0), (86, 180, 233), (0, 114, 178 + index % 60))
        return np.full((20, 30, 3), colors[min(index, 2)], dtype=np.uint8)


def test_colors_of_a_frame_that_is_shown_for_long_are_exact(tmp_path):
    write_gif(Opening(), tmp_path / "opening.gif")
    pictures = [picture for picture, _ in frames_of(tmp_path / "opening.gif")]
    for index in (0, 1):
        assert np.array_equal(pictures[index], Opening().draw(index))


def test_the_same_animation_is_the_same_file(tmp_path):
    for name in ("first.gif", "second.gif"):
        write_gif(Gradient(), tmp_path / name)
    assert (tmp_path / "first.gif").read_bytes() == (tmp_path / "second.gif").read_bytes()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "stripes.gif"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="no such frame"):
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

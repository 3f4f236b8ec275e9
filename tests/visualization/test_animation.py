import numpy as np
import pytest
from PIL import Image

from nrae_geometric.callbacks import ImageRecorder, recorder_for
from nrae_geometric.visualization import write_animation

BLUE, VERMILLION, GREEN, ORANGE = (0, 114, 178), (213, 94, 0), (0, 158, 115), (230, 159, 0)


def record(recorder, model, num_epochs):
    for epoch in range(num_epochs):
        recorder.record(epoch, 1 / (epoch + 1), model)
    return recorder


def read_animation(recorder, path):
    write_animation(recorder, path)
    pictures, durations = [], []
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            pictures.append(np.asarray(gif.convert("RGB")))
            durations.append(gif.info["duration"])
    return pictures, durations


def amount(picture, color):
    return int((picture == np.array(color)).all(axis=-1).sum())


def test_an_autoencoder_has_title_data_and_one_frame_for_each_recorded_epoch(
    tmp_path, planar_data, manifold, autoencoder
):
    recorder = recorder_for(planar_data, manifold=manifold)
    pictures, durations = read_animation(record(recorder, autoencoder, 5), tmp_path / "AE.gif")
    assert len(pictures) == 2 + 5
    only_legend = amount(pictures[1], BLUE)
    assert all(amount(picture, BLUE) > only_legend for picture in pictures[2:])
    assert not any(amount(picture, VERMILLION) for picture in pictures)
    assert max(durations) == durations[-1]


@pytest.mark.parametrize("order", [1, 2])
def test_an_nrae_also_has_its_graph_and_two_neighborhoods(
    tmp_path, planar_data, manifold, autoencoder, order
):
    recorder = recorder_for(planar_data, manifold=manifold, order=order)
    pictures, _ = read_animation(record(recorder, autoencoder, 5), tmp_path / "NRAE.gif")
    assert len(pictures) == 3 + 5
    assert [amount(p, ORANGE) > 0 for p in pictures] == [False, False, True] + [False] * 5
    for color in (VERMILLION, GREEN):
        only_legend = amount(pictures[1], color)
        assert all(amount(picture, color) > only_legend for picture in pictures[3:])


def test_axes_and_legend_stay_where_they_are(tmp_path, planar_data, manifold, autoencoder):
    recorder = recorder_for(planar_data, manifold=manifold, order=1)
    pictures, _ = read_animation(record(recorder, autoencoder, 3), tmp_path / "NRAE.gif")
    below = [picture[-70:] for picture in pictures[1:]]
    assert all(np.array_equal(picture, below[0]) for picture in below)


def test_points_without_a_known_truth_can_be_drawn(tmp_path, planar_data, autoencoder):
    del planar_data.y
    recorder = recorder_for(planar_data, order=2)
    recorder.record(0, None, autoencoder)
    write_animation(recorder, tmp_path / "NRAE.gif")
    with Image.open(tmp_path / "NRAE.gif") as gif:
        assert gif.n_frames == 3 + 1


def test_an_animation_is_drawn_from_restored_frames_alone(
    tmp_path, planar_data, manifold, autoencoder
):
    recorder = recorder_for(planar_data, manifold=manifold, order=1)
    restored = recorder_for(planar_data, manifold=manifold, order=1)
    restored.load_state_dict(record(recorder, autoencoder, 2).state_dict())
    write_animation(recorder, tmp_path / "trained.gif")
    write_animation(restored, tmp_path / "restored.gif")
    assert (tmp_path / "trained.gif").read_bytes() == (tmp_path / "restored.gif").read_bytes()


def test_images_run_along_the_latent_axis_and_back(tmp_path, image_data, image_autoencoder):
    recorder = ImageRecorder(image_data, num_images=6)
    pictures, _ = read_animation(record(recorder, image_autoencoder, 1), tmp_path / "AE.gif")
    assert len(pictures) == 1 + 6 + 4
    lines = [np.argwhere((p == VERMILLION).all(axis=-1))[:, 1] for p in pictures[1:]]
    positions = np.array([columns.mean() for columns in lines])
    assert (np.diff(positions[:6]) > 0).all()
    assert (np.diff(positions[5:]) < 0).all()


def test_images_without_a_known_truth_can_be_drawn(tmp_path, image_data, image_autoencoder):
    del image_data.y
    recorder = ImageRecorder(image_data, num_images=4)
    pictures, _ = read_animation(record(recorder, image_autoencoder, 1), tmp_path / "AE.gif")
    assert len(pictures) == 1 + 4 + 2


def test_nothing_recorded_is_an_error_and_leaves_no_file(tmp_path, planar_data):
    recorder = recorder_for(planar_data)
    with pytest.raises(ValueError, match="has recorded nothing"):
        write_animation(recorder, tmp_path / "AE.gif")
    assert list(tmp_path.iterdir()) == []


def test_points_without_a_recorder_have_no_animation(tmp_path, planar_data):
    planar_data.x = planar_data.x.repeat(1, 2)[:, :3]
    with pytest.raises(TypeError, match="no animation for points without a recorder"):
        write_animation(recorder_for(planar_data), tmp_path / "AE.gif")
    assert list(tmp_path.iterdir()) == []

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


def film_of(recorder, path):
    write_animation(recorder, path)
    pictures, durations = [], []
    with Image.open(path) as gif:
        for index in range(gif.n_frames):
            gif.seek(index)
            pictures.append(np.asarray(gif.convert("RGB")))
            durations.append(gif.info["duration"])
    return pictures, durations


def shows(picture, color):
    return bool((picture == np.array(color)).all(axis=-1).any())


def test_an_autoencoder_has_title_data_and_one_frame_for_each_recorded_epoch(
    tmp_path, planar_data, manifold, autoencoder
):
    recorder = recorder_for(planar_data, manifold=manifold)
    pictures, durations = film_of(record(recorder, autoencoder, 5), tmp_path / "AE.gif")
    assert len(pictures) == 2 + 5
    assert [shows(picture, BLUE) for picture in pictures[1:]] == [False] + [True] * 5
    assert not any(shows(picture, VERMILLION) for picture in pictures)
    assert max(durations) == durations[-1]


@pytest.mark.parametrize("order", [1, 2])
def test_an_nrae_also_has_its_graph_and_two_neighborhoods(
    tmp_path, planar_data, manifold, autoencoder, order
):
    recorder = recorder_for(planar_data, manifold=manifold, order=order)
    pictures, _ = film_of(record(recorder, autoencoder, 5), tmp_path / "NRAE.gif")
    assert len(pictures) == 3 + 5
    assert [shows(picture, ORANGE) for picture in pictures[:4]] == [False, False, True, False]
    assert all(shows(p, VERMILLION) and shows(p, GREEN) for p in pictures[3:])


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


def test_images_are_a_journey_along_the_latent_axis_and_back(
    tmp_path, image_data, image_autoencoder
):
    recorder = ImageRecorder(image_data, num_images=6)
    pictures, _ = film_of(record(recorder, image_autoencoder, 1), tmp_path / "AE.gif")
    assert len(pictures) == 1 + 6 + 4
    lines = [np.argwhere((p == VERMILLION).all(axis=-1))[:, 1] for p in pictures[1:]]
    positions = np.array([columns.mean() for columns in lines])
    assert (np.diff(positions[:6]) > 0).all()
    assert (np.diff(positions[5:]) < 0).all()


def test_images_without_a_known_truth_can_be_drawn(tmp_path, image_data, image_autoencoder):
    del image_data.y
    recorder = ImageRecorder(image_data, num_images=4)
    pictures, _ = film_of(record(recorder, image_autoencoder, 1), tmp_path / "AE.gif")
    assert len(pictures) == 1 + 4 + 2


def test_nothing_recorded_is_an_error_and_leaves_no_file(tmp_path, planar_data):
    recorder = recorder_for(planar_data)
    with pytest.raises(ValueError, match="has recorded nothing"):
        write_animation(recorder, tmp_path / "AE.gif")
    assert list(tmp_path.iterdir()) == []

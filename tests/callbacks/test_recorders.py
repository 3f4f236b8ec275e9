import pytest
import torch
from torch_geometric.data import Data

from nrae_geometric.callbacks import CurveRecorder, ImageRecorder, make_recorder


@pytest.mark.parametrize(("order", "name"), [(None, "AE"), (1, "NRAE-L"), (2, "NRAE-Q")])
def test_planar_points_get_a_curve_recorder_named_by_order(planar_data, manifold, order, name):
    recorder = make_recorder(planar_data, num_epochs=3, manifold=manifold, order=order)
    assert isinstance(recorder, CurveRecorder)
    assert recorder.model_name == name
    assert recorder.epochs == (0, 1, 2)


def test_images_get_an_image_recorder(image_data):
    recorder = make_recorder(image_data, num_epochs=3, order=1, coordinate="angle (degrees)")
    assert isinstance(recorder, ImageRecorder)
    assert (recorder.model_name, recorder.coordinate) == ("NRAE-L", "angle (degrees)")


def test_points_in_space_are_refused():
    with pytest.raises(ValueError, match=r"shape \(5, 3\); there are animations for planar"):
        make_recorder(Data(x=torch.zeros(5, 3)), num_epochs=3)

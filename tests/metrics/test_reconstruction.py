import pytest
import torch

from nrae_geometric.metrics import reconstruction_error


def test_squares_are_summed_over_data_dimensions():
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    x_recon = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
    assert reconstruction_error(x, x_recon, reduction="none").tolist() == [25.0, 1.0]
    assert reconstruction_error(x, x_recon).item() == 13.0


def test_images_and_scalars_are_points_too():
    assert reconstruction_error(torch.ones(3, 1, 4, 5), torch.zeros(3, 1, 4, 5)).item() == 20.0
    assert reconstruction_error(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 2.0])).item() == 0.5


def test_no_gradient_is_kept():
    x_recon = torch.zeros(2, 2, requires_grad=True)
    assert not reconstruction_error(torch.ones(2, 2), x_recon).requires_grad


def test_shapes_that_would_broadcast_are_refused():
    with pytest.raises(ValueError, match=r"x has shape \[4, 2\] and x_recon \[1, 2\]"):
        reconstruction_error(torch.zeros(4, 2), torch.zeros(1, 2))


def test_nan_names_its_row():
    x_recon = torch.zeros(4, 2)
    x_recon[2, 1] = torch.nan
    with pytest.raises(ValueError, match=r"x_recon has 1 row .* row 2"):
        reconstruction_error(torch.zeros(4, 2), x_recon)


def test_unknown_reduction_is_refused():
    with pytest.raises(ValueError, match="'sum'"):
        reconstruction_error(torch.zeros(1), torch.zeros(1), reduction="sum")

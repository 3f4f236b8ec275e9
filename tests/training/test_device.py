import pytest
import torch

from nrae_geometric.training.device import resolve_device

without_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")


def test_cpu_is_the_cpu():
    assert resolve_device("cpu") == torch.device("cpu")


@without_gpu
def test_auto_falls_back_to_the_cpu():
    assert resolve_device("auto") == torch.device("cpu")


@without_gpu
@pytest.mark.parametrize("device", [0, "0", "cuda", "cuda:1", torch.device("cuda", 0)])
def test_absent_gpu_is_an_error_that_suggests_the_cpu(device):
    with pytest.raises(ValueError, match="--device cpu"):
        resolve_device(device)


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "", "-1", "meta"])
def test_unknown_device_is_an_error_that_lists_the_known_ones(device):
    with pytest.raises(ValueError, match="'auto', 'cpu'"):
        resolve_device(device)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("device", ["auto", 0, "0", "cuda", "cuda:0"])
def test_present_gpu_is_found(device):
    assert resolve_device(device) == torch.device("cuda", 0)

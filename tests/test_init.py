"""The names that the library offers at its top."""

import subprocess
import sys

import pytest

import nrae_geometric


@pytest.mark.parametrize("name", nrae_geometric.__all__)
def test_every_name_is_there(name):
    thing = getattr(nrae_geometric, name)
    assert name == "__version__" or thing.__name__ == name
    assert name in dir(nrae_geometric)


def test_packages_are_there():
    assert nrae_geometric.neighbors.knn is nrae_geometric.knn
    assert nrae_geometric.metrics.__name__ == "nrae_geometric.metrics"
    assert {"callbacks", "geodesics", "visualization"} <= set(dir(nrae_geometric))


def test_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="'nrae_geometric' has no attribute 'AutoEncoder'"):
        nrae_geometric.AutoEncoder  # noqa: B018


def test_import_alone_imports_no_other_package():
    code = "import sys; import nrae_geometric; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = {name.partition(".")[0] for name in out.stdout.split()}
    assert "nrae_geometric" in modules
    assert not modules & {"torch", "torch_geometric", "numpy", "scipy", "sklearn", "pydantic"}


def test_names_of_configurations_need_no_torch():
    code = "import sys; from nrae_geometric import load_config; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"

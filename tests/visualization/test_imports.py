import subprocess
import sys

import pytest

import nrae_geometric.visualization as visualization


@pytest.fixture(scope="module")
def imported() -> list[str]:
    """Whether a fresh interpreter has matplotlib after the import, and pyplot after drawing."""
    program = (
        "import sys, nrae_geometric.visualization as visualization\n"
        "print('matplotlib' in sys.modules)\n"
        "visualization.plot_history({'AE': [1.0]})\n"
        "print('matplotlib.pyplot' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_recording_does_not_import_matplotlib(imported):
    assert imported[0] == "False"


def test_drawing_needs_no_pyplot(imported):
    assert imported[1] == "False"


@pytest.mark.parametrize("name", visualization.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(visualization, name).__doc__

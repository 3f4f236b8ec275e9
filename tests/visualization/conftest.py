import pytest


@pytest.fixture(autouse=True)
def closed_figures():
    """Closes the figures of :mod:`matplotlib.pyplot` that a test has made."""
    yield
    import matplotlib.pyplot as plt

    plt.close("all")

"""Sizes, colors and scales of every picture."""

import os
import subprocess
import sys
from itertools import combinations

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

from nrae_geometric.tuning import plot_tuning
from nrae_geometric.visualization import (
    Panel,
    plot_decoded_images,
    plot_decoded_value,
    plot_embedding,
    plot_graph,
    plot_latent_planes,
    plot_latent_traversal,
    plot_learned_curves,
    plot_losses,
    style,
)

RANDOM = np.random.default_rng(0)
Z = RANDOM.normal(size=(120, 4))
PLANE = torch.tensor(Z[:, :2])
SPACE = torch.tensor(Z[:, :3])
CLASSES = [f"a class of long name {i % 12}" for i in range(120)]
EDGES = np.array([[0, 1, 2], [1, 2, 3]])
TRIALS = [
    {"trial": i, "score": -1.0 - i, "n_neighbors": i + 2, "neighbor_weight": 10.0**i, "order": 1}
    | {"state": "complete" if i < 3 else "pruned"}
    for i in range(5)
]
# Okabe and Ito's, black, and three more where classes are many.
SAFE = {style.BLUE, style.SKY, style.GREEN, style.ORANGE, style.VERMILLION, style.PURPLE}
SAFE_CLASSES = SAFE | {style.INK, "#882255", "#666633", "#5511AA", style.FAINT}
WIDEST_IN_PRINT = 7.25  # inches


def panels(values, num=3):
    measures = {"error": 0.04567, "distance": 0.01234}
    orders = (0.5, 0.9999, None)
    return [Panel(f"NRAE-{i}", values, measures, orders[i % 3]) for i in range(num)]


def squared(z):
    return z**2


def blank(z):
    return np.ones((len(z), 6, 6)) / 2


PICTURES = {
    "losses": lambda: plot_losses({f"model {i}": [1.0, 0.1] for i in range(12)}),
    "curves": lambda: plot_learned_curves(panels(PLANE), PLANE, PLANE),
    "many curves": lambda: plot_learned_curves(panels(PLANE, 5), PLANE),
    "planes": lambda: plot_latent_planes(panels(PLANE), SPACE, PLANE[:, 0]),
    "traversal": lambda: plot_latent_traversal(panels(torch.zeros(20, 6, 6))),
    "short traversal": lambda: plot_latent_traversal(panels(torch.zeros(3, 6, 6)), num_images=2),
    "line": lambda: plot_embedding(Z[:, :1], title="title"),
    "line of points": lambda: plot_embedding(Z[:, :1], x=Z, curve=Z, labels=CLASSES),
    "plane": lambda: plot_embedding(Z[:, :2], labels=CLASSES, title="a long title " * 8),
    "quantity": lambda: plot_embedding(Z[:, :2], labels=Z[:, 0], title="title"),
    "three planes": lambda: plot_embedding(Z[:, :3], labels=CLASSES, title="a long title " * 8),
    "six planes": lambda: plot_embedding(Z, labels=Z[:, 0], title="title"),
    "images": lambda: plot_decoded_images(blank, Z[:, :2], labels=CLASSES, title="title"),
    "value": lambda: plot_decoded_value(squared, Z[:, :2], 0, name="a name"),
    "graph": lambda: plot_graph(
        {"one": Z[:, :2], "two": Z[:, 1:3]}, EDGES, EDGES, np.arange(120) % 7, title="title"
    ),
    "tuning": lambda: plot_tuning(TRIALS),
}
LATENT_PLANES = ("planes", "plane", "quantity", "three planes", "six planes", "images", "value")
EVERY = pytest.mark.parametrize("draw", PICTURES.values(), ids=PICTURES)


@pytest.fixture
def figure(draw):
    drawn = np.ravel(draw())[0].figure
    drawn.canvas.draw()
    return drawn


def texts(figure):
    return [
        text
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and is_shown(text)
    ]


def is_shown(text):
    box = text.get_window_extent()
    return box.width > 0 and text.figure.bbox.overlaps(box)


@EVERY
def test_no_letter_is_below_eight_points_and_no_figure_wider_than_a_page(figure):
    assert min(text.get_fontsize() for text in texts(figure)) >= 8
    assert figure.get_figwidth() <= WIDEST_IN_PRINT


@EVERY
def test_no_text_is_cut_off(figure):
    cut = []
    for text in figure.findobj(Text):
        is_title = text in [axes._left_title for axes in figure.axes] + [figure._suptitle]
        in_legend = any(text in legend.get_texts() for legend in legends(figure))
        if text.get_text() and (is_title or in_legend or text in labels(figure)):
            box = text.get_window_extent()
            if not (box.x0 > -1 and box.x1 < figure.bbox.x1 + 1):
                cut.append(text)
            if not (box.y0 > -1 and box.y1 < figure.bbox.y1 + 1):
                cut.append(text)
    assert not cut


def legends(figure):
    return [*figure.legends, *(axes.get_legend() for axes in figure.axes if axes.get_legend())]


def labels(figure):
    return [label for axes in figure.axes for label in (axes.xaxis.label, axes.yaxis.label)]


@pytest.mark.parametrize("name", LATENT_PLANES)
def test_both_directions_of_a_latent_plane_have_one_scale(name):
    axes_of = np.ravel(PICTURES[name]())
    axes_of[0].figure.canvas.draw()
    for axes in axes_of:
        if axes.name != "3d":
            scale = axes.transData.get_matrix()
            np.testing.assert_allclose(scale[0, 0], scale[1, 1])


def test_classes_have_the_colors_of_color_blind_safe_palettes_and_a_marker_each():
    axes = plot_embedding(Z[:, :2], labels=CLASSES)
    handles = axes.get_legend().legend_handles
    colors = [to_hex(handle.get_color()).upper() for handle in handles]
    assert set(colors) <= {color.upper() for color in SAFE_CLASSES}
    assert {color.upper() for color in SAFE} == set(colors[:6])
    looks = [(color, handle.get_marker()) for color, handle in zip(colors, handles, strict=True)]
    assert all(one != other for one, other in combinations(looks, 2))


def test_losses_have_the_colors_of_a_color_blind_safe_palette():
    axes = plot_losses({str(i): [1.0, 0.1] for i in range(6)})
    assert {line.get_color() for line in axes.lines} == SAFE


@EVERY
def test_a_new_figure_is_one_that_pyplot_shows(draw):
    drawn = draw()
    assert isinstance(drawn, Axes | np.ndarray)
    assert plt.get_fignums() == [np.ravel(drawn)[0].figure.number]


def test_import_selects_no_backend():
    code = "import sys, nrae_geometric.visualization; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_command_line_draws_without_pyplot_or_its_backend(tmp_path):
    np.save(tmp_path / "points.npy", Z[:, :3])
    code = (
        "import sys; from nrae_geometric.cli import main; "
        "assert main(['graph', 'points.npy']) == 0; "
        "assert main(['fit', 'points.npy', '--out', 'm.nrae', '--max-epochs', '1']) == 0; "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    environment = {**os.environ, "MPLBACKEND": "agg", "DISPLAY": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "m.png").is_file()

"""Classes of labels, their order and colors."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from nrae_geometric.visualization import style
from nrae_geometric.visualization.classes import (
    COLORS,
    COLORS_ON_DARK,
    class_colors,
    find_classes,
)

# What people without one kind of cones see, in linear RGB: Machado, Oliveira and Fernandes, "A
# Physiologically-based Model for Simulation of Color Vision Deficiency", 2009, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)


def linear(colors):
    rgb = np.array([to_rgb(color) for color in colors])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    x, y, z = (rgb @ TO_XYZ.T / TO_XYZ.sum(axis=1)).T
    f = [np.where(v > 216 / 24389, np.cbrt(v), (24389 / 27 * v + 16) / 116) for v in (x, y, z)]
    return np.stack([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])], axis=1)


def closest(colors, vision):
    seen = lab(np.clip(linear(colors) @ np.transpose(VISIONS[vision]), 0, 1))
    return min(np.linalg.norm(one - other) for one, other in combinations(seen, 2))


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("colors", [COLORS, COLORS_ON_DARK], ids=["light", "dark"])
def test_any_two_colors_are_as_far_apart_as_the_closest_of_okabe_and_ito(colors, vision):
    okabe_ito = [*style.MODELS, "#000000"]
    assert closest(colors, vision) > min(closest(okabe_ito, each) for each in VISIONS) - 0.5


def test_colors_stand_out_from_a_dark_page():
    luminance = linear(COLORS_ON_DARK) @ TO_XYZ[1]
    page = (linear(["#161b21"]) @ TO_XYZ[1]).item()
    assert ((luminance + 0.05) / (page + 0.05)).min() >= 3


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["b", "a", "", "b"], ["(none)", "a", "b"]),
        ([10, 9, 9, 2], ["2", "9", "10"]),
        ([0.5, float("nan"), -1.0], ["-1", "0.5", "nan"]),
        ([True, False, True], ["False", "True"]),
    ],
)
def test_classes_are_in_the_order_of_their_names_or_values(labels, names):
    found = find_classes(labels)
    assert found.names == names
    texts = [names[i] for i in found.code]
    assert [text == texts[0] for text in texts] == [label == labels[0] for label in labels]


def test_the_ten_most_frequent_have_a_color_and_the_rest_follow():
    labels = [f"{i:02}" for i in range(13) for _ in range(1 + (i >= 3) + (i == 1))]
    found = find_classes(labels)
    assert found.names == ["01", *[f"{i:02}" for i in range(3, 12)], "12", "00", "02"]
    assert [found.names[i] for i in found.code] == labels
    *colored, others = class_colors(labels)
    assert [name for name, _, _ in colored] == found.names[:10]
    assert (others[0], others[2].sum()) == ("others", 4)


def test_numbers_of_more_than_ten_values_are_a_quantity():
    assert find_classes(np.arange(11)) is None
    assert len(find_classes(np.arange(10)).names) == 10
    assert len(find_classes(list(map(str, range(11)))).names) == 11

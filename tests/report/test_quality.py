"""Measures in words."""

import numpy as np
import pytest

from nrae_geometric.report.quality import (
    MOST_NODES,
    READINGS,
    nearness_in_words,
    reason_of_absence,
    suggest_latents,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (1.0, "nearby here is nearby in the data"),
        (0.95, "nearby here is nearby in the data"),
        (0.949, "most that is nearby here is nearby in the data"),
        (0.9, "most that is nearby here is nearby in the data"),
        (0.899, "some points only seem near"),
    ],
)
def test_title_says_what_the_reading_of_trustworthiness_does(value, words):
    assert nearness_in_words(value) == words
    assert (
        "Above 0.95 regions can be trusted; below 0.9 some points only seem near"
        in (READINGS["trustworthiness"])
    )


@pytest.mark.parametrize(
    ("name", "num_points", "num_edges", "reason"),
    [
        ("torn edges", MOST_NODES + 1, 9, "measured in graphs of up to 100,000 points"),
        ("torn edges", MOST_NODES, 0, "no edges join these points"),
        ("continuity", 2, 1, "measured from three points on"),
        ("reconstruction R²", 1, 0, "one point does not vary"),
        ("reconstruction R²", 9, 9, "not a finite number"),
    ],
)
def test_measure_without_a_value_has_a_reason(name, num_points, num_edges, reason):
    assert reason_of_absence(name, num_points, num_edges) == reason


@pytest.mark.parametrize(
    ("dim", "kept", "num_points", "expected"),
    [
        (2, 0.8, 3000, 3),
        (1, 0.1, 3000, 3),
        (2, 0.9, 3000, None),
        (3, 0.8, 3000, None),
        (2, None, 3000, None),
        (2, 0.8, 2, None),
    ],
)
def test_latents_are_suggested_where_points_have_more_dimensions(dim, kept, num_points, expected):
    cube = np.random.default_rng(0).uniform(size=(num_points, 3))
    x = cube @ np.linalg.qr(np.random.default_rng(1).normal(size=(9, 3)))[0].T
    assert suggest_latents(x, dim, {"reconstruction R²": kept}) == expected


def test_points_whose_neighbors_are_equal_have_no_dimension_to_suggest():
    x = np.repeat(np.eye(2), 30, axis=0)
    assert suggest_latents(x, 1, {"reconstruction R²": 0.0}) is None

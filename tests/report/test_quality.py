"""Measures in words."""

import pytest

from nrae_geometric.report.quality import (
    MOST_NODES,
    READINGS,
    nearness_in_words,
    reason_of_absence,
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

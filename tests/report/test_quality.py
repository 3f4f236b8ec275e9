"""Measures in words."""

import pytest

from nrae_geometric.report.quality import READINGS, nearness_in_words


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

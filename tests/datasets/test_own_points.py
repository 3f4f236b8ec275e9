import doctest

from nrae_geometric import datasets


def test_documented_way_to_bring_own_points_works():
    result = doctest.testmod(datasets)
    assert result.attempted > 0
    assert result.failed == 0

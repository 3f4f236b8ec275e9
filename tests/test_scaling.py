"""The unit of points that are read block by block is that of all at once."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from nrae_geometric.scaling import choose_scale, choose_scale_of_blocks

BLOCK = 37


def in_blocks(rows: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
    return lambda: (rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK))


def columns(scales: list[float], offset: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(0)
    return random.normal(size=(1000, len(scales))) * scales + offset


@pytest.mark.parametrize("scale", ["auto", "points", "columns"])
@pytest.mark.parametrize(
    "rows",
    [
        columns([1.0, 2.0, 3.0]),
        columns([1e-3, 1.0, 1e4]),
        columns([1.0, 1.0], offset=1e6),
        columns([1.0, 0.0, 2.0], offset=5.0),
        columns([1.0, 2.0, 3.0]).astype(np.float32),
        columns([1e150, 3e150]),
        columns([1e-150, 1e-151]),
    ],
    ids=[
        "one unit", "units", "far", "constant column", "single precision", "large", "small",
    ],
)  # fmt: skip
def test_center_and_scale_are_those_of_all_points(rows: np.ndarray, scale: str) -> None:
    center, unit, reason = choose_scale(rows, scale, one_unit=False)
    found_center, found_unit, found_reason = choose_scale_of_blocks(in_blocks(rows), scale, False)
    # Rounding of a mean is relative to the numbers it is of.
    size = np.abs(rows).max(axis=0)
    np.testing.assert_allclose(found_center / size, center / size, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found_unit, unit, rtol=1e-12 if np.abs(rows).max() < 1e5 else 1e-9)
    assert np.ndim(found_unit) == np.ndim(unit)
    assert (found_reason is None) == (reason is None) == (scale != "auto")


def test_ordinary_points_are_read_once_and_extreme_ones_twice() -> None:
    for rows, passes in ((columns([1.0, 2.0]), 1), (columns([1e200, 1.0]), 2)):
        calls = []
        blocks = in_blocks(rows)

        def counted(
            calls: list[int] = calls, blocks: Callable[[], Iterator[np.ndarray]] = blocks
        ) -> Iterator[np.ndarray]:
            calls.append(1)
            return blocks()

        choose_scale_of_blocks(counted, "points", True)
        assert len(calls) == passes


def test_equal_points_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match="all 100 points are equal"):
        choose_scale_of_blocks(in_blocks(np.ones((100, 2))), "auto", False)

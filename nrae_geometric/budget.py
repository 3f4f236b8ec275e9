"""How long a fit takes, from the number of its points."""

import math
from typing import NamedTuple

# Measured on tables, digits and the Swiss roll: more steps are hardly worth their time.
_EPOCHS, _FEWEST_STEPS, _MOST_STEPS = 36, 400, 2000
_SMALLEST_BATCH, _USUAL_BATCH, _LARGEST_BATCH = 32, 256, 1024
# Each point is seen at least once: of very many points a step takes more.
_BATCHES_IN_EPOCH, _MOST_BATCHES_IN_EPOCH = 64, 1000
BATCHES_IN_STREAMED_EPOCH = 50
"""The steps of an epoch on points that stay on the disk."""
_DISTANCES_TO_LANDMARKS, _FEWEST_LANDMARKS, _MOST_LANDMARKS = 4_000_000, 32, 256
_MANY_POINTS, _MOST_HELD_OUT = 10_000, 1000


def usual_batch_size(num_points: int) -> int:
    """Returns the number of points in a step: about a 64th of all, from 32 to 256.

    Beyond a quarter of a million points it grows again, up to 1024, as each is to be seen once.
    """
    part = 2 ** round(math.log2(max(1, num_points / _BATCHES_IN_EPOCH)))
    usual = min(max(part, _SMALLEST_BATCH), _USUAL_BATCH)
    return min(max(usual, num_points // _MOST_BATCHES_IN_EPOCH), _LARGEST_BATCH)


def usual_epochs(num_points: int, batch_size: int) -> int:
    """Returns the number of epochs: 36, but from 400 to 2000 steps, and one at least."""
    steps = math.ceil(num_points / batch_size)
    return max(1, math.ceil(min(max(_EPOCHS * steps, _FEWEST_STEPS), _MOST_STEPS) / steps))


def usual_landmarks(num_points: int) -> int:
    """Returns the number of landmarks of a geodesic start, of which the cost is bounded."""
    landmarks = _DISTANCES_TO_LANDMARKS // max(1, num_points)
    return min(max(landmarks, _FEWEST_LANDMARKS), _MOST_LANDMARKS)


def held_out_fraction(
    num_points: int, early_stopping: bool | str, fraction: float
) -> tuple[float, str | None]:
    """Returns the share of points to hold out, and why, if that was chosen.

    Args:
        num_points (int): The number of points.
        early_stopping (bool or str): :obj:`"auto"` holds out none of few points, and of many 1000
            at most.
        fraction (float): The share where points are held out.
    """
    if early_stopping != "auto":
        return fraction if early_stopping else 0.0, None
    if num_points <= _MANY_POINTS:
        return 0.0, f"all {num_points} points are learned from, none are held out to stop by"
    fraction = min(fraction, _MOST_HELD_OUT / num_points)
    count = math.ceil(fraction * num_points)
    return fraction, f"{count} of {num_points} points are held out to stop by"


class Budget(NamedTuple):
    """The steps of a fit.

    Attributes:
        batch_size (int): The number of points in a step.
        max_epochs (int): How often all points are seen, at most.
    """

    batch_size: int
    max_epochs: int


def choose_streamed_budget(
    num_points: int, batch_size: int | str, max_epochs: int | None
) -> tuple[Budget, dict[str, str]]:
    """Returns the steps of a fit to points that stay on the disk, and why, for what was chosen.

    Their number does not depend on that of the points: an epoch is no pass over all, but has
    :data:`BATCHES_IN_STREAMED_EPOCH` steps.

    Args:
        num_points (int): The number of points.
        batch_size (int or str): The number of points in a step, or :obj:`"auto"`.
        max_epochs (int, optional): The number of epochs, where it is given.
    """
    size, reasons = _choose_batch_size(num_points, batch_size)
    if max_epochs is not None:
        return Budget(size, int(max_epochs)), reasons
    epochs = _MOST_STEPS // BATCHES_IN_STREAMED_EPOCH
    reasons["max_epochs"] = (
        f"{epochs} epochs of {BATCHES_IN_STREAMED_EPOCH} steps, {_MOST_STEPS} in all, on "
        f"{_MOST_STEPS * size} points drawn at random"
    )
    return Budget(size, epochs), reasons


def choose_budget(
    num_points: int, batch_size: int | str, max_epochs: int | None
) -> tuple[Budget, dict[str, str]]:
    """Returns the steps of a fit, and why, for what was chosen.

    Args:
        num_points (int): The number of points to learn from.
        batch_size (int or str): The number of points in a step, or :obj:`"auto"`.
        max_epochs (int, optional): The number of epochs, where it is given.
    """
    size, reasons = _choose_batch_size(num_points, batch_size)
    if max_epochs is not None:
        return Budget(size, int(max_epochs)), reasons
    epochs = usual_epochs(num_points, size)
    steps = epochs * math.ceil(num_points / size)
    reasons["max_epochs"] = f"{epochs} epochs, {steps} steps in all"
    return Budget(size, epochs), reasons


def _choose_batch_size(num_points: int, batch_size: int | str) -> tuple[int, dict[str, str]]:
    if not isinstance(batch_size, str):
        return int(batch_size), {}
    size = usual_batch_size(num_points)
    return size, {"batch_size": f"{size} of {num_points} points in a step"}

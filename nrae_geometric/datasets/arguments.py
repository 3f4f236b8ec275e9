r"""Checks of constructor arguments that several data sets share."""

import math
import operator


def check_at_least(name: str, value: int, minimum: int) -> None:
    r"""Raises unless :obj:`value` is an integer that is not below :obj:`minimum`."""
    if operator.index(value) < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_noise(noise: float) -> None:
    r"""Raises unless :obj:`noise` can be a standard deviation."""
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"noise must be a finite standard deviation >= 0, got {noise}")

r"""Uniform choices of :math:`k` out of :math:`n`, for many different :math:`n` at once."""

import torch
from torch import Tensor

_RANDOM_BITS = 62


def _random_below(high: Tensor, generator: torch.Generator | None) -> Tensor:
    # Integers have no rounding to worry about; the remainder's bias is below high / 2^62.
    bits = torch.randint(
        2**_RANDOM_BITS, tuple(high.shape), device=high.device, generator=generator
    )
    return bits.remainder_(high)


def choose_with_replacement(
    population: Tensor, k: int, generator: torch.Generator | None = None
) -> Tensor:
    r"""Draws :math:`k` independent numbers from :math:`0, \ldots, n_i - 1` in each row.

    Args:
        population (torch.Tensor): The sizes :math:`n_i \geq 1`, of shape :obj:`[M]`.
        k (int): The number of draws.
        generator (torch.Generator, optional): The source of randomness.

    Returns:
        The draws, of shape :obj:`[M, k]`.
    """
    return _random_below(population.view(-1, 1).expand(-1, k), generator)


def choose_without_replacement(
    population: Tensor, k: int, generator: torch.Generator | None = None
) -> Tensor:
    r"""Draws :math:`k` different numbers from :math:`0, \ldots, n_i - 1` in each row.

    Every subset of size :math:`k` is equally likely; the order within a row is not random.
    The cost does not depend on the :math:`n_i`. The method is algorithm F2 of `"Programming
    Pearls: A Sample of Brilliance" <https://doi.org/10.1145/30401.315746>`_ (Bentley and Floyd,
    1987), all rows in step.

    Args:
        population (torch.Tensor): The sizes :math:`n_i \geq k`, of shape :obj:`[M]`.
        k (int): The number of draws.
        generator (torch.Generator, optional): The source of randomness.

    Returns:
        The draws, of shape :obj:`[M, k]`.
    """
    largest = population.view(-1, 1) - torch.arange(k, 0, -1, device=population.device)
    chosen = _random_below(largest + 1, generator)
    for i in range(1, k):
        taken = (chosen[:, :i] == chosen[:, i : i + 1]).any(dim=1)
        chosen[:, i] = torch.where(taken, largest[:, i], chosen[:, i])
    return chosen

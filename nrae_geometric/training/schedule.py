"""Schedules of the learning rate."""

import math
from collections.abc import Callable

Schedule = Callable[[float, int], float]
"""A function ``(epoch, max_epochs) -> factor`` of the learning rate, with epochs from 0.

It is asked before every epoch, also by a resumed run, and should depend on nothing else. Where it
has an attribute ``every_step`` that is true, it is asked before every step, with the part of the
epoch that has passed.
"""

# A rise takes this many epochs, and no more than half of all.
_RISING_EPOCHS = 200
_RISE, _FIRST = 0.1, 0.1


def published_schedule(epoch: float, max_epochs: int) -> float:
    r"""Multiplies the learning rate by 0.9 every tenth epoch after 80 % of the epochs.

    Epoch :math:`e` of :math:`N` is trained with
    :math:`0.9^{\lfloor \max(0, e - e_0) / 10 \rfloor}` times the initial rate, where :math:`e_0`
    is the first epoch later than :math:`0.8 N`. The published training scripts do this by
    stepping a :class:`~torch.optim.lr_scheduler.StepLR` in these epochs alone.

    Args:
        epoch (int): The epoch, from 0.
        max_epochs (int): The length :math:`N` of the whole run.
    """
    start = int(0.8 * max_epochs) + 1
    return 0.9 ** (max(0, int(epoch) - start) // 10)


def gentle_schedule(epoch: float, max_epochs: int, fraction: float = 0.3) -> float:
    r"""Lets the learning rate rise slowly, and not as high, before it falls as published.

    The published factor is multiplied by :math:`c \min(1, (e + 1)^2 / R^2)` with
    :math:`R = \min(200, \lfloor N / 2 \rfloor)`. A fresh Adam moves each weight by about the
    learning rate in its first steps, however small the gradient, which would undo a good start
    at once.

    Args:
        epoch (int): The epoch, from 0.
        max_epochs (int): The length :math:`N` of the whole run.
        fraction (float, optional): The factor :math:`c`. (default: :obj:`0.3`)
    """
    rising_epochs = max(1, min(_RISING_EPOCHS, max_epochs // 2))
    rise = min(1.0, ((epoch + 1) / rising_epochs) ** 2)
    return fraction * rise * published_schedule(epoch, max_epochs)


class OneCycle:
    r"""Lets the learning rate rise over the first tenth of all steps, and then fall to zero.

    Of the share :math:`t` of the run that has passed, the factor is

    .. math::
        c \cdot \begin{cases}
            r + (1 - r)\, t / w & t < w \\
            \tfrac{1}{2} \bigl(1 + \cos \pi \tfrac{t - w}{1 - w}\bigr) & t \ge w
        \end{cases}

    with :math:`w = 0.1` and :math:`r = 0.1`. Few steps thus suffice, as large ones are taken where
    they do no harm.

    Source: Smith and Topin, `"Super-Convergence: Very Fast Training of Neural Networks Using Large
    Learning Rates" <https://arxiv.org/abs/1708.07120>`_, 2018; the fall is that of Loshchilov and
    Hutter, `"SGDR" <https://arxiv.org/abs/1608.03983>`_, ICLR 2017.

    Args:
        fraction (float, optional): The largest factor :math:`c`. (default: :obj:`1.0`)
    """

    every_step = True

    def __init__(self, fraction: float = 1.0) -> None:
        self.fraction = fraction

    def __call__(self, epoch: float, max_epochs: int) -> float:
        """Returns the factor after some epochs and a part of one."""
        passed = epoch / max_epochs
        if passed < _RISE:
            return self.fraction * (_FIRST + (1 - _FIRST) * passed / _RISE)
        return self.fraction * 0.5 * (1 + math.cos(math.pi * (passed - _RISE) / (1 - _RISE)))

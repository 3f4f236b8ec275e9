"""The published learning-rate schedule."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def published_schedule(optimizer: Optimizer, num_epochs: int, first_epoch: int = 0) -> LambdaLR:
    r"""Multiplies the learning rate by 0.9 every tenth epoch after 80 % of the epochs.

    Epoch :math:`e` of :math:`N` is trained with
    :math:`0.9^{\lfloor \max(0, e - e_0) / 10 \rfloor}` times the initial rate, where :math:`e_0`
    is the first epoch later than :math:`0.8 N`. This is what the published training scripts do
    by stepping a :class:`~torch.optim.lr_scheduler.StepLR` in these epochs alone.

    Args:
        optimizer: With its initial learning rate set.
        num_epochs: The length :math:`N` of the whole run.
        first_epoch: The epoch at which training starts; above 0 when it is resumed.

    Returns:
        A scheduler to step once at the end of each epoch.
    """
    start = int(0.8 * num_epochs) + 1
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
    return LambdaLR(
        optimizer,
        lambda epoch: 0.9 ** (max(0, epoch - start) // 10),
        last_epoch=first_epoch - 1,
    )

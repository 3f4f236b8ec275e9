"""Adam without looking for its tensors in every step."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn


class FusedAdam(torch.optim.Adam):
    """PyTorch's fused Adam, with the same state and the same steps.

    :class:`torch.optim.Adam` gathers parameters and moments from dictionaries in every step. With
    a few small layers that costs as much as the update itself; here they are gathered once.

    Args:
        params: The parameters, one group of them.
        lr: The learning rate.
    """

    def __init__(self, params: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(params, lr=lr, fused=True)
        self._gather()

    def zero_grad(self, set_to_none: bool = True) -> None:
        if not set_to_none:
            return super().zero_grad(set_to_none=False)
        for param in self._params:
            param.grad = None
        return None

    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = super().step(closure)
        if len(self.state) > len(self._counts):
            self._gather()
        return loss

    @torch.no_grad()
    def update(self, lr: Tensor | None = None) -> None:
        """Takes a step as :meth:`step` does, but without calling hooks or telling a profiler.

        Args:
            lr: The learning rate, ``[]``, on the device of the parameters; by default that of the
                parameter group. A captured step reads it anew whenever it is replayed.
        """
        gradients = [param.grad for param in self._params if param.grad is not None]
        if not len(gradients) == len(self._params) == len(self._counts):
            if lr is not None:
                raise NotImplementedError("some parameters have no gradient, or none so far")
            self.step()
            return
        self._opt_called = True  # learning-rate schedulers look for it before their first step
        group = self.param_groups[0]
        beta1, beta2 = group["betas"]
        self._all_counts += 1
        torch._fused_adam_(
            self._params,
            gradients,
            self._means,
            self._squares,
            [],
            self._counts,
            amsgrad=False,
            beta1=beta1,
            beta2=beta2,
            lr=group["lr"] if lr is None else lr,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            maximize=False,
        )

    @property
    def tensors(self) -> list[Tensor]:
        """All that a step changes: the parameters, their moments, and the counts of steps."""
        params = [param.detach() for param in self._params]
        return [*params, *self._means, *self._squares, self._all_counts]

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._gather()

    def _gather(self) -> None:
        """Collects the parameters and those moments that there are."""
        self._params: list[Tensor] = self.param_groups[0]["params"]
        states = [self.state[param] for param in self._params if param in self.state]
        self._means: list[Tensor] = [state["exp_avg"] for state in states]
        self._squares: list[Tensor] = [state["exp_avg_sq"] for state in states]
        # The counts of all steps become elements of one tensor, so that one addition is enough.
        counts = [state["step"] for state in states]
        self._all_counts = torch.stack(counts) if counts else torch.empty(0)
        self._counts: list[Tensor] = list(self._all_counts.unbind())
        for state, count in zip(states, self._counts, strict=True):
            state["step"] = count

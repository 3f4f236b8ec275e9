from abc import ABC, abstractmethod
from typing import ClassVar

from torch import Tensor


class Backend(ABC):
    r"""A way to find the nearest neighbors of checked points.

    An engine is added by subclassing, and by naming the class in `engines/__init__.py`. Its
    :meth:`search` must return exactly `k` neighbors for every query point; candidates found in
    lower precision are best passed through :func:`nrae_geometric.neighbors.ranking.rank`.
    """

    name: ClassVar[str]

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Why this engine cannot be used on this machine, or :obj:`None` if it can."""
        return None

    @abstractmethod
    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Finds the `k` nearest rows of `x` for each query point.

        Args:
            x (Tensor): Finite points :math:`[N, D]`, float32 or float64, contiguous.
            k (int): Number of neighbors, one to the number of possible ones.
            query (Tensor, optional): Query points :math:`[M, D]` of the type of `x`. Without
                them the points of `x` ask, each leaving itself out.

        Returns:
            tuple[Tensor, Tensor]: Euclidean distance in the type of `x`, and index, each
            :math:`[M, k]`, nearest first.

        Raises:
            ValueError: If the engine cannot do this search; the message names one that can.
        """

    def _require_cpu(self, x: Tensor) -> None:
        r"""Refuses points that live on another device than this engine searches on."""
        if x.device.type != "cpu":
            raise ValueError(
                f"{self.name} searches on the CPU, but the points are on {x.device}; "
                f"use backend='torch'"
            )

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"

r"""The base of all backends, and the decorator that makes one known by its name."""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeVar

from torch import Tensor

from nrae_geometric.neighbors.rows import PointRows
from nrae_geometric.registry import BACKENDS


class Backend(ABC):
    r"""A way to find the nearest neighbors of checked points, by Euclidean distance.

    A backend is added by a file in this package with a subclass under :func:`register_backend`. Its
    :meth:`search` must return exactly :obj:`k` neighbors for every query point; candidates found
    in lower precision are best passed through :func:`nrae_geometric.neighbors.rank`.
    """

    name: ClassVar[str]

    @classmethod
    def unavailable(cls) -> str | None:
        r"""Returns the reason why this machine lacks the backend, or :obj:`None` if it has it."""
        return None

    @abstractmethod
    def search(self, x: Tensor, k: int, query: Tensor | None) -> tuple[Tensor, Tensor]:
        r"""Finds the :obj:`k` nearest rows of :obj:`x` for each query point.

        Args:
            x (torch.Tensor): Finite points :math:`[N, D]`, float32 or float64, contiguous.
            k (int): Number of neighbors, one to the number of possible ones.
            query (torch.Tensor, optional): Query points :math:`[M, D]` of the type of :obj:`x`.
                Without them those of :obj:`x`, each leaving itself out.

        Returns:
            tuple[torch.Tensor, torch.Tensor]: Euclidean distance in the type of :obj:`x`, and
            index, each :math:`[M, k]`, nearest first.

        Raises:
            ValueError: If the backend cannot do this search; the message names one that can.
        """

    def search_rows(
        self, x: PointRows, k: int, rows: range, distance: Tensor, index: Tensor
    ) -> None:
        r"""Finds the :obj:`k` nearest of all points for some of them, which are read in blocks.

        Args:
            x (PointRows): Points :math:`[N, D]`.
            k (int): Number of neighbors, one to :math:`N - 1`.
            rows (range): The :math:`M` consecutive points that are sought for, at least one. Each
                leaves itself out.
            distance (torch.Tensor): Where their distances by the metric are written
                :math:`[M, k]`, nearest first.
            index (torch.Tensor): Where their neighbors are written :math:`[M, k]`.

        Raises:
            ValueError: If the backend needs all points at once, or cannot do this search.
        """
        raise ValueError(
            f"{self.name} needs all points in memory; use backend='torch', which is exact, or "
            "FaissBackend('ivf'), which is approximate"
        )

    def _require_cpu(self, x: Tensor) -> None:
        r"""Refuses points that live on another device than this backend searches on."""
        if x.device.type != "cpu":
            raise ValueError(
                f"{self.name} searches on the CPU, but the points are on {x.device}; "
                f"use backend='torch'"
            )

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"


B = TypeVar("B", bound=type[Backend])


def register_backend(backend: B) -> B:
    r"""Makes a backend known under its :obj:`name`."""
    BACKENDS.add(backend, backend.name)
    return backend

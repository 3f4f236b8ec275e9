r"""Distance metrics, each as a map of points that makes it Euclidean.

A metric that is a growing function of the Euclidean distance of mapped points,

.. math::
    d(x, y) = h(\| \phi(x) - \phi(y) \|) ,

has the nearest neighbors of :math:`\phi(x)` for neighbors, so every backend serves it. A further
metric is a subclass of :class:`Metric` with :math:`\phi` and :math:`h`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, TypeVar

from torch import Tensor

from nrae_geometric.neighbors.points import refuse_rows
from nrae_geometric.registry import METRICS


class Metric(ABC):
    r"""A distance of points whose order is that of a Euclidean distance."""

    name: ClassVar[str]

    @abstractmethod
    def embed(self, x: Tensor, name: str = "x") -> Tensor:
        r"""Maps points to those whose Euclidean distance has the order of the metric.

        Args:
            x (torch.Tensor): Finite points :math:`[N, D]`, float32 or float64.
            name (str, optional): The name of the points in error messages. (default: :obj:`"x"`)

        Returns:
            torch.Tensor: :math:`[N, D']`, float32 or float64.

        Raises:
            ValueError: If the metric is not defined for some of the points.
        """

    @abstractmethod
    def distance(self, euclidean: Tensor) -> Tensor:
        r"""Returns the distance in this metric from the Euclidean one of mapped points.

        Args:
            euclidean (torch.Tensor): Distance of any shape; never negative.

        Returns:
            torch.Tensor: Distance of the same shape.
        """

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}()"


M = TypeVar("M", bound=type[Metric])


def register_metric(metric: M) -> M:
    r"""Makes a metric known under its :obj:`name`."""
    METRICS.add(metric, metric.name)
    return metric


@register_metric
class Euclidean(Metric):
    r"""The Euclidean distance :math:`\| x - y \|`."""

    name = "euclidean"

    def embed(self, x: Tensor, name: str = "x") -> Tensor:
        r"""Returns the points as they are."""
        return x

    def distance(self, euclidean: Tensor) -> Tensor:
        r"""Returns the distance as it is."""
        return euclidean


@register_metric
class Cosine(Metric):
    r"""The cosine distance :math:`1 - \cos \angle(x, y)`, from 0 to 2.

    With unit vectors :math:`u` and :math:`v`, :math:`1 - u \cdot v = \| u - v \|^2 / 2`: the
    right-hand side does not cancel, so that small angles keep their order and their digits.
    """

    name = "cosine"

    def embed(self, x: Tensor, name: str = "x") -> Tensor:
        r"""Returns unit vectors in float64.

        Raises:
            ValueError: If a row is zero and has no direction.
        """
        largest = x.abs().amax(dim=1, keepdim=True).double()
        refuse_rows(
            largest.squeeze(1) == 0,
            name,
            "of zeros, which have no direction",
            "drop them or choose metric='euclidean'",
        )
        # Squares of coordinates of at most one neither overflow nor all underflow. A power of two
        # rounds nothing; of the smallest and the largest there is no reciprocal.
        exponent = largest.frexp().exponent
        half = exponent // 2
        unit = x.double().ldexp(-half).ldexp_(half - exponent)
        return unit.div_(unit.norm(dim=1, keepdim=True))

    def distance(self, euclidean: Tensor) -> Tensor:
        r"""Returns :math:`d^2 / 2`."""
        return euclidean.square() / 2

r"""Data sets of one graph each, and points from files of your own.

Every data set is a :class:`torch_geometric.data.InMemoryDataset` with a single
:class:`~torch_geometric.data.Data` whose ``x`` holds the points and whose ``y`` holds the
ground-truth coordinate of each, where it is known. Nothing is cached on disk, so reading a data
set never writes beside the files it reads.

Your own points need no data set, only a :class:`~torch_geometric.data.Data`. Anything that
:func:`torch.as_tensor` takes will do, as rows ``[N, D]`` or as images ``[N, C, H, W]``, and
:func:`read_points` takes them from a file:

>>> import torch
>>> from torch_geometric.data import Data
>>> data = Data(x=torch.as_tensor([[0, 0], [1, 0], [1, 1]], dtype=torch.float32))
>>> data
Data(x=[3, 2])
"""

from nrae_geometric.datasets.blocks import read_blocks
from nrae_geometric.datasets.columns import column_names, read_labels
from nrae_geometric.datasets.digits import Digits
from nrae_geometric.datasets.files import PointsFile, open_points, read_points
from nrae_geometric.datasets.mnist import MNIST
from nrae_geometric.datasets.orbits import RotatedDigits, RotatedMNIST, ShiftedMNIST
from nrae_geometric.datasets.sin_curve import SinCurve
from nrae_geometric.datasets.swiss_roll import SwissRoll
from nrae_geometric.datasets.writing import write_points

__all__ = [
    "MNIST",
    "Digits",
    "PointsFile",
    "RotatedDigits",
    "RotatedMNIST",
    "ShiftedMNIST",
    "SinCurve",
    "SwissRoll",
    "column_names",
    "open_points",
    "read_blocks",
    "read_labels",
    "read_points",
    "write_points",
]

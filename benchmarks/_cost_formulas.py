r"""What each stage of a fit computes, moves and holds, from the numbers of points and of values.

:math:`N` points of :math:`D` values with :math:`k` neighbors; float32 points, and an autoencoder of
linear layers. Nothing here is measured: what a FLOP or a byte takes on a machine is fitted in
``_cost_fit.py``.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from nrae_geometric.budget import usual_batch_size, usual_epochs, usual_landmarks

TILE = 2048
"""Rows and columns of a tile of the exact search on a processor."""
CELLS, POINTS_IN_CELL = 4, 39
"""An inverted file has 4 times the square root of N cells, of 39 points at least."""
PROBES = 8
"""Cells that a query of an inverted file looks into."""
BREADTH = 4
"""Cells of the inverted file on the disk that a point is compared with."""
_POINTS_OF_CELL, _POINTS_OF_CENTER, _MOST_REGIONS = 256, 64, 512
_SHARD_BYTES, _RECALL_SAMPLE = 1 << 29, 1000
_KMEANS_ROUNDS, _KMEANS_POINTS = 10, 256
_HNSW_LINKS, _HNSW_BREADTH = 32, 40
_NORM_COLUMNS = 6  # of an operand of the exact search: three pieces of a norm, and their ones
_CANDIDATE_BYTES = 84  # of a pair that waits to be ranked, and while it is sorted
_FEWEST_CANDIDATES, _MOST_CANDIDATES = 1 << 18, 1 << 22
_LIBRARY_BYTES = 100e6  # of what matrix products keep
_KEPT_BYTES = 256 << 20  # rounded points
_SHARED_ENTRIES = 1 << 23
_UNDIRECTED = 0.7  # of directed edges to nearest neighbors, so many pairs are joined
_PASSES = 10  # over the values of a layer: product, activation, their gradients, read and written
_ADAM_BYTES = 36  # of a parameter: four numbers read, three written, a gradient written and cleared
_EPOCH_BYTES = 360  # of a point: the order of an epoch, and its lists
_BLOCK_ROWS, _BLOCK_VALUES = 1 << 16, 1 << 22


class Work(NamedTuple):
    """What a stage does.

    Attributes:
        flops: Floating-point operations of its matrix products.
        moved: Bytes that go between processor and memory.
        memory: Bytes that it holds at its peak, with points and result.
        counts: What takes a time of its own: points, tiles, steps and the like.
    """

    flops: float
    moved: float
    memory: float
    counts: dict[str, float]


class Network(NamedTuple):
    """Widths of an encoder of linear layers, which the decoder mirrors.

    Attributes:
        widths: From the points' values to the latent coordinates.
        smooth: Whether the activation has a second derivative, as ELU has and ReLU has not.
    """

    widths: tuple[int, ...]
    smooth: bool = False

    @property
    def weights(self) -> int:
        """The number of weights of the encoder, and of the decoder, without biases."""
        return sum(a * b for a, b in pairwise(self.widths))

    @property
    def parameters(self) -> int:
        """The number of parameters of both."""
        return 2 * self.weights + sum(self.widths[1:]) + sum(self.widths[:-1])


def usual_network(dim: int, latent: int = 2) -> Network:
    """The estimator's network for points of so many values."""
    return Network((dim, 256, 256, 256, latent))


def exact_graph(num: int, dim: int, k: int = 10) -> Work:
    """The exact search where no tile can be left out, as of points without any structure.

    A pair of points is multiplied once and serves both; its bfloat16 result is written, and read
    for the rows and for the columns. What is nearer than the k nearest so far is a candidate: of
    points in any order there are k in the first tile and k / i in the i-th one behind it.
    """
    pairs = num**2 / 2
    memory = 4 * num * dim + 28 * num * k + 44 * num + 2 * TILE**2 + _LIBRARY_BYTES
    memory += _CANDIDATE_BYTES * min(_MOST_CANDIDATES, max(_FEWEST_CANDIDATES, 2 * num * k))
    memory += min(_KEPT_BYTES, 2 * num * (dim + _NORM_COLUMNS))
    candidates = num * k * (1 + max(0.0, math.log(num / TILE)))
    counts = {"candidates": candidates}
    return Work(2 * pairs * (dim + _NORM_COLUMNS), 6 * pairs, memory, counts)


def exact_graph_on_manifold(num: int, dim: int, k: int = 10, block: int = TILE) -> Work:
    """The exact search of points on surfaces: a tile has others near it, and is far from the rest.

    How many are near does not depend on N, so that their entries grow with it alone. Whether a tile
    is near is asked of all pairs of tiles.
    """
    full = exact_graph(num, dim, k)
    tiles = math.ceil(num / block)
    counts = {"points": num, "near": num * block, "tiles": tiles**2 / 2}
    return Work(0, 0, full.memory, counts)


def cells(num: int) -> int:
    """The number of cells of an inverted file."""
    return max(1, min(int(CELLS * num**0.5), num // POINTS_IN_CELL))


def ivf_graph(num: int, dim: int, k: int = 10, probes: int = PROBES) -> Work:
    """FAISS's inverted file: cells by k-means, each point to its cell, and the nearest of cells.

    Each point is compared with all cells twice, when it is added and when its neighbors are sought,
    and with the points of the cells it looks into.
    """
    num_cells = cells(num)
    trained = min(num, _KMEANS_POINTS * num_cells) * num_cells * _KMEANS_ROUNDS
    compared = 2 * num * num_cells
    scanned = num * min(probes, num_cells) * num / num_cells
    sample = 4 * dim * min(num, _KMEANS_POINTS * num_cells)
    memory = 8 * num * dim + 8 * num + 12 * num * k + sample
    return Work(2 * dim * (trained + compared), 4 * dim * scanned, memory, {"points": num})


def disk_ivf_graph(num: int, dim: int, k: int = 10, breadth: int = BREADTH) -> Work:
    """The inverted file on the disk: regions, cells of 256 points in each, and the nearest cells.

    A point is compared with the centers of the regions and of the cells in its own, with the points
    of the nearest cells, and with those whose neighbors the recall is measured by. Both numbers
    of centers grow with the square root of that of the points.
    """
    num_cells = math.ceil(num / _POINTS_OF_CELL)
    regions = min(_MOST_REGIONS, math.ceil(num_cells**0.5))
    centers = regions + num_cells / regions
    trained = _KMEANS_ROUNDS * _POINTS_OF_CENTER * (regions**2 + num_cells**2 / regions)
    scanned = num * breadth * _POINTS_OF_CELL
    flops = 2 * dim * (trained + num * (centers + _RECALL_SAMPLE) + scanned)
    block = min(_SHARD_BYTES, 4 * dim * (num / regions + breadth * _POINTS_OF_CELL))
    memory = _LIBRARY_BYTES + 4 * block + min(num, _SHARD_BYTES / 200) * 24 * k
    return Work(flops, 0, memory, {"points": num, "values": num * dim * (k + 5)})


def hnsw_graph(num: int, dim: int, k: int = 10) -> Work:
    """FAISS's navigable small-world graph: each point descends through it twice.

    It is inserted, and its neighbors are sought. A search keeps 40 points, of 32 links each, and so
    sees 1280 points anyway; doubling the number of points adds a step to the way to them.
    """
    steps = num * max(1.0, math.log2(num / (_HNSW_LINKS * _HNSW_BREADTH)))
    read = steps * _HNSW_BREADTH
    memory = 8 * num * dim + 8 * num * _HNSW_LINKS * 1.1 + 12 * num * k
    return Work(2 * dim * read, 4 * dim * read, memory, {})


def start(num: int, dim: int, k: int = 10, latent: int = 2, landmarks: int | None = None) -> Work:
    """The geodesic coordinates of a graph: edges in order, and shortest paths from landmarks.

    Each of the landmarks, and two ends before them, settles all nodes: a heap's logarithm for each,
    and both directions of each pair of joined points.
    """
    landmarks = min(num, usual_landmarks(num) if landmarks is None else landmarks)
    pairs = _UNDIRECTED * num * k
    visited = (landmarks + 2) * (num * math.log2(max(num, 2)) + 2 * pairs)
    scaling = 2.0 * landmarks * num * latent + 9.0 * landmarks**3
    graph = 2 * pairs * 12 + 4 * num
    shared = 24 * min(_SHARED_ENTRIES, pairs * 2 * pairs / num)  # neighbors in common
    memory = 4.0 * num * dim + 8 * landmarks * num + 16 * num * k + shared
    memory += 7 * graph  # while edges are put in order and shortcuts are looked for
    return Work(scaling, 0, memory, {"edges": num * k, "visits": visited})


class StepRows(NamedTuple):
    """Rows of a step.

    Attributes:
        encoded: Points that the encoder maps.
        values: Points that the decoder maps.
        first: First derivatives that go forward with them.
        second: Second derivatives, from the first activation on.
        monomials: Where these are those of the axes, how many of them make one direction's.
    """

    encoded: int
    values: int
    first: int
    second: int
    monomials: int


def step_rows(net: Network, batch_size: int, sampled: int, order: int) -> StepRows:
    """Rows of a step, in which all points are different.

    Taylor mode goes along the axes of the latent space where these are fewer rows than directions.
    """
    dim, edges = net.widths[-1], batch_size * sampled
    pairs = dim * (dim + 1) // 2 if order == 2 else 0
    along_axes = 0 < batch_size * (dim + pairs) <= order * edges
    first, second = (batch_size * dim, batch_size * pairs) if along_axes else (edges, edges)
    if order == 1 or not net.smooth:
        pairs = second = 0
    monomials = dim + pairs if along_axes else 0
    return StepRows(batch_size + edges, batch_size, first, second, monomials)


def training_step(net: Network, batch_size: int, sampled: int = 1, order: int = 1) -> Work:
    """A step of NRAE: forward, backward, and Adam.

    A product costs two FLOPs for each row and weight, its gradients twice that; the first layer of
    the encoder needs none of its input. Second derivatives begin behind the first activation.
    """
    rows = step_rows(net, batch_size, sampled, order)
    widths, edges = net.widths, batch_size * (1 + sampled)
    flops = 2.0 * rows.encoded * (3 * net.weights - widths[0] * widths[1])
    flops += 6.0 * (rows.values + rows.first) * net.weights
    flops += 6.0 * rows.second * (net.weights - widths[-1] * widths[-2])
    flops += 6.0 * edges * rows.monomials * widths[0]
    decoded = rows.values + rows.first + rows.second
    rows_of_units = rows.encoded * sum(widths[1:]) + decoded * sum(widths[:-1])
    moved = 4.0 * _PASSES * rows_of_units + _ADAM_BYTES * net.parameters
    moved += 4.0 * 6 * edges * widths[0]  # gathered, subtracted, squared
    memory = 16.0 * net.parameters + 4 * 4 * rows_of_units
    return Work(flops, moved, memory, {"steps": 1})


def usual_steps(num: int, batch_size: int | None = None) -> int:
    """The number of steps of a fit."""
    size = usual_batch_size(num) if batch_size is None else batch_size
    return usual_epochs(num, size) * math.ceil(num / size)


def training_on(
    num: int, net: Network, k: int, batch_size: int, steps: int, sampled: int = 1, order: int = 1
) -> Work:
    """Some steps in one process, with the points and the graph that it holds."""
    one = training_step(net, batch_size, sampled, order)
    held = 4 * num * net.widths[0] + 16 * num * k + _EPOCH_BYTES * num
    return Work(steps * one.flops, steps * one.moved, one.memory + held, {"steps": steps})


def training(num: int, dim: int, k: int = 10) -> Work:
    """All steps of a fit with the estimator's parameters."""
    size = usual_batch_size(num)
    return training_on(num, usual_network(dim), k, size, usual_steps(num, size))


def embedding(num: int, net: Network) -> Work:
    """Encoding of points from a file to a file, in blocks.

    A point is read from the file, centered and scaled, and goes through the encoder forward.
    """
    rows = min(num, _BLOCK_ROWS, max(1, _BLOCK_VALUES // net.widths[0]))
    copies = 4.0 * 8 * net.widths[0]  # read, checked, centered, scaled
    moved = num * (copies + 4.0 * 4 * sum(net.widths[1:]))
    memory = 4.0 * rows * 5 * net.widths[0] + 4 * net.parameters
    return Work(2.0 * num * net.weights, moved, memory, {"points": num})


def disk_bytes(num: int, values: Sequence[int]) -> float:
    """Bytes of files of float32 rows."""
    return 4.0 * num * sum(values)


def all_reduce_bytes(parameters: int, ranks: int) -> float:
    """Bytes that each of some ranks sends when they add up their gradients in a ring."""
    return 4.0 * parameters * 2 * (ranks - 1) / ranks


def sharded_exact_flops(num: int, dim: int, ranks: int) -> float:
    """FLOPs of each rank where queries are divided, and a pair is multiplied for both its ends."""
    full = exact_graph(num, dim).flops
    return full if ranks == 1 else 2 * full / ranks

"""The formulas carried on: to a billion points, on one thread and on 1 to 64 GPUs.

Nothing here is measured on a GPU. Peaks are those that NVIDIA gives for the `H100 SXM
<https://www.nvidia.com/en-us/data-center/h100/>`_ (dense, half of what it gives with sparsity) and
the `DGX H100 <https://docs.nvidia.com/dgx/dgxh100-user-guide/introduction-to-dgxh100.html>`_; the
share of them that is reached, latencies and the disk are assumptions.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from _cost_fit import Coefficients, seconds
from _cost_formulas import (
    PROBES,
    Network,
    Work,
    all_reduce_bytes,
    cells,
    disk_bytes,
    disk_ivf_graph,
    embedding,
    exact_graph,
    exact_graph_on_manifold,
    hnsw_graph,
    ivf_graph,
    start,
    training,
    training_step,
    usual_network,
    usual_steps,
)
from _report import Table

DIM, K = 100, 10
SIZES = (10**6, 10**7, 10**8, 10**9)
RANKS = (1, 8, 64)
BATCH = 1024


class Device(NamedTuple):
    """A GPU among others: peaks in FLOP/s and bytes/s, memory in bytes, latencies in seconds."""

    bfloat16: float = 989e12
    float32: float = 67e12
    bandwidth: float = 3.35e12
    memory: float = 80e9
    nvlink: float = 450e9  # in each direction, within a node
    network: float = 50e9  # in each direction, 400 Gb/s for each GPU
    pcie: float = 64e9  # in each direction
    per_node: int = 8
    # Assumptions from here on.
    compute_share: float = 0.4
    bandwidth_share: float = 0.7
    latency: float = 20e-6  # of a collective operation, for each of its log2 P rounds
    disk: float = 10e9  # of each node

    def link(self, ranks: int) -> float:
        """Bytes/s from a rank to the next: the slowest link of the ring decides."""
        return self.bandwidth_share * (self.nvlink if ranks <= self.per_node else self.network)

    def nodes(self, ranks: int) -> int:
        """The number of machines."""
        return math.ceil(ranks / self.per_node)

    def roofline(self, flops: float, moved: float, peak: float) -> float:
        """Seconds of work that computes and moves at the same time."""
        return max(
            flops / (self.compute_share * peak), moved / (self.bandwidth_share * self.bandwidth)
        )


H100 = Device()


def exact_seconds(num: int, ranks: int, device: Device = H100) -> float:
    """The exact search, queries divided over ranks: then a pair is multiplied for both its ends."""
    work, twice = exact_graph(num, DIM, K), 1 if ranks == 1 else 2
    share = twice / ranks
    each = device.roofline(share * work.flops, share * work.moved, device.bfloat16)
    return each + _everywhere(num, ranks, device)


def sharded_ivf_seconds(num: int, ranks: int, device: Device = H100) -> float:
    """Inverted files of N / P points on P ranks, each of which every query looks into."""
    shard = num // ranks
    build = ivf_graph(shard, DIM, K)
    compared = 2.0 * DIM * num * cells(shard)
    scanned = 4.0 * DIM * num * PROBES * shard / cells(shard)
    work = device.roofline(build.flops, 0, device.float32)
    work += device.roofline(compared, scanned, device.float32)
    return work + _everywhere(num, ranks, device)


def _everywhere(num: int, ranks: int, device: Device) -> float:
    """Points from disk to their ranks, and all of them to each rank."""
    size = disk_bytes(num, [DIM])
    read = size / (device.nodes(ranks) * device.disk)
    return read + size * (ranks - 1) / ranks / device.link(ranks)


class Step(NamedTuple):
    """Seconds of the parts of a training step on P ranks."""

    host: float
    compute: float
    transfer: float
    all_reduce: float

    @property
    def total(self) -> float:
        """Python prepares a step while the device computes the one before it."""
        return max(self.host, self.compute + self.transfer) + self.all_reduce


def step_seconds(
    net: Network, batch_size: int, ranks: int, host: float, device: Device = H100
) -> Step:
    """A step of DDP with so many centers on each rank; rows come from the host's memory."""
    work = training_step(net, batch_size)
    rows = 4.0 * net.widths[0] * 2 * batch_size
    reduced = 0.0
    if ranks > 1:
        reduced = all_reduce_bytes(net.parameters, ranks) / device.link(ranks)
        reduced += device.latency * math.log2(ranks)
    compute = device.roofline(work.flops, work.moved, device.float32)
    return Step(host, compute, rows / (device.bandwidth_share * device.pcie), reduced)


def training_seconds(num: int, ranks: int, host: float, device: Device = H100) -> float:
    """The usual number of steps where each rank has the largest usual batch."""
    net = usual_network(DIM)
    return usual_steps(num, BATCH * ranks) * step_seconds(net, BATCH, ranks, host, device).total


def embedding_seconds(num: int, ranks: int, device: Device = H100) -> float:
    """Blocks of points from disk through the encoder and back: the slowest of the three."""
    net = usual_network(DIM)
    work = embedding(num // ranks, net)
    compute = device.roofline(work.flops, work.moved, device.float32)
    size = disk_bytes(num, [DIM, net.widths[-1]])
    transfer = size / ranks / (device.bandwidth_share * device.pcie)
    return max(compute, transfer, size / (device.nodes(ranks) * device.disk))


def one_thread(num: int) -> dict[str, Work]:
    """The work of each measured stage at a size, as the estimator chooses it."""
    return {
        "exact graph": exact_graph(num, DIM, K),
        "exact graph, manifold": exact_graph_on_manifold(num, DIM, K),
        "IVF graph": ivf_graph(num, DIM, K),
        "IVF graph, on disk": disk_ivf_graph(num, DIM, K),
        "HNSW graph": hnsw_graph(num, DIM, K),
        "start": start(num, DIM, K),
        "training": training(num, DIM, K),
        "embedding": embedding(num, usual_network(DIM)),
    }


def duration(amount: float) -> str:
    """Seconds in the largest unit of which there are two at least, with two digits."""
    units = {"years": 31557600, "days": 86400, "h": 3600, "min": 60, "s": 1}
    name = next((name for name, size in units.items() if amount >= 2 * size), "s")
    return f"{_two_digits(amount / units[name])} {name}"


def _two_digits(number: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(number))) if number > 0 else 0
    return f"{round(number, 1 - math.floor(math.log10(number))):.{digits}f}" if number else "0"


def projections(fitted: dict[str, Coefficients]) -> list[Table]:
    """Time on one thread, memory, FLOPs and bytes of each stage, and time on GPUs."""
    sizes = ["1 million", "10 million", "100 million", "1 billion"]
    time = Table("Extrapolated: time with one thread", ["one thread", *sizes])
    held = Table("Formulas: gigabytes held", ["gigabytes held", *sizes])
    columns = [f"{unit}, {size}" for unit in ("TFLOP", "GB moved") for size in sizes]
    costs = Table("Formulas: FLOPs and bytes moved", ["stage", *columns])
    works = [one_thread(num) for num in SIZES]
    for stage in works[0]:
        each = [work[stage] for work in works]
        if stage in fitted:
            time.add(stage, *(duration(seconds(work, fitted[stage])) for work in each))
        held.add(stage, *(_two_digits(work.memory / 1e9) for work in each))
        costs.add(
            stage,
            *(work.flops / 1e12 if work.flops else None for work in each),
            *(work.moved / 1e9 if work.moved else None for work in each),
        )
    found = [time, held, costs]
    if {"start", "training"} <= fitted.keys():
        found.append(_on_gpus(fitted, sizes))
    return found


def _on_gpus(fitted: dict[str, Coefficients], sizes: list[str]) -> Table:
    host = fitted["training"]["steps"]
    table = Table("Assumed: time on 1 / 8 / 64 H100", ["on 1 / 8 / 64 GPUs", *sizes])

    def add(stage: str, time: Callable[[int, int], float]) -> None:
        cells = [[duration(time(num, ranks)) for ranks in RANKS] for num in SIZES]
        table.add(stage, *(" / ".join(each) for each in cells))

    add("exact graph", exact_seconds)
    add("sharded IVF graph", sharded_ivf_seconds)
    on_processor = [duration(seconds(start(num, DIM, K), fitted["start"])) for num in SIZES]
    table.add("start (on a processor)", *on_processor)
    add("training", lambda num, ranks: training_seconds(num, ranks, host))
    add("embedding", embedding_seconds)
    return table

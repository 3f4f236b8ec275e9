"""The formulas of the cost model against counted operations, and what is made of them."""

import json
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode, flop_registry
from torch_geometric.data import Data

from nrae_geometric import NRAE, mlp
from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import BinaryKernel

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


class CountedProducts(TorchDispatchMode):
    """Counts as FlopCounterMode does, without its hooks of modules.

    A decoder with hooks is expanded by nested differentiation, which computes more.
    """

    flops = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if (count := flop_registry.get(func.overloadpacket)) is not None:
            self.flops += count(*args, **(kwargs or {}), out_val=out)
        return out


def counted_step(widths, activation, batch_size, sampled, order):
    """FLOPs of a step's products, on centers and neighbors that are all different."""
    num = batch_size * (1 + sampled)
    x = torch.rand(num, widths[0])
    neighbor = torch.arange(batch_size, num)
    center = torch.arange(batch_size)
    edges = torch.stack(
        [torch.cat([center, neighbor]), torch.cat([center, center.repeat_interleave(sampled)])]
    )
    batch = Data(x=x, edge_index=edges[:, edges[1].argsort(stable=True)], batch_size=batch_size)
    model = NRAE(mlp(widths, activation), mlp(widths[::-1], activation), order, BinaryKernel(0.2))
    with CountedProducts() as counter:
        model.loss(batch).backward()
    return counter.flops


@pytest.mark.parametrize("sampled", [1, 2, 10])
@pytest.mark.parametrize("latent", [1, 2, 5])
@pytest.mark.parametrize(("order", "activation"), [(1, "relu"), (1, "elu"), (2, "elu")])
def test_flops_of_a_step_are_those_counted(order, activation, latent, sampled):
    from _cost_formulas import Network, training_step

    widths = (20, 32, 24, latent)
    net = Network(widths, smooth=activation == "elu")
    counted = counted_step(widths, activation, 16, sampled, order)
    assert training_step(net, 16, sampled, order).flops == pytest.approx(counted, rel=0.02)


def test_flops_of_an_embedding_are_those_counted():
    from _cost_formulas import Network, embedding

    net = Network((20, 32, 24, 2))
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        mlp(net.widths, "relu")(torch.rand(50, 20))
    assert embedding(50, net).flops == counter.get_total_flops()


def test_parameters_are_those_of_the_networks():
    from _cost_formulas import usual_network

    net = usual_network(100)
    networks = mlp(net.widths, "relu"), mlp(net.widths[::-1], "relu")
    counted = sum(p.numel() for network in networks for p in network.parameters())
    assert net.parameters == counted


def test_products_of_the_exact_search_are_those_counted():
    from _cost_formulas import exact_graph

    from nrae_geometric.neighbors.backends.torch import TorchBackend

    num, dim = 4096, 32
    x = torch.randn(num, dim, generator=torch.Generator().manual_seed(0))
    TorchBackend(block_size=512).search(x[:2000], 5, None)  # measures the faster type
    with FlopCounterMode(display=False) as counter:
        TorchBackend(block_size=512).search(x, 5, None)
    # Tiles on the diagonal are multiplied whole, and the order has some products of its own. In
    # float32 a norm has one piece in place of three.
    assert counter.get_total_flops() == pytest.approx(exact_graph(num, dim).flops, rel=0.3)


def test_points_and_edges_of_a_step_are_those_of_the_loader():
    from _cost_formulas import Network, step_rows

    num = 5000
    data = Data(x=torch.rand(num, 4))
    target = torch.arange(num).repeat_interleave(10)
    data.edge_index = torch.stack([torch.randint(num, target.shape), target])
    batch = next(iter(NeighborhoodLoader(data, 1, batch_size=64, shuffle=True)))
    rows = step_rows(Network((4, 8, 2)), 64, 1, 1)
    assert batch.num_nodes == pytest.approx(rows.encoded, rel=0.1)
    assert rows[1:] == (64, 64, 0, 0)


def test_fit_finds_the_times_that_measurements_were_made_of():
    from _cost_fit import fit_stage, seconds
    from _cost_formulas import Work

    true = {"flops": 2e-11, "moved": 1e-10, "steps": 3e-3}
    works = [Work(f, m, 0, {"steps": s}) for f, m, s in ((1e9, 1e7, 1), (1e8, 1e8, 1), (1e9, 1, 9))]
    found = fit_stage(works, [seconds(work, true) for work in works])
    assert found == pytest.approx(true)


def test_more_points_and_fewer_devices_take_no_less():
    from _cost_devices import (
        RANKS,
        SIZES,
        embedding_seconds,
        exact_seconds,
        sharded_ivf_seconds,
        training_seconds,
    )

    for stage in (embedding_seconds, exact_seconds, sharded_ivf_seconds):
        for ranks in RANKS:
            times = [stage(num, ranks) for num in SIZES]
            assert times == sorted(times)
        assert stage(10**9, 64) < stage(10**9, 1)
    assert training_seconds(10**9, 64, 3e-3) < training_seconds(10**9, 1, 3e-3) / 32
    # A fit has 400 steps at least, and a step the time that Python takes.
    assert training_seconds(10**6, 64, 3e-3) >= 400 * 3e-3


def test_exact_search_on_two_ranks_computes_as_much_on_each_as_on_one():
    from _cost_formulas import all_reduce_bytes, exact_graph, sharded_exact_flops

    assert sharded_exact_flops(1000, 10, 1) == exact_graph(1000, 10).flops
    assert sharded_exact_flops(1000, 10, 2) == exact_graph(1000, 10).flops
    assert all_reduce_bytes(1000, 1) == 0
    assert all_reduce_bytes(1000, 4) == 6000


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0.0051, "0.0051 s"),
        (0.07, "0.070 s"),
        (119, "120 s"),
        (121, "2.0 min"),
        (7.3e9, "230 years"),
    ],
)
def test_times_are_in_a_unit_that_fits(amount, text):
    from _cost_devices import duration

    assert duration(amount) == text


def test_record_makes_tables_and_picture():
    from _cost_devices import projections
    from _cost_figure import draw
    from _cost_fit import CHECKS, fit, predictions, seconds, tables
    from _cost_runs import RUNS, STAGES

    times = {
        "flops": 1e-11,
        "moved": 1e-10,
        "points": 1e-6,
        "values": 1e-8,
        "near": 1e-9,
        "tiles": 1e-5,
    }
    times |= {"candidates": 1e-7, "steps": 1e-6, "edges": 1e-6, "visits": 1e-8}
    record = {}
    for run in RUNS:
        exact = seconds(STAGES[run.stage].work(run), times)
        record[run.key] = {"seconds": [2 * exact, exact], "memory": None}
    assert len(record) == len(RUNS)
    made = {table.title: table for table in tables(json.loads(json.dumps(record)))}
    assert len(made[CHECKS].rows) == sum(run.held_out for run in RUNS)
    assert all(row[5] == "yes" for row in made[CHECKS].rows)
    fitted = fit(record)
    on_a_thread, held, costs, on_gpus = projections(fitted)
    assert [row[0] for row in on_a_thread.rows] == list(STAGES)
    assert len(held.rows) == len(costs.rows) == len(STAGES)
    assert on_gpus.rows[0][0] == "exact graph"
    assert all(len(cell.split(" / ")) == 3 for cell in on_gpus.rows[0][1:])
    figure = draw(predictions(record, fitted), fitted)
    assert [axes.get_xlabel() for axes in figure.axes] == ["points", "predicted ÷ measured"]
    assert fit({}) == {}

"""Exact search finds the nearest points, and their distances, for finite points of any magnitude.

The reference is :func:`math.dist`, which takes no squares that could overflow or vanish.
"""

import math

import pytest
import torch

from nrae_geometric.geodesics import geodesic_coordinates
from nrae_geometric.neighbors import TorchBackend, available_backends, knn, knn_graph

# Each with so many points that it works in several blocks, strips, tiles or leaves.
EXACT = {
    "torch": ("torch", (1000, 9)),
    "torch in tiles": (TorchBackend(32), (250, 9)),
    "scipy": ("scipy", (400, 3)),
    "torch_cluster": ("torch_cluster", (400, 3)),
    "faiss": ("faiss", (400, 9)),
}
K = 5


def _points(kind: str, num_points: int, dim: int, dtype: torch.dtype) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(num_points, dim, generator=generator, dtype=torch.float64)
    uniform = torch.rand(num_points, dim, generator=generator, dtype=torch.float64)
    info = torch.finfo(dtype)
    low, high = math.log10(info.smallest_normal * info.eps), math.log10(info.max)
    name, _, number = kind.rpartition(" ") if kind[-1].isdigit() else (kind, "", "")
    value = float(number) if number else 0.0
    if name == "scale":
        x = normal * value
    elif name == "far":
        x = normal.index_fill(0, torch.tensor([17]), value)
    elif name == "several far":
        x = torch.where(uniform[:, :1] < 0.02, normal * value, normal)
    elif name == "lognormal":
        x = (value * normal).exp()
    elif name == "mixed":
        x = normal.sign() * 10 ** (low + (high - low) * uniform)
    elif name == "mixed-rows":
        x = normal * 10 ** (low + (high - 2 - low) * uniform[:, :1])
    elif name == "smallest":
        x = (1000 * normal).round() * info.smallest_normal * info.eps
    elif name == "largest":
        x = (2 * uniform - 1) * info.max
    elif name == "two-scales":
        x = normal * 10 ** torch.where(uniform[:, :1] < 0.5, 0.7 * low, 0.7 * high).double()
    elif name == "duplicates":
        x = normal.round()
        x[5], x[6:9] = value, 1 / value
    else:
        raise AssertionError(kind)
    return x.clamp(-info.max, info.max).to(dtype)


KINDS = [
    "scale 1e-40",
    "scale 1e-160",
    "scale 1e-320",
    "scale 1e30",
    "scale 1e160",
    "scale 1e307",
    "far 1e18",
    "far 1e22",
    "far 9.96921e36",
    "far 1e200",
    "several far 1e30",
    "lognormal 15",
    "lognormal 40",
    "lognormal 170",
    "mixed",
    "mixed-rows",
    "smallest",
    "largest",
    "two-scales",
    "duplicates 1e30",
]


def _check(x: torch.Tensor, query: torch.Tensor | None, backend: str | TorchBackend) -> None:
    distance, index = knn(x, K, query, backend=backend)

    points = x.double().tolist()
    queries = points if query is None else query.double().tolist()
    for row in range(0, len(queries), len(queries) // 10):
        expected = [math.dist(queries[row], point) for point in points]
        found = [expected[i] for i in index[row]]
        others = expected[:row] + expected[row + 1 :] if query is None else expected
        assert len(set(index[row].tolist())) == K
        assert query is not None or row not in index[row]
        assert found == pytest.approx(sorted(others)[:K], rel=1e-12, abs=0)
        # Rounded to the type, where that is infinite beyond the largest number.
        rounded = torch.tensor(found, dtype=torch.float64).to(x.dtype)
        torch.testing.assert_close(distance[row], rounded, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_neighbors_and_distances_are_those_of_a_slow_reference(kind, dtype, name):
    backend, shape = EXACT[name]
    reason = available_backends().get(name)
    if reason is not None:
        pytest.skip(reason)
    x = _points(kind, *shape, dtype)
    _check(x, None, backend)
    _check(x[:-10], x[-200:], backend)


@pytest.mark.parametrize("scale", [1e-310, 1e300])
@pytest.mark.parametrize("name", ["torch", "torch in tiles", "scipy"])
def test_the_unit_changes_neither_the_neighbors_nor_their_order(name, scale):
    # Products with a power of two are exact.
    x = (8 * _points("scale 1", *EXACT[name][1], torch.float64)).round()
    unit = 2.0 ** math.floor(math.log2(scale))

    assert torch.equal(
        knn(x * unit, K, backend=EXACT[name][0])[1], knn(x, K, backend=EXACT[name][0])[1]
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["smallest", "mixed-rows", "largest", "scale 1e30"])
def test_angles_do_not_depend_on_lengths(kind, dtype):
    x = _points(kind, 1000, 9, dtype)
    x = x[(x != 0).any(dim=1)]
    exponents = [math.frexp(max(map(abs, row)))[1] for row in x.tolist()]
    rows = [
        [math.ldexp(value, -exponent) for value in row]
        for row, exponent in zip(x.tolist(), exponents, strict=True)
    ]
    unit = torch.nn.functional.normalize(torch.tensor(rows, dtype=torch.float64))

    distance, index = knn(x, K, metric="cosine")

    expected = (unit.unsqueeze(1) - unit[index]).square().sum(dim=2) / 2
    nearest = torch.cdist(unit, unit).fill_diagonal_(torch.inf).square() / 2
    torch.testing.assert_close(distance.double(), expected, rtol=1e-5, atol=1e-30)
    torch.testing.assert_close(expected, nearest.sort(dim=1).values[:, :K], rtol=1e-4, atol=1e-12)


@pytest.mark.parametrize("far", [1e22, 1e38])
def test_one_missing_value_left_in_wide_points_spoils_no_other_row(far):
    x = _points("far " + str(far), 3000, 64, torch.float32)
    others = torch.cat([x[:17], x[18:]])

    index = knn(x, 10)[1]

    expected = knn(others, 10)[1]
    expected += expected >= 17
    assert torch.equal(torch.cat([index[:17], index[18:]]), expected)


def test_graphs_of_a_batch_may_have_scales_of_their_own():
    x = _points("scale 1", 60, 3, torch.float64)
    scale = torch.tensor([1e-300, 1.0, 1e300], dtype=torch.float64).repeat_interleave(20)
    batch = torch.arange(3).repeat_interleave(20)

    edge_index = knn_graph(x * scale.unsqueeze(1), 4, batch=batch)

    assert torch.equal(edge_index, knn_graph(x, 4, batch=batch))


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_geodesic_coordinates_do_not_depend_on_the_unit(scale):
    # Products with a power of two are exact.
    unit = 2.0 ** math.floor(math.log2(scale))
    t = torch.linspace(0, 1, 80, dtype=torch.float64)
    curve = torch.stack([t, (6 * t).sin()], dim=1)
    x = ((torch.cat([curve, curve + 40]) * 1024).round() + 1).contiguous()
    edge_index = knn_graph(x, 6)

    found = geodesic_coordinates(x * unit, edge_index, 1)

    expected = geodesic_coordinates(x, edge_index, 1)
    assert found.num_components == expected.num_components == 2
    torch.testing.assert_close(found.z / unit, expected.z, rtol=1e-9, atol=1e-6)

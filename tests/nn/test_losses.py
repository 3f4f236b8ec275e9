"""The loss against an explicit loop over edges."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from nrae_geometric.nn import BinaryKernel, GaussianKernel, NeighborhoodReconstruction, mlp

ORDERS = st.sampled_from([1, 2])
KERNELS = [
    None,
    BinaryKernel(3.0),
    GaussianKernel(0.7),
    lambda x_center, x_neighbor: (x_center * x_neighbor).flatten(1).sum(1) ** 2,
]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[int, Tensor]:
    """Any edges: ragged, repeated, self edges among them, nodes without any."""
    num_nodes = draw(st.integers(1, 6))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), min_size=1, max_size=12))
    return num_nodes, torch.tensor(edges).T


def loss_of_each_edge(
    nested_autograd: Callable[..., Tensor],
    order: int,
    kernel: Callable[[Tensor, Tensor], Tensor] | None,
    decoder: nn.Module,
    z: Tensor,
    x: Tensor,
    edge_index: Tensor,
) -> Tensor:
    losses = []
    for neighbor, center in edge_index.T.tolist():
        dz = z[neighbor] - z[center]
        recon = nested_autograd(decoder, z[center, None], dz[None], order)[0]
        weight = 1 if kernel is None else kernel(x[center, None], x[neighbor, None])[0]
        losses.append(weight * ((x[neighbor] - recon) ** 2).sum())
    return torch.stack(losses)


def gradients(loss: Tensor, decoder: nn.Module, *inputs: Tensor) -> tuple[Tensor, ...]:
    inputs = (*decoder.parameters(), *inputs)
    return torch.autograd.grad(
        loss, inputs, retain_graph=True, allow_unused=True, materialize_grads=True
    )


@settings(deadline=None, max_examples=20)
@given(graphs(), ORDERS, st.sampled_from(KERNELS), st.booleans(), st.integers(0, 2**31))
def test_loss_equals_a_loop_over_edges(nested_autograd, graph, order, kernel, images, seed):
    torch.manual_seed(seed)
    num_nodes, edge_index = graph
    shape = (1, 2, 3) if images else (6,)
    decoder = nn.Sequential(mlp([2, 5, 6], "elu"), nn.Unflatten(1, shape)).double()
    z = torch.randn(num_nodes, 2).double().requires_grad_()
    x = torch.randn(num_nodes, *shape).double().requires_grad_()
    arguments = (decoder, z, x, edge_index)

    expected = loss_of_each_edge(nested_autograd, order, kernel, *arguments)

    for reduction, value in {
        "none": expected,
        "sum": expected.sum(),
        "mean": expected.mean(),
    }.items():
        loss = NeighborhoodReconstruction(order, kernel, reduction)(*arguments)
        torch.testing.assert_close(loss, value, rtol=1e-9, atol=1e-9)
        for pair in zip(
            gradients(loss.sum(), decoder, z, x), gradients(value.sum(), decoder, z, x), strict=True
        ):
            torch.testing.assert_close(*pair, rtol=1e-9, atol=1e-9)


@settings(deadline=None, max_examples=20)
@given(graphs(), ORDERS, st.data())
def test_edges_into_other_rows_than_the_centers_are_left_out(graph, order, data):
    num_nodes, edge_index = graph
    batch_size = data.draw(st.integers(int(edge_index[1].min()) + 1, num_nodes), "batch_size")
    decoder, z, x = mlp([2, 5, 3], "tanh"), torch.randn(num_nodes, 2), torch.randn(num_nodes, 3)
    criterion = NeighborhoodReconstruction(order, reduction="none")

    loss = criterion(decoder, z, x, edge_index, batch_size)

    counted = edge_index[:, edge_index[1] < batch_size]
    torch.testing.assert_close(loss, criterion(decoder, z, x, counted))


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("kernel", [None, BinaryKernel(100.0), GaussianKernel(0.1)])
def test_self_edges_are_plain_reconstruction(order, kernel):
    decoder, z, x = mlp([2, 5, 3], "tanh"), torch.randn(4, 2), torch.randn(4, 3)
    edge_index = torch.arange(4).expand(2, -1)
    loss = NeighborhoodReconstruction(order, kernel)(decoder, z, x, edge_index)
    torch.testing.assert_close(loss, 3 * nn.functional.mse_loss(decoder(z), x))


def test_self_edges_are_not_expanded():
    sizes = []

    def decoder(z: Tensor) -> Tensor:
        sizes.append(z.size(0))
        return z.sin()

    z = torch.randn(4, 16)
    edge_index = torch.arange(4).repeat(2, 5)
    NeighborhoodReconstruction(2)(decoder, z, z, edge_index)
    assert max(sizes) == 4  # the points once, and not their twenty self edges


def test_edges_between_coinciding_points_are_expanded():
    decoder, x = mlp([2, 5, 3], "tanh").double(), torch.randn(2, 3).double()
    z = torch.zeros(2, 2).double().requires_grad_()
    edge_index = torch.tensor([[1], [0]])
    NeighborhoodReconstruction(2)(decoder, z, x, edge_index).backward()
    assert z.grad[1].abs().sum() > 0


@pytest.mark.parametrize("order", [1, 2])
def test_linear_decoder_makes_the_expansion_the_reconstruction_of_the_neighbor(order):
    decoder, z, x = nn.Linear(2, 3), torch.randn(4, 2), torch.randn(4, 3)
    edge_index = torch.tensor([[0, 1, 2, 3, 0], [1, 0, 3, 2, 2]])
    loss = NeighborhoodReconstruction(order, reduction="none")(decoder, z, x, edge_index)
    torch.testing.assert_close(loss, (x - decoder(z)).square().sum(1)[edge_index[0]])


@pytest.mark.parametrize("batch_size", [None, 1])
def test_nothing_to_learn_is_refused(batch_size):
    edge_index = torch.tensor([[0], [1]]) if batch_size else torch.empty(2, 0, dtype=torch.long)
    x = torch.randn(2, 2)
    with pytest.raises(ValueError, match="edge_index holds no edge into a center"):
        NeighborhoodReconstruction()(nn.Identity(), x, x, edge_index, batch_size)


@pytest.mark.parametrize("edge_index", [[[0], [1]], [[0], [0]]])
def test_decoder_of_another_dimension_is_refused(edge_index):
    x = torch.randn(2, 3)
    with pytest.raises(ValueError, match=r"points of shape \(2,\), but x .* shape \(3,\)"):
        NeighborhoodReconstruction()(
            nn.Linear(1, 2), torch.randn(2, 1), x, torch.tensor(edge_index)
        )


@pytest.mark.parametrize("shape", [(4, 1), (1,), ()])
def test_kernel_must_return_one_weight_for_each_edge(shape):
    criterion = NeighborhoodReconstruction(1, lambda x_center, x_neighbor: torch.ones(shape))
    x, edge_index = torch.randn(4, 2), torch.tensor([[0, 1, 2, 3], [1, 0, 3, 2]])
    with pytest.raises(ValueError, match="one weight for each of 4 edges"):
        criterion(nn.Identity(), x, x, edge_index)


@pytest.mark.parametrize("latent_dim", [1, 8])
@pytest.mark.parametrize("num_edges", [4, 80])
@pytest.mark.parametrize("order", [1, 2])
def test_autocast_keeps_the_loss_near_full_precision(order, num_edges, latent_dim):
    torch.manual_seed(0)
    decoder = mlp([latent_dim, 8, 3], "elu")
    z, x = torch.randn(6, latent_dim), torch.randn(6, 3)
    edge_index = torch.randint(6, (2, num_edges))
    arguments = (decoder, z, x, edge_index)
    criterion = NeighborhoodReconstruction(order)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = criterion(*arguments)

    torch.testing.assert_close(loss, criterion(*arguments), rtol=0.05, atol=0)


@pytest.mark.parametrize("order", [0, 3, "2"])
def test_order_other_than_one_or_two_is_refused(order):
    with pytest.raises(ValueError, match="order must be 1 or 2"):
        NeighborhoodReconstruction(order)


def test_unknown_reduction_is_refused():
    with pytest.raises(
        ValueError, match="unknown reduction 'max'; choose one of 'mean', 'sum', 'none'"
    ):
        NeighborhoodReconstruction(reduction="max")


def test_settings_are_shown():
    text = repr(NeighborhoodReconstruction(2, BinaryKernel(5.0), "sum"))
    assert "order=2, reduction='sum'" in text
    assert "BinaryKernel(weight=5.0)" in text

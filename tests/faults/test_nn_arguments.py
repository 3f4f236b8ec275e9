"""Guarantee: what encoders, decoders, expansion and loss cannot take is refused by name."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch_geometric import EdgeIndex
from torch_geometric.data import Data

from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.nn import (
    AE,
    NRAE,
    BinaryKernel,
    GaussianKernel,
    NeighborhoodReconstruction,
    jacobian,
    mlp,
    taylor_expand,
)

Z, DZ = torch.zeros(3, 2), torch.zeros(6, 2)
X, EDGES = torch.zeros(3, 4), torch.tensor([[0, 1, 2], [1, 2, 0]])
DECODER = nn.Linear(2, 4)


def expand(z: Tensor = Z, dz: Tensor = DZ, order: int = 1, index: object = None) -> Tensor:
    return taylor_expand(DECODER, z, dz, order, index)


def loss(
    z: Tensor = Z, x: Tensor = X, edges: object = EDGES, size: object = None, **options: object
) -> Tensor:
    return NeighborhoodReconstruction(**options)(DECODER, z, x, edges, size)


def autoencoder(encoder: nn.Module, decoder: nn.Module | None = None) -> AE:
    return AE(encoder, decoder or nn.Linear(1, 4))


class Returns(nn.Module):
    def __init__(self, output: object) -> None:
        super().__init__()
        self.output = output

    def forward(self, x: Tensor) -> object:
        return self.output(x)


OWNERS = torch.arange(6) % 3
REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "index too large": (lambda: expand(index=OWNERS + 1), r"index names row 3 \(at 2\)"),
    "negative index": (lambda: expand(index=OWNERS - 1), r"index names row -1 \(at 0\)"),
    "index of floats": (lambda: expand(index=OWNERS.float()), "as integers, got torch.float32"),
    "index of booleans": (lambda: expand(index=OWNERS > 0), "got torch.bool; use mask.nonzero"),
    "index too short": (lambda: expand(index=OWNERS[:5]), r"index must be \[6\] to match dz"),
    "index of two dimensions": (lambda: expand(index=OWNERS[:, None]), r"index must be \[6\]"),
    "index elsewhere": (lambda: expand(index=OWNERS.to("meta")), "index is on meta"),
    "index as a word": (lambda: expand(index="all"), "index must be a tensor of integers, got str"),
    "order 3": (lambda: expand(order=3), "order must be 1 or 2, got 3"),
    "order as a word": (lambda: expand(order="2"), "order must be 1 or 2, got '2'"),
    "order of a flag": (lambda: expand(order=True), "order must be 1 or 2, got True"),
    "order of a fraction": (lambda: expand(order=1.0), "order must be 1 or 2, got 1.0"),
    "order of the loss": (lambda: loss(order=0), "order must be 1 or 2, got 0"),
    "order of a model": (lambda: NRAE(DECODER, DECODER, "2"), "order must be 1 or 2"),
    "points of another type": (lambda: expand(z=Z.double()), "dz is of torch.float32"),
    "directions of another type": (lambda: expand(dz=DZ.half()), "dz is of torch.float16"),
    "points elsewhere": (lambda: expand(z=Z.to("meta")), "on cpu, but z of torch.float32 on meta"),
    "points of integers": (lambda: expand(z=Z.long()), "z must hold floating-point values"),
    "directions as an array": (lambda: expand(dz=DZ.numpy()), "dz must be a tensor, got ndarray"),
    "directions of another shape": (lambda: expand(dz=DZ[:, :1]), "dz must be .* point shape"),
    "uneven directions": (lambda: expand(dz=DZ[:5]), "cannot be shared evenly by 3 points"),
    "directions of no point": (lambda: expand(z=Z[:0]), "leave from no point"),
    "one number": (lambda: expand(z=torch.tensor(1.0)), "z must have a row for each point"),
    "Jacobian of integers": (lambda: jacobian(DECODER, Z.long()), "z must hold floating-point"),
    "reduction": (
        lambda: loss(reduction="max"),
        "unknown reduction 'max'; choose one of 'mean', 'sum', 'none'",
    ),
    "kernel as a word": (lambda: loss(kernel="binary"), "kernel must be a function"),
    "kernel of one number": (lambda: loss(kernel=lambda a, b: 1.0), "one weight for each of 3"),
    "edges of booleans": (lambda: loss(edges=EDGES > 0), "got torch.bool"),
    "edges of floats": (lambda: loss(edges=EDGES.float()), "got torch.float32"),
    "edges of another shape": (lambda: loss(edges=EDGES.T), r"shape \[2, num_edges\]"),
    "edge from nowhere": (lambda: loss(edges=EDGES + 1), r"edge_index names row 3 \(at \[0, 2\]"),
    "negative edge": (lambda: loss(edges=EDGES - 1), "edge_index names row -1"),
    "edges of nothing": (lambda: loss(edges=None), "edge_index must be a tensor of integers"),
    "no edge": (lambda: loss(edges=EDGES[:, :0]), "no edge into a center"),
    "latents too few": (lambda: loss(z=Z[:2]), "z has 2 rows on cpu, but x has 3 on cpu"),
    "latents of integers": (lambda: loss(z=Z.long()), "z must hold floating-point values"),
    "points of another shape": (lambda: loss(x=X[:, :3]), "decoder returns points of shape"),
    "points as a list": (lambda: loss(x=[1.0]), "x must be a tensor, got list"),
    "no centers": (lambda: loss(size=0), "batch_size must be at least 1, got 0"),
    "half a center": (lambda: loss(size=1.5), "batch_size must be an integer, got 1.5"),
    "weight as a word": (lambda: BinaryKernel("10"), "weight must be a number, got '10'"),
    "infinite weight": (lambda: BinaryKernel(np.inf), "weight must be finite"),
    "bandwidth as a list": (lambda: GaussianKernel([1]), "bandwidth must be a number"),
    "no bandwidth": (lambda: GaussianKernel(None), "bandwidth must be a number, got None"),
    "unknown activation": (lambda: mlp([2, 3, 1], "Swish"), "unknown .* choose one of 'relu', "),
    "empty activation": (lambda: mlp([2, 3, 1], "elu", ""), "unknown activation ''"),
    "activation without a layer": (lambda: mlp([2, 1], ["elu"]), "as many activations"),
    "activation as a function": (lambda: mlp([2, 3, 1], lambda: torch.relu), "builds no module"),
    "width of a fraction": (lambda: mlp([2, 3.5, 1], "elu"), "must be an integer, got 3.5"),
    "unknown start": (lambda: EmbeddingStart("umap"), "init must be 'geodesic', 'pca'"),
    "steps of a fraction": (lambda: EmbeddingStart(num_steps=2.5), "num_steps must be an integer"),
    "rate as a word": (lambda: EmbeddingStart(lr="1e-3"), "lr must be a number"),
    "encoder of two tensors": (
        lambda: autoencoder(Returns(lambda x: (x, x))).encode(X),
        "Returns returns a tuple of 2",
    ),
    "encoder of a dictionary": (
        lambda: autoencoder(Returns(lambda x: {"mean": x})).encode(X),
        "Returns returns a dict of 1",
    ),
    "encoder of a line": (
        lambda: autoencoder(Returns(lambda x: x[:, 0])).encode(X),
        r"latents of shape \[3\]; it must return coordinates for each point, \[3, d\]",
    ),
    "encoder of all points": (
        lambda: autoencoder(Returns(lambda x: x.mean(0))).encode(X),
        r"returns values of shape \[4\] for 3 rows",
    ),
    "decoder of two tensors": (
        lambda: AE(nn.Linear(4, 1), Returns(lambda z: (z, z))).loss(Data(x=X)),
        "Returns returns a tuple of 2",
    ),
    "expanded decoder of two tensors": (
        lambda: NRAE(nn.Linear(4, 1), Returns(lambda z: (z, z))).loss(Data(x=X, edge_index=EDGES)),
        "Returns returns a tuple of 2",
    ),
    "decoder of another shape": (
        lambda: AE(nn.Linear(4, 1), nn.Linear(1, 3)).loss(Data(x=X)),
        r"decoder returns points of shape \(3,\)",
    ),
    "points of double precision": (
        lambda: autoencoder(nn.Linear(4, 1)).encode(X.double()),
        "Linear has parameters of torch.float32 on cpu, but was given values of torch.float64",
    ),
    "points as an array": (
        lambda: autoencoder(nn.Linear(4, 1)).encode(X.numpy()),
        "x must be a tensor, got ndarray",
    ),
    "complex points": (
        lambda: autoencoder(nn.Linear(4, 1)).encode(X + 1j),
        "x must be real, got torch.complex64",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name):
    call, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert re.search(message, str(caught.value))


SAME: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
    "index of few bits": (lambda: expand(index=OWNERS.int()), lambda: expand(index=OWNERS)),
    "index of NumPy": (lambda: expand(index=OWNERS.numpy()), lambda: expand(index=OWNERS)),
    "order of NumPy": (lambda: expand(order=np.int64(2)), lambda: expand(order=2)),
    "edges of NumPy": (lambda: loss(edges=EDGES.numpy()), loss),
    "edges of few bits": (lambda: loss(edges=EDGES.int()), loss),
    "edges of PyG": (lambda: loss(edges=EdgeIndex(EDGES)), loss),
    "number of centers of NumPy": (lambda: loss(size=np.int64(2)), lambda: loss(size=2)),
    "points of integers": (lambda: loss(x=X.long()), loss),
    "points with a history": (lambda: loss(x=X.clone().requires_grad_() * 1), loss),
    "weight of NumPy": (
        lambda: loss(kernel=BinaryKernel(np.float32(3))),
        lambda: loss(kernel=BinaryKernel(3.0)),
    ),
    "weight of PyTorch": (
        lambda: loss(kernel=BinaryKernel(torch.tensor(3))),
        lambda: loss(kernel=BinaryKernel(3.0)),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_other_kinds_of_numbers_are_the_same(name):
    given, plain = SAME[name]
    torch.testing.assert_close(given(), plain())


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool])
@pytest.mark.parametrize("build", [AE, NRAE])
def test_integers_are_points(build, dtype):
    torch.manual_seed(0)
    model = build(mlp([4, 3, 1], "elu"), mlp([1, 3, 4], "elu"))
    x = (torch.rand(3, 4) * 3).to(dtype)
    batch, floats = Data(x=x, edge_index=EDGES), Data(x=x.float(), edge_index=EDGES)
    assert torch.equal(model.loss(batch), model.loss(floats))


def test_encoder_that_embeds_is_given_integers():
    encoder = nn.Sequential(nn.Embedding(5, 2), nn.Flatten(), nn.Linear(8, 1))
    model = AE(encoder, nn.Linear(1, 4))
    model.loss(Data(x=torch.randint(5, (3, 4)))).backward()
    assert encoder[0].weight.grad is not None


def test_single_tensor_in_a_tuple_is_taken():
    linear = nn.Linear(4, 1)
    model = AE(Returns(lambda x: (linear(x), None)), Returns(lambda z: [z.expand(-1, 4)]))
    assert torch.equal(model(X), linear(X).expand(-1, 4))

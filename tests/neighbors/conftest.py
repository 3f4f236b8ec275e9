from collections.abc import Callable

import pytest
import torch
from scipy.spatial.distance import cdist
from torch import Tensor

from nrae_geometric.neighbors import available_backends


@pytest.fixture(params=["auto", *available_backends()])
def backend(request: pytest.FixtureRequest) -> str:
    """Every backend that this machine has."""
    reason = available_backends().get(request.param)
    if reason is not None:
        pytest.skip(reason)
    return request.param


@pytest.fixture
def brute_force() -> Callable[..., tuple[Tensor, Tensor]]:
    """All distances by direct float64 differences, sorted; ties to the lower index."""

    def search(x: Tensor, k: int, query: Tensor | None = None) -> tuple[Tensor, Tensor]:
        target = x.flatten(1).double()
        queries = target if query is None else query.flatten(1).double()
        distance = torch.from_numpy(cdist(queries.numpy(), target.numpy()))
        if query is None:
            distance.fill_diagonal_(torch.inf)
        distance, index = distance.sort(dim=1, stable=True)
        return distance[:, :k], index[:, :k]

    return search

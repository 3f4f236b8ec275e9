"""Using a fitted estimator takes little memory beyond points and result, however many they are."""

import json
import subprocess
import sys

import numpy as np
import pytest

from nrae_geometric.datasets import SwissRoll
from nrae_geometric.estimator import ManifoldAutoencoder

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="reads the memory of the process from /proc"
)

PROGRAM = """
import json, sys
import numpy as np
import torch
from torch import nn
from torch_geometric.nn import SAGEConv
from nrae_geometric.estimator import ManifoldAutoencoder

class GraphEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = SAGEConv(16, 2)

    def forward(self, x, edge_index):
        return self.conv(x, edge_index)

def memory(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) / 1024

method, kind, num_points, hidden = json.loads(sys.argv[1])
torch.set_num_threads(1)
points = np.random.default_rng(0).random((num_points, 16), dtype=np.float32)
estimator = ManifoldAutoencoder(
    n_neighbors=5, hidden_layer_sizes=hidden, max_epochs=1, init="random", device="cpu",
    random_state=0, encoder=GraphEncoder() if kind == "graph encoder" else None,
).fit(points[:500])
if method == "inverse_transform":
    points = np.ascontiguousarray(points[:, :2])
convert = {
    "int": lambda x: (1000 * x).astype(np.int64),
    "float64": np.float64,
    "Fortran": np.asfortranarray,
    "tensor": torch.from_numpy,
    "bfloat16": lambda x: torch.from_numpy(x).bfloat16(),
    "images": lambda x: x.reshape(len(x), 4, 4),
}
if kind == "images":
    estimator.fit(points[:500].reshape(-1, 4, 4))
points = convert.get(kind, lambda x: x)(points)
getattr(estimator, method)(points[:10_000])
before = memory("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak so far is forgotten
result = getattr(estimator, method)(points)
size = getattr(result, "nbytes", 0) / 2**20
print(json.dumps([memory("VmHWM") - before, size]))
"""


def growth(method, kind, num_points, hidden=(32, 32)):
    """The most memory beyond points and result in the meantime, in megabytes."""
    arguments = json.dumps([method, kind, num_points, hidden])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, arguments], capture_output=True, text=True, check=False
    )
    if "clear_refs" in done.stderr:
        pytest.skip("the peak of the memory cannot be reset here")
    assert done.returncode == 0, done.stderr
    peak, result = json.loads(done.stdout)
    return peak - result


@pytest.mark.slow
@pytest.mark.parametrize("method", ["transform", "inverse_transform", "reconstruct", "score"])
def test_a_million_points_take_less_than_200_megabytes(method):
    assert growth(method, "float32", 1_000_000) < 200


@pytest.mark.slow
@pytest.mark.parametrize("method", ["transform", "inverse_transform", "reconstruct", "score"])
def test_several_hundred_thousand_points_take_little(method):
    # A single copy in double precision would have 51 or 6 megabytes.
    assert growth(method, "float32", 400_000) < 45


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", ["int", "float64", "Fortran", "tensor", "bfloat16", "images", "graph encoder"]
)
def test_points_of_other_kinds_are_not_copied_either(kind):
    assert growth("transform", kind, 400_000) < 45


def test_results_do_not_depend_on_how_many_points_there_are():
    points = SwissRoll(30, seed=0)[0].x.numpy()
    estimator = ManifoldAutoencoder(
        1, n_neighbors=3, hidden_layer_sizes=(8,), max_epochs=2, random_state=0, device="cpu"
    ).fit(points)
    many = np.concatenate([points] * 500)
    for method in ("transform", "reconstruct"):
        few = getattr(estimator, method)(points)
        repeated = getattr(estimator, method)(many).reshape(500, *few.shape)
        np.testing.assert_allclose(repeated, np.broadcast_to(few, repeated.shape), atol=1e-6)
    assert estimator.score(many) == pytest.approx(estimator.score(points), rel=1e-6)

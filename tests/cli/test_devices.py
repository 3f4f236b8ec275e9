"""Commands on several processes, which start and meet as those of a user do."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.cli import main
from nrae_geometric.tuning import tune

ROOT = Path(__file__).parents[2]
TORCHRUN = ["-m", "torch.distributed.run"]


def start(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    with process:
        output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def run(folder, *words, launcher=("-m",)):
    return ended(start(folder, *launcher, "nrae_geometric", *words, "--device", "cpu"))


FIT = ["--random-state", "0", "--max-epochs", "3", "--json"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("devices")
    t = np.linspace(0, 6, 300)
    np.save(folder / "points.npy", np.stack([t, np.sin(t), np.cos(t)], axis=1).astype(np.float32))
    run(folder, "fit", "points.npy", "--out", "one.nrae", *FIT)
    return folder


def assert_same_fit(folder, name):
    one, other = (ManifoldAutoencoder.load(folder / file) for file in ("one.nrae", name))
    np.testing.assert_allclose(other.embedding_, one.embedding_, atol=1e-4)
    assert other.history_ == [pytest.approx(record, rel=1e-4) for record in one.history_]


@pytest.mark.slow
def test_two_processes_fit_as_one_does_and_one_of_them_tells(folder):
    output = run(folder, "fit", "points.npy", "--out", "two.nrae", "--devices", "2", *FIT)

    assert json.loads(output)["epochs"] == 3
    assert_same_fit(folder, "two.nrae")
    assert ManifoldAutoencoder.load(folder / "two.nrae").devices == 1


UNSEEDED = """
import numpy as np
import torch.distributed
from nrae_geometric import ManifoldAutoencoder
points = np.load("points.npy")
fitted = ManifoldAutoencoder(
    1, devices=2, device="cpu", max_epochs=1, early_stopping=True
).fit(points)
np.save(f"learned{torch.distributed.get_rank()}.npy", fitted.graph_.x)
"""


@pytest.mark.slow
def test_processes_without_a_seed_leave_the_same_points_out(folder):
    (folder / "unseeded.py").write_text(UNSEEDED)
    ended(start(folder, "unseeded.py"))

    one, other = (np.load(folder / f"learned{rank}.npy") for rank in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.slow
def test_two_machines_of_torchrun_fit_as_one_process_does(folder):
    groups = []
    for rank in range(2):
        address = ["--master-addr", "127.0.0.1", "--master-port", "29517"]
        torchrun = [*TORCHRUN, "--nnodes", "2", "--node-rank", str(rank), *address]
        words = ["-m", "nrae_geometric", "fit", "points.npy", "--out", "nodes.nrae", *FIT]
        groups.append(start(folder, *torchrun, *words, "--device", "cpu"))
    outputs = [ended(group) for group in groups]

    assert sorted(map(bool, outputs)) == [False, True]
    assert_same_fit(folder, "nodes.nrae")


@pytest.mark.slow
def test_experiment_of_two_processes_has_the_files_of_one(folder):
    words = ["train", "NRAEL_toy_denoising", "--training.num_epochs", "3", "--logdir"]
    run(folder, *words, "one")
    run(folder, *words, "two", "--devices", "2")

    one, two = (folder / name / "NRAEL_toy_denoising" for name in ("one", "two"))
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    losses = [
        [float(line.split(",")[1]) for line in (run / "history.csv").read_text().splitlines()[1:]]
        for run in (one, two)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.slow
def test_experiment_of_two_processes_goes_on_in_one(folder):
    words = ["train", "NRAEL_toy_denoising", "--logdir", "stopped", "--no-animation"]
    run(folder, *words, "--devices", "2", "--training.num_epochs", "2")
    run(folder, *words, "--training.num_epochs", "4", "--resume")

    lines = (folder / "stopped" / "NRAEL_toy_denoising" / "history.csv").read_text().splitlines()
    assert len(lines) == 1 + 4


SHORTENED = """
import os
import numpy as np
from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.datasets import open_points
from nrae_geometric.training import Callback
class Shorten(Callback):
    def on_epoch_end(self, trainer, model):
        os.truncate("short.npy", 128 + 12 * 30)
is_map = os.environ["KIND"] == "map"
points = np.load("short.npy", mmap_mode="r") if is_map else open_points("short.npy")
row = np.arange(300)
graph = (np.stack([row - 1, row + 1], 1) % 300).astype(np.int32), np.ones((300, 2), np.float32)
ManifoldAutoencoder(
    2, devices=2, device="cpu", max_epochs=3, on_disk=True, callbacks=[Shorten()]
).fit(points, graph=graph)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["map", "table"])
def test_points_that_become_shorter_end_both_processes(folder, monkeypatch, kind):
    monkeypatch.setenv("KIND", kind)
    (folder / "shortened.py").write_text(SHORTENED)
    (folder / "short.npy").write_bytes((folder / "points.npy").read_bytes())
    with start(folder, "shortened.py") as process:
        errors = process.communicate(timeout=300)[1]

    assert process.returncode == 1
    assert "the file became shorter while it was read" in errors
    assert "short.npy" in errors


CALLER = """
import sys
from nrae_geometric.cli import main
sys.exit(main(["fit", *sys.argv[1:]]))
"""


@pytest.mark.slow
def test_a_script_that_hands_its_arguments_on_is_started_again(folder):
    (folder / "caller.py").write_text(CALLER)
    words = ["points.npy", "--out", "caller.nrae", *FIT, "--device", "cpu", "--devices", "2"]
    assert json.loads(ended(start(folder, "caller.py", *words)))["epochs"] == 3


def test_a_command_within_another_program_is_not_started_again(capsys, monkeypatch):
    words = ["fit", "points.npy", "--out", "no.nrae", "--devices", "2"]
    for given in ([], ["--quick"]):
        monkeypatch.setattr(sys, "argv", ["sweep.py", *given])
        assert main(words) == 2
        errors = capsys.readouterr().err
        assert "--devices 2 would run sweep.py again" in errors
        assert f"nrae {shlex.join(words)}" in errors


def test_search_refuses_several_devices():
    estimator = ManifoldAutoencoder(1, devices=2)

    with pytest.raises(ValueError, match=re.escape("devices=2")):
        tune(np.random.default_rng(0).normal(size=(30, 2)), estimator, progress=False)

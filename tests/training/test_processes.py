"""Runs on several processes, which start and meet as those of a user do."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch_geometric.data import Data

from nrae_geometric.loader import NeighborhoodLoader
from nrae_geometric.nn import AE
from nrae_geometric.registry import MODELS
from nrae_geometric.training import Trainer
from nrae_geometric.training.processes import Processes, divided
from nrae_geometric.transforms import KNNGraph

SCRIPT = Path(__file__).parents[1] / "helpers" / "several_processes.py"
EVERY_MODEL = SCRIPT.with_name("every_model.py")
ROOT = Path(__file__).parents[2]
TORCHRUN = ["-m", "torch.distributed.run"]


def start(*arguments, launcher=(), script=SCRIPT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(script), *map(str, arguments)]
    return subprocess.Popen(
        command, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def run(*arguments, launcher=(), fails=False, script=SCRIPT):
    with start(*arguments, launcher=launcher, script=script) as process:
        errors = process.communicate(timeout=300)[1]
    assert (process.returncode != 0) == fails, errors
    return errors


def read(path):
    return torch.load(path, weights_only=True)


def assert_same_run(found, expected):
    for name, weights in expected["model"].items():
        torch.testing.assert_close(found["model"][name], weights, rtol=0, atol=1e-6)
    for one, other in zip(found["history"], expected["history"], strict=True):
        assert one == pytest.approx(other, abs=1e-6)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "run"
    run("--out", out, "--geodesic", "--validate")
    return read(f"{out}.0")


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_learn_what_one_does(count, alone, tmp_path):
    out = tmp_path / "run"
    run("--devices", count, "--out", out, "--geodesic", "--validate")

    for rank in range(count):
        found = read(f"{out}.{rank}")
        assert found["count"] == count
        assert_same_run(found, alone)


@pytest.fixture(scope="module")
def every_model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("every_model")
    for count in (1, 2, 3):
        run("--devices", count, "--out", folder / str(count), script=EVERY_MODEL)
    return {path.name: read(path) for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS.names())
def test_several_processes_learn_what_one_does_with_every_model(name, every_model):
    expected = {case: each for case, each in every_model["1.0"].items() if case[0] == name}
    assert expected
    for found in every_model.values():
        for case, alone in expected.items():
            assert_same_run(found[case], alone)


@pytest.mark.slow
def test_two_machines_of_torchrun_learn_what_one_process_does(alone, tmp_path):
    out = tmp_path / "run"
    rendezvous = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1"]
    rendezvous += ["--master-port", str(29500 + os.getpid() % 1000)]
    arguments = ["--num-nodes", 2, "--out", out, "--geodesic", "--validate"]
    machines = [
        start(*arguments, launcher=[*TORCHRUN, *rendezvous, "--node-rank", str(rank)])
        for rank in range(2)
    ]
    for machine in machines:
        errors = machine.communicate(timeout=300)[1]
        assert machine.returncode == 0, errors

    for rank in range(2):
        assert_same_run(read(f"{out}.{rank}"), alone)


@pytest.mark.slow
def test_a_checkpoint_of_four_processes_resumes_on_two(alone, tmp_path):
    out, checkpoint = tmp_path / "run", tmp_path / "run.pt"
    options = ["--geodesic", "--validate", "--checkpoint", checkpoint]
    errors = run("--devices", 4, *options, "--at", "SIGINT", 2, 3, fails=True)
    assert "KeyboardInterrupt" in errors
    run("--devices", 2, *options, "--resume", "--out", out)

    assert_same_run(read(f"{out}.1"), alone)


@pytest.mark.slow
def test_what_a_callback_raises_in_one_process_all_raise(tmp_path):
    errors = run("--devices", 2, "--at", "raise", 1, 2, fails=True)
    assert errors.count("ValueError: a callback has failed") == 2


@pytest.mark.slow
def test_a_callback_of_one_process_stops_all(tmp_path):
    out = tmp_path / "run"
    run("--devices", 2, "--at", "stop", 1, 2, "--out", out)
    assert [len(read(f"{out}.{rank}")["history"]) for rank in range(2)] == [3, 3]


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_ends_the_others_with_a_message(rank, tmp_path):
    with start("--devices", 2, "--at", "SIGKILL", rank, 2) as process:
        errors = process.communicate(timeout=60)[1]
    assert "has lost another one" in errors
    assert process.returncode not in (0, None)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs a signal that halts a process")
def test_a_process_that_hangs_in_a_step_ends_the_other_with_a_message():
    with start("--devices", 2, "--at", "stall", 1, 2, "--impatient") as process:
        try:
            process.wait(timeout=120)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # also the one that hangs
        errors = process.stderr.read()
    assert "process 0 of 2 has lost another one" in errors
    assert process.returncode not in (0, None)


@pytest.mark.slow
def test_what_one_process_does_alone_may_take_longer_than_a_step(tmp_path):
    out = tmp_path / "run"
    run("--devices", 2, "--at", "sleep", 0, 2, "--impatient", "--out", out)
    assert len(read(f"{out}.1")["history"]) == 8


@pytest.mark.slow
def test_a_file_that_cannot_be_written_ends_all_with_its_name(tmp_path):
    folder = tmp_path / "no folder"
    folder.write_text("")
    errors = run("--devices", 2, "--checkpoint", folder / "run.pt", fails=True)
    assert errors.count(str(folder)) >= 2


def test_a_loader_that_cannot_divide_its_batches_is_refused(make_model, make_loader):
    with pytest.raises(ValueError, match="cannot divide its batches"):
        divided(make_loader(), two_processes(), make_model())


class GraphEncoder(nn.Linear):
    def forward(self, x, edge_index):
        return super().forward(x)


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (GraphEncoder(2, 1), "graph encoder"),
        (nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1)), "BatchNorm1d"),
        (nn.BatchNorm1d(2, track_running_stats=False).eval(), "BatchNorm1d"),
    ],
)
def test_a_model_that_would_learn_something_else_from_parts_is_refused(
    encoder, message, make_loader
):
    with pytest.raises(ValueError, match=message):
        divided(make_loader(), two_processes(), AE(encoder, nn.Linear(1, 2)))


def test_frozen_normalization_is_divided():
    data = KNNGraph(2)(Data(x=torch.randn(9, 2)))
    loader = NeighborhoodLoader(data, 1, generator=torch.Generator())
    norm = nn.BatchNorm1d(2)
    model = AE(norm, nn.Linear(2, 2))
    norm.eval()
    assert len(divided(loader, two_processes(), model)) == len(loader)


def two_processes():
    several = Processes("cpu")
    several.count = 2
    return several


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"devices": 0}, "devices must"),
        ({"num_nodes": 0}, "num_nodes must"),
        ({"strategy": "fsdp"}, "strategy"),
        ({"devices": 1.5}, "devices must"),
    ],
)
def test_wrong_numbers_of_processes_are_refused_by_name(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        Trainer(1, device="cpu", **options)

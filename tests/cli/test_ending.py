"""A signal ends the command with its exit code in every phase, and errors end it in one line."""

import errno
import importlib
import os
import shlex
import signal
import subprocess
import sys

import pytest

from nrae_geometric.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs signals")

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
# What the command does first in each phase.
PHASES = {
    "reading": "nrae_geometric.configs.experiment.ExperimentConfig.from_dict",
    "building": "nrae_geometric.experiments.run.build_graph",
    "training": "nrae_geometric.training.step.TrainingStep.epoch",
    "measuring": "nrae_geometric.experiments.run.measure_supervised",
    "drawing": "nrae_geometric.visualization.animation.CurveAnimation",
}


@pytest.fixture
def handlers():
    before = {number: signal.getsignal(number) for number, _ in SIGNALS}
    yield before
    assert {number: signal.getsignal(number) for number, _ in SIGNALS} == before


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_signal_ends_every_phase(
    train, tmp_path, monkeypatch, capsys, handlers, phase, number, code
):
    module, _, name = PHASES[phase].rpartition(".")
    try:
        holder = importlib.import_module(module)
    except ModuleNotFoundError:
        module, _, cls = module.rpartition(".")
        holder = getattr(importlib.import_module(module), cls)
    original = getattr(holder, name)

    def interrupted(*arguments, **options):
        os.kill(os.getpid(), number)
        return original(*arguments, **options)

    monkeypatch.setattr(holder, name, interrupted)
    arguments = ["AE_toy_denoising", "--device", "cpu", "--logdir", str(tmp_path)]
    small = ["--training.num_epochs=2", "--model.encoder.l_hidden", "[8, 8, 8]"]
    assert main(["train", *arguments, *small, "--model.decoder.l_hidden", "[8, 8, 8]"]) == code

    assert "Traceback" not in capsys.readouterr().err
    directory = tmp_path / "AE_toy_denoising"
    if phase in ("training", "measuring", "drawing"):
        assert (directory / "checkpoint.pt").is_file()
        assert not [path for path in directory.iterdir() if path.name.startswith(".")]
    else:
        assert not directory.exists()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("last", ["raise ImportError('half')", "raise RuntimeError", ""])
def test_signal_during_imports_ends_the_command(tmp_path, number, code, last):
    (tmp_path / "torch.py").write_text(f"import os\nos.kill(os.getpid(), {int(number)})\n{last}")
    ended = subprocess.run(
        [sys.executable, "-m", "nrae_geometric", "train", "AE_toy_denoising"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"},
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert ended.returncode == code
    assert len(ended.stderr.splitlines()) == 1


def test_ignored_signal_stays_ignored(train, monkeypatch):
    from nrae_geometric.experiments import run

    monkeypatch.setattr(run, "build_graph", _signaling(run.build_graph, signal.SIGHUP))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert train("AE_toy_denoising") == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def _signaling(function, number):
    def signaling(*arguments):
        os.kill(os.getpid(), number)
        return function(*arguments)

    return signaling


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "file"), 2, "'file'; make room there"),
        (OSError(errno.EROFS, "Read-only file system", "file"), 2, "--logdir"),
        (MemoryError(), 1, "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory:\n tried"), 1, "out of memory"),
        (ImportError("no module"), 2, "no module"),
    ],
)
def test_error_of_the_system_is_one_line(train, monkeypatch, capsys, error, code, message):
    def failing(*arguments):
        raise error

    monkeypatch.setattr("nrae_geometric.experiments.run.build_graph", failing)
    assert train("AE_toy_denoising") == code
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("debug", [False, True])
def test_error_of_the_program_is_a_failure_whose_place_debug_shows(
    train, monkeypatch, capsys, debug
):
    def failing(*arguments):
        raise RuntimeError("a mistake")

    monkeypatch.setattr("nrae_geometric.experiments.run.build_graph", failing)
    assert train("AE_toy_denoising", *["--debug"] * debug) == 1
    *traceback, line = capsys.readouterr().err.splitlines()
    assert "a fault of the program: RuntimeError: a mistake" in line
    assert any("in failing" in place for place in traceback) == debug


@pytest.mark.parametrize("content", ["def broken(:", "raise KeyError('x')", "import no_such_thing"])
def test_broken_plugin_is_named(tmp_path, capsys, content):
    plugin = tmp_path / "plugin.py"
    plugin.write_text(content)
    assert main(["--plugin", str(plugin), "list"]) == 2
    assert f"the plugin {plugin} cannot be imported: " in capsys.readouterr().err


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_streams_are_no_error(tmp_path, stream):
    closed = ">&-" if stream == "stdout" else "2>&-"
    command = f"{shlex.quote(sys.executable)} -m nrae_geometric list {closed}"
    assert subprocess.run(command, shell=True).returncode == 0

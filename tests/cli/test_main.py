"""The command line as a whole: exit codes, usage, and what it does not wait for."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric import __version__
from nrae_geometric.cli import main
from nrae_geometric.cli.commands import command_parser

ROOT = Path(__file__).parents[2]


def test_output_that_nobody_reads_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "nrae_geometric", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_warning_is_in_short_lines_that_end_with_what_to_do(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    np.save(tmp_path / "ring.npy", np.stack([np.cos(angle), np.sin(angle)], axis=1))
    options = ["--n-components", "1", "--max-epochs", "1", "--n-neighbors", "4", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-m", "nrae_geometric", "fit", "ring.npy", "--out", "a.nrae", *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "80"},
        capture_output=True,
        text=True,
    )
    lines = done.stderr.splitlines()
    assert lines[0].startswith("warning: the graph closes on itself: a loop of length")
    assert any(line.startswith("  Use two latent dimensions") for line in lines)
    assert max(map(len, lines)) <= 80


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as leave:
        main(["--version"])
    assert leave.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_module_is_the_command():
    command = [sys.executable, "-m", "nrae_geometric", "--version"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == __version__


@pytest.mark.parametrize(
    "arguments", [["--help"], ["train", "--help"], ["fit", "--help"], ["list"]]
)
def test_help_and_list_do_not_wait_for_torch(arguments):
    code = (
        "import sys\n"
        "from nrae_geometric.cli import main\n"
        "try:\n"
        f"    main({arguments})\n"
        "finally:\n"
        "    assert 'torch' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nrae: the following arguments are required: COMMAND; see nrae --help"),
        (["trian"], "nrae: argument COMMAND: invalid choice: 'trian'"),
        (["train"], "nrae train: one of the arguments CONFIG --config is required"),
        (["train", "AE_toy_denoising", "--devise", "cpu"], "did you mean --device?"),
        (["fit", "points.csv"], "nrae fit: the following arguments are required: --out"),
    ],
)
def test_unknown_command_or_option_is_one_line(capsys, arguments, message):
    with pytest.raises(SystemExit) as leave:
        main(arguments)
    assert leave.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    "command",
    ["fit", "embed", "decode", "graph", "export", "report", "train", "list", "evaluate", "tune"],
)
def test_help_has_an_example_that_the_command_takes(capsys, command):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    example = capsys.readouterr().out.split("example:")[1].split()
    assert example[:2] == ["nrae", command]
    parsed = command_parser().parse_args(example[1:])
    assert not parsed.json


def test_interrupt_exits_with_130(monkeypatch, capsys):
    def interrupted(config, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("nrae_geometric.experiments.run_experiment", interrupted)
    assert main(["train", "AE_toy_denoising"]) == 130
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("plugin", "message"),
    [("no_such_module", "No module named"), ("absent.py", "there is no plugin absent.py")],
)
def test_plugin_that_is_not_there_is_named(capsys, plugin, message):
    assert main(["--plugin", plugin, "list"]) == 2
    assert message in capsys.readouterr().err


def test_threads_wait_passively_unless_the_user_says_otherwise(tmp_path):
    code = """
import os, sys
from nrae_geometric.cli import main
assert "torch" not in sys.modules
main(["list"])
print(os.environ.get("OMP_WAIT_POLICY"), os.environ.get("GOMP_SPINCOUNT"))
"""
    unset = {key: os.environ[key] for key in os.environ if not key.startswith(("OMP_", "GOMP_"))}
    for given, expected in [({}, "PASSIVE 0"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE None")]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**unset, **given, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == expected

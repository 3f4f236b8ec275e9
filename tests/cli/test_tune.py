"""``nrae tune``."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric.cli import main
from nrae_geometric.estimator import ManifoldAutoencoder

ROOT = Path(__file__).parents[2]


def written(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def small_trials(monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    from nrae_geometric import tuning

    search = tuning.tune

    def small(points, estimator, **options):
        estimator.set_params(hidden_layer_sizes=(4,), init="random")
        return search(points, estimator, **options)

    monkeypatch.setattr(tuning, "tune", small)


@pytest.fixture
def console(tmp_path):
    """Runs the console script in a folder; returns exit code, output and errors."""

    def run(*arguments):
        script = "import sys; from nrae_geometric.cli import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", script, *map(str, arguments)],
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


SHORT = ("--trials", "2", "--folds", "2", "--epochs", "1", "--device", "cpu")


def tune(tmp_path, *arguments):
    return main(["tune", *arguments, *SHORT, "--logdir", str(tmp_path)])


def printed_estimator(out):
    """What a user gets who copies the printed estimator."""
    text = re.search(r"ManifoldAutoencoder\(.*?\)$", out, re.DOTALL | re.MULTILINE).group()
    return eval(text, {"ManifoldAutoencoder": ManifoldAutoencoder})


@pytest.mark.usefixtures("small_trials")
def test_tune_takes_an_experiment_and_tells_how_to_train_it(train, tmp_path, capsys):
    assert tune(tmp_path, "NRAEL_toy_geometry_preserving", "--data.training.num_data", "15") == 0

    out = capsys.readouterr().out
    best = json.loads((tmp_path / "tune_NRAEL_toy_geometry_preserving/best.json").read_text())
    shown = printed_estimator(out).get_params()
    assert {name: shown[name] for name in ("n_neighbors", "neighbor_weight", "order")} == {
        name: best[name] for name in ("n_neighbors", "neighbor_weight", "order")
    }
    assert shown["max_epochs"] == 1
    assert (tmp_path / "tune_NRAEL_toy_geometry_preserving" / "trials.csv").is_file()
    command = next(line for line in out.splitlines() if "nrae train" in line).split()[3:]
    assert train("NRAEL_toy_geometry_preserving", *command) == 0


@pytest.mark.usefixtures("small_trials")
@pytest.mark.parametrize("name", ["mine.npy", "mine.csv"])
def test_tune_takes_a_file_of_points(tmp_path, capsys, name):
    points = np.random.default_rng(0).normal(size=(12, 2))
    if name.endswith(".npy"):
        np.save(tmp_path / name, points)
    else:
        np.savetxt(tmp_path / name, points, delimiter=",", header="a,b", comments="")
    assert tune(tmp_path, str(tmp_path / name), "--seed", "1") == 0

    out = capsys.readouterr().out
    assert "nrae train" not in out
    assert printed_estimator(out).random_state == 1
    assert written(tmp_path / "tune_mine") == {
        *("best.json", "command.txt", "model.nrae", "model.png"),
        *("trials.csv", "trials.journal", "tuning.png"),
    }


@pytest.mark.usefixtures("small_trials")
@pytest.mark.parametrize(
    ("method", "heads"),
    [
        ("nrae", ["score", "k", "lambda", "order", "state"]),
        ("wae", ["score", "prior_weight", "state"]),
        ("vae", ["score", "beta", "state"]),
        ("ae", ["score", "state"]),
    ],
)
def test_every_method_is_tuned_and_the_table_has_what_was_tried(
    tmp_path, curve_file, capsys, method, heads
):
    assert tune(tmp_path, str(curve_file(".npy")), "--method", method) == 0
    first, row, *_ = capsys.readouterr().out.splitlines()
    assert sorted(first.split()) == sorted(heads)
    assert len(row.split()) == len(heads)
    folder = tmp_path / f"tune_points_{method}"
    assert ManifoldAutoencoder.load(folder / "model.nrae").method == method
    command = (folder / "command.txt").read_text()
    assert ("--method-params" in command) == (method in ("vae", "wae"))


def test_tune_names_the_methods_where_there_is_none(tmp_path, curve_file, capsys):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    assert tune(tmp_path / "results", str(curve_file(".npy")), "--method", "nope") == 2
    assert "unknown model 'nope'; choose one of 'ae'" in capsys.readouterr().err
    assert written(tmp_path) == {"points.npy"}


def test_method_is_for_a_file_of_points(tmp_path, capsys):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    assert tune(tmp_path, "NRAEL_toy_denoising", "--method", "vae") == 2
    assert "--method is for a file of points" in capsys.readouterr().err


def test_tune_never_unpickles(tmp_path, capsys):
    np.save(tmp_path / "objects.npy", np.array([print, None]), allow_pickle=True)
    assert tune(tmp_path, str(tmp_path / "objects.npy")) == 2
    assert "objects.npy: points are real numbers, not of type object" in capsys.readouterr().err


def test_tune_names_a_setting_that_a_file_does_not_have(tmp_path, capsys):
    assert tune(tmp_path, "points.npy", "--optimizer.lr", "1") == 2
    assert "no settings but --seed, got --optimizer.lr" in capsys.readouterr().err


def test_console_script_leaves_the_winner_and_the_command_that_repeats_it(console, curve_file):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    path = curve_file(".csv")
    folder = path.parent / "results" / "tune_points"
    code, out, err = console("tune", path.name, "--label-column", "half", *SHORT)
    assert (code, err) == (0, "")
    command = (folder / "command.txt").read_text().strip()
    assert f"  {command}\n" in out
    assert command.startswith("nrae fit points.csv --out results/tune_points/model.nrae --label")
    assert (folder / "model.png").read_bytes().startswith(b"\x89PNG")
    winner = ManifoldAutoencoder.load(folder / "model.nrae")
    best = json.loads((folder / "best.json").read_text())
    assert all(getattr(winner, name) == best[name] for name in best if name != "score")
    assert (winner.n_components, list(winner.feature_names_in_)) == (1, ["x", "y"])

    (folder / "model.nrae").unlink()
    code, _, err = console(*shlex.split(command)[1:])
    assert (code, err) == (0, "")
    again = ManifoldAutoencoder.load(folder / "model.nrae")
    assert np.array_equal(again.embedding_, winner.embedding_)


def test_console_script_goes_on_from_what_ctrl_c_has_left(curve_file, tmp_path, console):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    path = curve_file(".npy")
    best = tmp_path / "results" / "tune_points" / "best.json"
    script = "import sys; from nrae_geometric.cli import main; sys.exit(main())"
    arguments = ["tune", str(path), "--trials", "10000", *SHORT[2:]]
    running = subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not best.exists() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 130
    assert err == (
        "nrae: interrupted; the best so far is in results/tune_points/best.json, and the same "
        "command goes on from there\n"
    )
    num_done = len((best.parent / "trials.csv").read_text().splitlines()) - 1
    code, out, _ = console("tune", path, "--trials", num_done + 1, *SHORT[2:], "--json")
    assert code == 0
    assert [row["trial"] for row in json.loads(out)["trials"]].count(0) == 1
    assert len(json.loads(out)["trials"]) == num_done + 1


def test_ctrl_c_while_a_trial_is_written_down_tells_what_is_left(
    tmp_path, curve_file, capsys, monkeypatch
):
    storage = pytest.importorskip(
        "optuna", reason="needs the extra: pip install '.[tune]'"
    ).storages
    write = storage.JournalStorage.set_trial_state_values

    def interrupted(self, trial_id, state, values=None):
        if state.is_finished() and trial_id == 1:
            signal.raise_signal(signal.SIGINT)
        return write(self, trial_id, state, values)

    monkeypatch.setattr(storage.JournalStorage, "set_trial_state_values", interrupted)
    assert tune(tmp_path, str(curve_file(".npy"))) == 130
    best = tmp_path / "tune_points" / "best.json"
    assert best.is_file()
    assert capsys.readouterr().err == (
        f"nrae: interrupted; the best so far is in {best}, and the same command goes on from "
        "there\n"
    )


def test_search_that_is_stopped_before_the_first_trial_says_so(
    tmp_path, curve_file, capsys, monkeypatch
):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")

    def interrupted(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(ManifoldAutoencoder, "fit", interrupted)
    assert tune(tmp_path / "results", str(curve_file(".npy"))) == 130
    assert capsys.readouterr().err == (
        "nrae: interrupted; no trial was done, and nothing is kept\n"
    )
    assert written(tmp_path) == {"points.npy"}


@pytest.mark.usefixtures("small_trials")
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".npz", ["--array", "points", "--label-column", "half"]),
        (".csv", ["--columns", "y,x"]),
        (".parquet", ["--label-column", "half"]),
        (".pt", ["--n-components", "2"]),
        ("", ["--latent-dim", "3"]),
    ],
)
def test_every_kind_of_file_is_tuned(tmp_path, curve_file, suffix, options):
    assert tune(tmp_path, str(curve_file(suffix)), *options) == 0
    winner = ManifoldAutoencoder.load(tmp_path / "tune_points" / "model.nrae")
    num_components = int(options[1]) if options[1].isdigit() else 1
    assert winner.embedding_.shape == (40, num_components)


@pytest.mark.usefixtures("small_trials")
def test_points_of_more_values_get_two_latent_coordinates(tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(12, 3)))
    assert tune(tmp_path, str(tmp_path / "mine.npy")) == 0
    winner = ManifoldAutoencoder.load(tmp_path / "tune_mine" / "model.nrae")
    assert winner.n_components == 2


COUNTS = ("--latent-dim", "--trials", "--folds", "--epochs")


@pytest.mark.parametrize("option", COUNTS)
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "nan", "many", ""])
def test_option_that_is_no_count_is_one_line(tmp_path, capsys, option, value):
    with pytest.raises(SystemExit) as leave:
        main(["tune", "points.npy", "--logdir", str(tmp_path / "results"), f"{option}={value}"])
    assert leave.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"argument {option}" in line
    assert f"must be an integer of at least 1, got {value!r}" in line
    assert not list(tmp_path.iterdir())


def test_console_script_answers_an_option_that_is_no_count_in_one_line(console, tmp_path):
    code, out, err = console("tune", "points.csv", "--latent-dim", "0")
    assert (code, out) == (2, "")
    [line] = err.splitlines()
    assert "must be an integer of at least 1, got '0'" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "x,y", "--latent-dim", "3"], "n_components must be at least 1 and at most"),
        (["--columns", "x,y", "--latent-dim", "9" * 30], "n_components must be at least 1 and at"),
        (["--columns", "x,y", "--folds", "1"], "num_folds must be from 2 to 13 for 40 points"),
        (["--columns", "x,y", "--folds", "14"], "num_folds must be from 2 to 13 for 40 points"),
        (["--columns", "x,y", "--seed", "-1"], "--seed must be an integer from 0"),
        (["--columns", "x,y", "--seed", ".nan"], "--seed must be an integer from 0"),
        (["--columns", "x,y", "--seed", "one"], "--seed must be an integer from 0"),
        (["--columns", "x,y", "--device", "99"], "99"),
        (["--columns", "x,y", "--device", "abacus"], "abacus"),
        (["--columns", "x,z"], "there is no column 'z'"),
        (["--columns", "x,,y"], "different names with commas between"),
        (["--columns", "x,y", "--label-column", "shade"], "there is no column 'shade'"),
        (["--array", "x"], "--array picks an array of an .npz file"),
        (["--optimizer.lr", "1"], "no settings but --seed, got --optimizer.lr"),
        (["--columns", "x,half"], "column 'half': 'left' is no number"),
    ],
)
def test_bad_option_is_one_line_and_nothing_is_written(
    tmp_path, curve_file, capsys, options, message
):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    path = str(curve_file(".csv"))
    assert main(["tune", path, "--logdir", str(tmp_path / "results"), *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("nrae: ")
    assert message in line
    assert written(tmp_path) == {"points.csv"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x,y\n1,2\n3,4\n", "tuning needs at least 10 points"),
        ("x,y\n" + "1,2\n" * 12, "all 12 points are equal"),
        ("x,y\n" + "1,2\n" * 12 + "nan,1\n", "1 of 13 points have NaN or infinite values"),
    ],
)
def test_bad_table_is_one_line_and_nothing_is_written(tmp_path, capsys, content, message):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    (tmp_path / "points.csv").write_text(content)
    assert tune(tmp_path / "results", str(tmp_path / "points.csv")) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert written(tmp_path) == {"points.csv"}


@pytest.mark.parametrize("option", ["--latent-dim=2", "--columns=x", "--label-column=x"])
def test_option_of_files_is_refused_for_an_experiment(tmp_path, capsys, option):
    assert tune(tmp_path / "results", "NRAEL_toy_denoising", option) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"{option.partition('=')[0]} is for a file of points" in line
    assert not list(tmp_path.iterdir())


def test_device_that_is_not_there_is_named_before_the_search(tmp_path, capsys):
    np.save(tmp_path / "points.npy", np.eye(9))
    options = ["--logdir", str(tmp_path / "results"), "--device", "99"]
    assert main(["tune", str(tmp_path / "points.npy"), *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "99" in line
    assert not (tmp_path / "results").exists()

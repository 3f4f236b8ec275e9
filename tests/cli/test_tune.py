"""``nrae tune``."""

import json
import re

import numpy as np
import pytest

from nrae_geometric.cli import main
from nrae_geometric.estimator import ManifoldAutoencoder


@pytest.fixture
def small_trials(monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    from nrae_geometric import tuning

    search = tuning.tune

    def small(points, estimator, **options):
        estimator.set_params(hidden_layer_sizes=(4,), init="random")
        return search(points, estimator, num_folds=2, **options)

    monkeypatch.setattr(tuning, "tune", small)


def tune(tmp_path, *arguments):
    options = ["--device", "cpu", "--logdir", str(tmp_path), "--trials", "2", "--epochs", "1"]
    return main(["tune", *arguments, *options])


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
    assert (shown["max_epochs"], shown["batch_size"]) == (1, 15)
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
    assert (tmp_path / "tune_mine" / "tuning.png").is_file()


def test_tune_never_unpickles(tmp_path, capsys):
    np.save(tmp_path / "objects.npy", np.array([print, None]), allow_pickle=True)
    assert tune(tmp_path, str(tmp_path / "objects.npy")) == 2
    assert "objects.npy: points are real numbers, not of type object" in capsys.readouterr().err


def test_tune_names_a_setting_that_a_file_does_not_have(tmp_path, capsys):
    assert tune(tmp_path, "points.npy", "--optimizer.lr", "1") == 2
    assert "no settings but --seed, got --optimizer.lr" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--latent-dim", "0"], ["--trials", "-1"], ["--epochs", "1.5"]])
def test_option_that_is_no_count_is_one_line(tmp_path, capsys, option):
    with pytest.raises(SystemExit) as leave:
        main(["tune", "points.npy", "--logdir", str(tmp_path), *option])
    assert leave.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"argument {option[0]}: must be an integer of at least 1" in line


def test_device_that_is_not_there_is_named_before_the_search(tmp_path, capsys):
    np.save(tmp_path / "points.npy", np.eye(9))
    options = ["--logdir", str(tmp_path / "results"), "--device", "99"]
    assert main(["tune", str(tmp_path / "points.npy"), *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "99" in line
    assert not (tmp_path / "results").exists()

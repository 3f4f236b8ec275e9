import builtins
import csv
import json
import logging

import matplotlib.image
import numpy as np
import pytest
import torch

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.geodesics import suggest_neighbors
from nrae_geometric.locking import FolderInUseError, FolderLock
from nrae_geometric.tuning import tune
from nrae_geometric.tuning.objective import CrossValidation

from .conftest import estimator, search

optuna = pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
pytestmark = pytest.mark.usefixtures("quiet")


def test_best_is_the_complete_trial_with_the_highest_score(points):
    result = search(points, num_trials=4)

    complete = [row for row in result.table if row["state"] == "complete"]
    best = max(complete, key=lambda row: row["score"])
    assert result.score == best["score"]
    assert result.best == {name: best[name] for name in ("n_neighbors", "order", "neighbor_weight")}
    assert result.table[0] == best
    assert len(result.table) == 4


def test_first_trial_is_the_estimator_as_it_is(points):
    model = estimator(n_neighbors=4, neighbor_weight=2.5, order=2)
    first = search(points, model, num_trials=1).table[0]
    assert (first["n_neighbors"], first["neighbor_weight"], first["order"]) == (4, 2.5, 2)


def test_best_estimator_has_the_best_settings_and_all_others(points):
    result = search(points, estimator(n_components=2, learning_rate=0.01))
    best = result.best_estimator
    parameters = best.get_params()
    assert {name: parameters[name] for name in result.best} == result.best
    assert (best.n_components, best.learning_rate) == (2, 0.01)
    assert best.fit(points).transform(points).shape == (24, 2)


def test_more_than_two_latent_coordinates_can_be_tuned():
    points = np.random.default_rng(0).normal(size=(20, 4))
    assert search(points, estimator(n_components=3)).best_estimator.n_components == 3


def test_points_left_out_for_validation_are_not_counted_for_the_graph(points):
    model = estimator(early_stopping=True, validation_fraction=0.5, n_neighbors=20)
    assert search(points, model, num_trials=1).best["n_neighbors"] < 6


def test_warnings_about_poor_settings_are_not_shown_while_searching(caplog):
    caplog.set_level(logging.WARNING)
    angle = np.arange(24) / 24 * 2 * np.pi
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)

    search(circle, estimator(init="geodesic"), num_trials=1, num_repeats=1)
    assert not caplog.records
    estimator(init="geodesic").fit(circle)
    assert "closes on itself" in caplog.text


def test_same_seed_finds_the_same(points):
    assert search(points).table == search(torch.from_numpy(points)).table
    assert search(points).table != search(points, seed=1).table


def test_stopped_search_goes_on(points, tmp_path):
    first = search(points, directory=tmp_path, num_trials=2)
    second = search(points, directory=tmp_path, num_trials=4)
    third = search(points, directory=tmp_path, num_trials=4)

    by_number = {row["trial"]: row for row in second.table}
    assert sorted(by_number) == [0, 1, 2, 3]
    assert all(by_number[row["trial"]] == row for row in first.table)
    assert third.table == second.table
    assert len({row["neighbor_weight"] for row in second.table}) == 4


@pytest.mark.parametrize(("last", "num_tried"), [(3, 2), (6, 3)])  # a trial, and a final
def test_interrupted_trial_is_tried_again(points, tmp_path, monkeypatch, last, num_tried):
    fit = ManifoldAutoencoder.fit
    count = 0

    def interrupted(self, X, y=None, **options):
        nonlocal count
        count += 1
        if count == last:
            raise KeyboardInterrupt
        return fit(self, X, y, **options)

    with monkeypatch.context() as patch:
        patch.setattr(ManifoldAutoencoder, "fit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            search(points, directory=tmp_path)
    best, rows = on_disk(tmp_path)
    assert best["score"] == float(rows[0]["score"])
    assert len(rows) == num_tried
    assert len(search(points, directory=tmp_path).table) == 3


def on_disk(directory):
    with (directory / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return json.loads((directory / "best.json").read_text()), rows


def test_best_so_far_is_on_disk_after_each_trial(points, tmp_path, monkeypatch):
    seen = []
    score = CrossValidation.score

    def watched(self, settings, part):
        if (tmp_path / "best.json").exists():
            seen.append(on_disk(tmp_path))
        return score(self, settings, part)

    monkeypatch.setattr(CrossValidation, "score", watched)
    search(points, directory=tmp_path, num_trials=5, num_repeats=1)
    assert [len(rows) for _, rows in seen] == [1, 2, 3, 4, 5, 5]
    for best, rows in seen:
        alike = [row for row in rows if row["state"] == rows[0]["state"]]
        assert best["score"] == max(float(row["score"]) for row in alike)


def test_results_that_were_removed_are_written_again(points, tmp_path):
    search(points, directory=tmp_path)
    for name in ("best.json", "trials.csv", "tuning.png"):
        (tmp_path / name).unlink()
    best, rows = search(points, directory=tmp_path), on_disk(tmp_path)[1]
    assert len(rows) == 3
    assert on_disk(tmp_path)[0]["score"] == best.score


FIRST_PARTS = [-7.0, -8.0, -4.0, -5.0, -9.0, -3.0, -6.0, -3.5, -6.5, -8.5]


@pytest.fixture
def given_scores(monkeypatch):
    """Scores of trials that are known by their weight, and the parts that were asked for."""
    parts = {}

    def score(self, settings, part):
        played = parts.setdefault(settings["neighbor_weight"], [])
        played.append(part)
        trial = list(parts).index(settings["neighbor_weight"])
        if part and trial == 5:
            return -30.0
        if part and trial == 7:
            raise FloatingPointError
        return FIRST_PARTS[trial] if part == 0 else -4.0

    monkeypatch.setattr(CrossValidation, "score", score)
    return parts


def test_best_fifth_and_one_more_play_the_final(points, given_scores):
    result = search(points, num_trials=10, num_folds=3, num_repeats=1)
    played = list(given_scores.values())
    assert [trial for trial, parts in enumerate(played) if len(parts) > 1] == [2, 5, 7]
    assert played[2] == played[5] == [0, 1, 2]
    rows = {row["trial"]: row for row in result.table}
    assert (rows[2]["state"], rows[2]["score"]) == ("complete", -4.0)
    assert (rows[5]["state"], rows[5]["score"]) == ("complete", pytest.approx(-21.0))
    assert (rows[7]["state"], rows[7]["score"]) == ("fail", None)
    assert rows[3] == {**rows[3], "state": "pruned", "score": -5.0}
    assert [row["trial"] for row in result.table] == [2, 5, 3, 6, 8, 0, 1, 9, 4, 7]
    assert result.score == -4.0


def test_search_that_goes_on_repeats_no_final(points, given_scores, tmp_path):
    options = {"num_folds": 3, "num_repeats": 1, "directory": tmp_path}
    search(points, num_trials=4, **options)
    assert [len(parts) for parts in given_scores.values()] == [1, 1, 3, 1]
    search(points, num_trials=5, **options)
    assert [len(parts) for parts in given_scores.values()] == [1, 1, 3, 3, 1]


def test_first_trial_without_an_estimator_is_the_default_one(points, monkeypatch):
    tried = []

    def fit(self, X, y=None, **options):
        tried.append(self.get_params())
        raise FloatingPointError

    monkeypatch.setattr(ManifoldAutoencoder, "fit", fit)
    with pytest.raises(ValueError, match="none of 1 trials"):
        tune(points, num_trials=1, progress=False)
    expected = ManifoldAutoencoder(1, random_state=0).get_params()
    expected["n_neighbors"] = max(2, suggest_neighbors(points).k)
    changed = {name for name in expected if tried[0][name] != expected[name]}
    assert changed <= {"callbacks"}


@pytest.mark.parametrize("num_components", [3, 100])
def test_more_components_than_values_are_refused(points, tmp_path, num_components):
    with pytest.raises(ValueError, match="n_components must be at least 1 and at most 2, got"):
        search(points, estimator(n_components=num_components), directory=tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_results_are_a_table_a_picture_and_the_best(points, tmp_path):
    result = search(points, directory=tmp_path / "new")

    files = {path.name for path in (tmp_path / "new").iterdir()}
    assert files == {"best.json", "trials.csv", "trials.journal", "tuning.png"}
    best = json.loads((tmp_path / "new" / "best.json").read_text())
    assert best == {**result.best, "score": result.score}
    with (tmp_path / "new" / "trials.csv").open(newline="") as file:
        assert [float(row["score"]) for row in csv.DictReader(file)] == [
            row["score"] for row in result.table
        ]
    assert matplotlib.image.imread(tmp_path / "new" / "tuning.png").ndim == 3


def test_search_with_other_points_or_settings_is_not_mixed_in(points, tmp_path):
    search(points, directory=tmp_path, num_trials=1)
    with pytest.raises(ValueError, match="other points or settings"):
        search(points + 1, directory=tmp_path)
    with pytest.raises(ValueError, match="other points or settings"):
        search(points, estimator(max_epochs=3), directory=tmp_path)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"learning_rate": 1e30}, ValueError),
        ({"hidden_layer_sizes": (0,)}, Exception),
        ({"max_epochs": 0}, Exception),
        ({"activation": "nonsense"}, Exception),
    ],
)
def test_search_that_found_nothing_is_not_in_the_way_of_the_next(points, tmp_path, wrong, error):
    with pytest.raises(error):
        search(points, estimator(**wrong), directory=tmp_path / "search")
    assert not list(tmp_path.iterdir())
    (tmp_path / "search").mkdir()
    result = search(points, directory=tmp_path / "search")

    assert len(result.table) == 3


def test_search_in_use_is_an_error(points, tmp_path):
    with FolderLock(tmp_path), pytest.raises(FolderInUseError):
        search(points, directory=tmp_path)


def test_damaged_journal_is_named(points, tmp_path):
    search(points, directory=tmp_path)
    journal = tmp_path / "trials.journal"
    journal.write_bytes(journal.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"trials\.journal is damaged, or cut short, in line"):
        search(points, directory=tmp_path)


def test_search_may_go_on_elsewhere(points, tmp_path):
    search(points, directory=tmp_path, num_trials=1)
    assert len(search(points, estimator(device="auto"), directory=tmp_path).table) == 3


def test_diverging_trials_are_an_error_only_together(points):
    with pytest.raises(ValueError, match="none of 3 trials succeeded"):
        search(points, estimator(learning_rate=1e30))


def test_missing_optuna_is_named_with_its_extra(points, monkeypatch):
    find = builtins.__import__

    def without_optuna(name, *arguments, **options):
        if name == "optuna":
            raise ModuleNotFoundError("No module named 'optuna'", name="optuna")
        return find(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_optuna)
    with pytest.raises(ModuleNotFoundError, match=r"nrae-geometric\[tune\]"):
        search(points)


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (np.zeros(20), {}, r"must be points \[N, \*feature_shape\]"),
        (np.zeros((9, 2)), {}, "at least 10 points, got shape"),
        (np.array([["a"]] * 12), {}, "points holds strings"),
        (np.full((12, 2), np.nan), {}, r"12 rows with NaN or infinite values \(first: row 0\)"),
        (np.zeros((12, 2)), {"num_folds": 1}, "num_folds must be from 2 to 4"),
        (np.zeros((12, 2)), {"num_trials": 0}, "num_trials must be at least 1"),
        (np.zeros((12, 2)), {"num_repeats": 0}, "num_repeats must be at least 1"),
    ],
)
def test_mistake_is_found_before_the_search(points, options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        search(points, **options)


@pytest.mark.parametrize("seed", ["x", -1, 2**32, 1.5, True, None])
def test_seed_is_checked_before_anything_is_written(tmp_path, seed):
    with pytest.raises((TypeError, ValueError), match="seed must be"):
        tune(np.zeros((12, 2)), seed=seed, directory=tmp_path / "new")

    assert not list(tmp_path.iterdir())

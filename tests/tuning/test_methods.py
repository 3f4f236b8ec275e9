"""Searches for the settings of any method."""

import json
from typing import Literal

import pytest
from sklearn.model_selection import RepeatedKFold, cross_val_score

from nrae_geometric.nn import AE
from nrae_geometric.registry import MODELS, ModelSettings, register_model

from .conftest import estimator, search

pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
pytestmark = pytest.mark.usefixtures("quiet")


class Shrunk(AE):
    """An autoencoder whose reconstruction is divided by a number."""

    def __init__(self, encoder, decoder, divisor):
        super().__init__(encoder, decoder)
        self.divisor = divisor

    def decode(self, z):
        return super().decode(z) / self.divisor


@register_model
class ShrunkSettings(ModelSettings):
    arch: Literal["shrunk"] = "shrunk"
    divisor: float = 3.0
    style: Literal["plain", "fancy"] = "fancy"

    def build(self, encoder, decoder):
        return Shrunk(encoder, decoder, self.divisor)

    @classmethod
    def search_space(cls, trial):
        return {
            "divisor": trial.suggest_float("divisor", 1.0, 1e6, log=True),
            "style": trial.suggest_categorical("style", ["plain", "fancy"]),
        }


class TestAnyMethod:
    def test_searches_the_space_of_its_settings(self, points, tmp_path):
        result = search(points, estimator(method="shrunk"), num_trials=4, directory=tmp_path)

        assert set(result.table[0]) == {"trial", "score", "divisor", "style", "state"}
        assert result.best_estimator.method_params == result.best
        assert result.best_estimator.fit(points).model_.divisor == result.best["divisor"]
        header = (tmp_path / "trials.csv").read_text().splitlines()[0]
        assert header == "trial,score,divisor,style,state"

    def test_starts_from_its_present_settings(self, points):
        model = estimator(method="shrunk", method_params={"divisor": 2.0})
        [first] = search(points, model, num_trials=1).table
        assert (first["divisor"], first["style"]) == (2.0, "fancy")

    def test_starts_as_near_to_them_as_the_search_goes(self, points):
        model = estimator(method="shrunk", method_params={"divisor": 0.5})
        [first] = search(points, model, num_trials=1).table
        assert first["divisor"] == 1.0

    def test_without_anything_to_search_is_scored_once(self, points, tmp_path):
        result = search(points, estimator(method="ae"), directory=tmp_path)
        folds = RepeatedKFold(n_splits=2, n_repeats=2, random_state=0)
        expected = cross_val_score(estimator(method="ae"), points, cv=folds).mean()

        assert (result.best, len(result.table)) == ({}, 1)
        assert result.score == pytest.approx(expected, rel=1e-5)
        assert (tmp_path / "tuning.png").is_file()


@pytest.mark.parametrize("method", [name for name in MODELS if name not in ("nrael", "nraeq")])
def test_search_of_every_method_is_kept_and_goes_on(points, tmp_path, method):
    model = estimator(method=method, init="pca" if MODELS[method].needs_embedding else "random")
    first = search(points, model, num_trials=2, directory=tmp_path)
    kept = json.loads((tmp_path / "best.json").read_text())
    assert kept == {**first.best, "score": first.score}
    assert (tmp_path / "tuning.png").stat().st_size > 0
    again = search(points, model, num_trials=3, directory=tmp_path)
    assert len(again.table) == (1 if method == "ae" else 3)
    assert again.table[0]["score"] >= first.score

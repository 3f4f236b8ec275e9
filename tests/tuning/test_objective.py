import numpy as np
import pytest
from sklearn.model_selection import RepeatedKFold, cross_val_score

from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.tuning import full_batch_estimator
from nrae_geometric.tuning.objective import cross_validated_scores, with_settings


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)


@pytest.fixture
def estimator():
    return ManifoldAutoencoder(
        hidden_layer_sizes=(8,),
        max_epochs=2,
        n_neighbors=3,
        init="random",
        random_state=0,
        device="cpu",
    )


def test_last_score_is_that_of_scikit_learn(points, estimator):
    scores = list(cross_validated_scores(estimator, points, num_folds=4, num_repeats=2, seed=5))
    folds = RepeatedKFold(n_splits=4, n_repeats=2, random_state=5)
    expected = cross_val_score(estimator, points, cv=folds)

    assert scores[-1] == pytest.approx(expected.mean(), rel=1e-5)
    assert scores[2] == pytest.approx(expected[:3].mean(), rel=1e-5)


def test_every_point_left_out_counts_once_in_each_division(points, estimator):
    scores = cross_validated_scores(estimator, points[:19], num_folds=3, num_repeats=1, seed=0)
    folds = RepeatedKFold(n_splits=3, n_repeats=1, random_state=0)
    errors = []
    for rest, fold in folds.split(points[:19]):
        estimator.fit(points[rest])
        recon = estimator.inverse_transform(estimator.transform(points[fold]))
        errors.extend(np.square(recon - points[fold]).sum(axis=1))

    assert list(scores)[-1] == pytest.approx(-np.mean(errors), rel=1e-4)


def test_steps_of_few_points_take_all_of_them_with_all_neighbors(points):
    estimator = full_batch_estimator(len(points), n_neighbors=7)
    assert (estimator.batch_size, estimator.n_sampled_neighbors) == (len(points), 7)
    tried = with_settings(estimator, {"n_neighbors": 12})
    assert (tried.batch_size, tried.n_sampled_neighbors) == (len(points), 12)


def test_steps_of_many_points_are_those_of_the_estimator():
    expected = ManifoldAutoencoder(random_state=0).get_params()
    assert full_batch_estimator(2000).get_params() == expected


@pytest.mark.parametrize(("k", "sampled"), [(2, 2), (3, 3), (9, 3)])
def test_no_step_takes_more_neighbors_than_there_are(k, sampled):
    estimator = ManifoldAutoencoder(n_neighbors=10, n_sampled_neighbors=3)
    assert with_settings(estimator, {"n_neighbors": k}).n_sampled_neighbors == sampled


def test_settings_go_where_the_method_has_them(estimator):
    estimator.set_params(method="nraeq", method_params={"kernel": "before", "other": 1})
    tried = with_settings(estimator, {"n_neighbors": 5, "order": 2, "kernel": "after"})
    assert (tried.n_neighbors, tried.order) == (5, 2)
    assert tried.method_params == {"kernel": "after", "other": 1}
    assert estimator.method_params == {"kernel": "before", "other": 1}

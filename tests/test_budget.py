from itertools import pairwise

import pytest

from nrae_geometric.budget import (
    usual_batch_size,
    usual_epochs,
    usual_held_out,
    usual_landmarks,
)


@pytest.mark.parametrize(
    ("num_points", "batch_size", "num_epochs"),
    [
        (2, 32, 400),
        (178, 32, 67),
        (1797, 32, 36),
        (5000, 64, 26),
        (60_000, 256, 9),
        (1_000_000, 1000, 2),
        (100_000_000, 1024, 1),
    ],
)
def test_batches_and_epochs_of(num_points, batch_size, num_epochs):
    assert usual_batch_size(num_points) == batch_size
    assert usual_epochs(num_points, batch_size) == num_epochs


def test_steps_are_bounded_and_batches_grow():
    sizes = [usual_batch_size(n) for n in range(2, 10**6, 997)]
    assert all(a <= b for a, b in pairwise(sizes))
    for n in range(2, 10**6, 997):
        batches = -(-n // usual_batch_size(n))
        assert 400 <= batches * usual_epochs(n, usual_batch_size(n)) < 2000 + batches


def test_distances_to_landmarks_are_bounded():
    assert [usual_landmarks(n) for n in (100, 15_625, 60_000, 10**6)] == [256, 256, 66, 32]


def test_few_points_are_all_learned_from():
    assert usual_held_out(10_000, 0.1) == 0
    assert usual_held_out(20_000, 0.01) == 0.01
    assert usual_held_out(10**6, 0.1) == pytest.approx(1e-3)

from itertools import pairwise

import pytest

from nrae_geometric.budget import (
    Budget,
    choose_budget,
    held_out_fraction,
    usual_batch_size,
    usual_epochs,
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
    assert held_out_fraction(10_000, "auto", 0.1)[0] == 0
    assert held_out_fraction(20_000, "auto", 0.01)[0] == 0.01
    fraction, reason = held_out_fraction(10**6, "auto", 0.1)
    assert fraction == pytest.approx(1e-3)
    assert reason.startswith("1000 of 1000000 points")


def test_what_is_given_is_kept_without_a_reason():
    assert held_out_fraction(50, True, 0.2) == (0.2, None)
    assert held_out_fraction(10**6, False, 0.2) == (0.0, None)
    assert choose_budget(500, 10, 3) == (Budget(10, 3), {})
    budget, reasons = choose_budget(500, 100, None)
    assert budget == (100, 80)
    assert reasons == {"max_epochs": "80 epochs, 400 steps in all"}

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.manifold import trustworthiness as sklearn_trustworthiness

from nrae_geometric.metrics import (
    continuity,
    embedding_quality,
    mean_relative_rank_errors,
    neighborhood_recall,
    trustworthiness,
)


def random_points(seed, num_points, dim, num_latents):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(num_points, dim, generator=generator)
    noise = torch.randn(num_points, num_latents, generator=generator)
    return x, x[:, :1] + noise


def reference_ranks(points):
    """Ranks by definition, one pair at a time; ties go to the lower index."""
    points = points.double().flatten(1).numpy()
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    ranks = np.zeros_like(distance, dtype=int)
    for i, row in enumerate(distance):
        others = sorted((d, j) for j, d in enumerate(row) if j != i)
        for rank, (_, j) in enumerate(others, start=1):
            ranks[i, j] = rank
    return ranks


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(8, 60), st.integers(1, 30), st.integers(1, 3), st.data())
def test_agrees_with_scikit_learn(seed, num_points, dim, num_latents, data):
    x, z = random_points(seed, num_points, dim, num_latents)
    k = data.draw(st.integers(1, (num_points - 1) // 2))
    expected = sklearn_trustworthiness(x.double(), z.double(), n_neighbors=k)
    assert trustworthiness(x, z, k) == pytest.approx(expected, abs=1e-9)
    expected = sklearn_trustworthiness(z.double(), x.double(), n_neighbors=k)
    assert continuity(x, z, k) == pytest.approx(expected, abs=1e-9)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10_000), st.integers(8, 30), st.booleans(), st.data())
def test_rank_scores_follow_their_definitions_with_ties(seed, num_points, on_a_grid, data):
    x, z = random_points(seed, num_points, 3, 2)
    if on_a_grid:  # many equal distances and equal points
        x, z = x.round(), z.round()
    k = data.draw(st.integers(1, (num_points - 1) // 2))
    rho, r = reference_ranks(x), reference_ranks(z)
    in_data, in_latent = (rho > 0) & (rho <= k), (r > 0) & (r <= k)
    recall = (in_data & in_latent).sum() / (k * num_points)
    worst = num_points * sum(abs(num_points - 2 * j) / j for j in range(1, k + 1))
    error = np.abs(rho - r)
    assert neighborhood_recall(x, z, k) == pytest.approx(recall)
    assert mean_relative_rank_errors(x, z, k) == pytest.approx(
        (
            (error[in_data] / rho[in_data]).sum() / worst,
            (error[in_latent] / r[in_latent]).sum() / worst,
        )
    )


def test_a_similarity_scores_perfectly():
    x, _ = random_points(0, 40, 2, 1)
    rotation = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(1)))[0]
    quality = embedding_quality(x, 3 * x @ rotation + 1, 7)
    assert quality == (1.0, 1.0, 1.0, 0.0, 0.0, 40)


def test_one_pair_of_swapped_points():
    x = torch.tensor([0.0, 1.0, 2.1, 3.3, 4.6, 6.0])
    z = x[[0, 1, 2, 3, 5, 4]]
    # Nearest neighbors in data: 1 0 1 2 3 4, in latent space: 1 0 1 2 3 4 with 4 and 5 exchanged.
    assert neighborhood_recall(x, z, 1) == pytest.approx(4 / 6)


def test_exchanged_ranks_have_error_one():
    # Neighbors in data: 0 sees (2, 1), 1 sees (2, 0), 2 sees (0, 1); in latent space the reverse.
    x, z = torch.tensor([0.0, 2.0, 0.9]), torch.tensor([0.0, 1.0, 2.1])
    assert mean_relative_rank_errors(x, z, 1) == (1.0, 1.0)


def test_all_scores_from_one_pass_equal_the_single_ones():
    x, z = random_points(3, 80, 20, 2)
    quality = embedding_quality(x, z, 6, num_samples=30, seed=5)
    options = {"k": 6, "num_samples": 30, "seed": 5}
    assert quality.trustworthiness == trustworthiness(x, z, **options)
    assert quality.continuity == continuity(x, z, **options)
    assert quality.neighborhood_recall == neighborhood_recall(x, z, **options)
    errors = mean_relative_rank_errors(x, z, **options)
    assert (quality.rank_error_data, quality.rank_error_latent) == errors
    assert quality.num_samples == 30


def test_a_sample_estimates_the_score_of_all_points():
    x, z = random_points(4, 1500, 5, 2)
    assert trustworthiness(x, z, num_samples=500) == pytest.approx(trustworthiness(x, z), abs=0.02)


def test_sampling_leaves_the_global_random_stream_alone():
    x, z = random_points(5, 50, 5, 2)
    state = torch.get_rng_state()
    trustworthiness(x, z, num_samples=10)
    assert torch.equal(state, torch.get_rng_state())


def test_a_large_common_offset_changes_nothing():
    x = random_points(6, 60, 40, 2)[0].double()
    z = x[:, :2].clone()
    assert embedding_quality(x + 1e6, z, 5) == pytest.approx(embedding_quality(x, z, 5))


def test_images_are_flattened():
    x, z = random_points(7, 30, 16, 2)
    assert trustworthiness(x.view(30, 1, 4, 4), z) == trustworthiness(x, z)


@pytest.mark.parametrize("k", [0, 5])
def test_k_must_be_positive_and_below_half_of_the_points(k):
    with pytest.raises(ValueError, match=f"k is {k}; for 10 points choose it from 1 to 4"):
        trustworthiness(torch.rand(10, 3), torch.rand(10, 1), k)


def test_rows_must_correspond():
    with pytest.raises(ValueError, match="x has 10 rows, z has 9 rows"):
        continuity(torch.rand(10, 3), torch.rand(9, 1), 2)

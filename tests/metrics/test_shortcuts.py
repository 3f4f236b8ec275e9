import math

import pytest
import torch

from nrae_geometric.metrics import shortcut_edges, shortcut_segments

# Two parallel lines of ten points, joined at one end: a narrow U, 20 points in order.
ARM = torch.arange(10.0)
NARROW_U = torch.stack(
    [torch.cat([ARM, ARM.flip(0)]), torch.cat([torch.zeros(10), torch.full((10,), 4.0)])], dim=1
)
PATH = torch.stack([torch.arange(19), torch.arange(1, 20)])


def polyline(vertices, parameters):
    """A decoder that runs through the vertices at increasing parameters, straight in between."""

    def decoder(z):
        right = torch.searchsorted(parameters, z[:, 0].contiguous()).clamp(1, len(parameters) - 1)
        left = right - 1
        t = (z[:, 0] - parameters[left]) / (parameters[right] - parameters[left])
        return torch.lerp(vertices[left], vertices[right], t[:, None])

    return decoder


def test_an_ordered_latent_has_no_shortcut():
    z = torch.arange(20.0)[:, None]
    edges = shortcut_edges(z, PATH, NARROW_U)
    assert edges.fraction == 0.0
    segments = shortcut_segments(polyline(NARROW_U, z.flatten()), z, NARROW_U, PATH[:, :9])
    assert segments.departure.max() == pytest.approx(0.5, abs=0.05)
    assert segments.fraction == 0.0


def test_an_edge_torn_apart_by_a_jump_to_the_other_arm_is_found():
    # Half the first arm, a jump, the whole second arm back to the bend, and the rest of the first.
    order = torch.cat([torch.arange(5), torch.arange(19, 4, -1)])
    z = order.argsort().float()[:, None]
    edges = shortcut_edges(z, PATH)
    assert edges.edge_index[:, edges.is_shortcut].tolist() == [[4], [5]]
    assert edges.stretch.max() == pytest.approx(15.0)
    assert edges.fraction == pytest.approx(1 / 19)

    decoder = polyline(NARROW_U[order], torch.arange(20.0))
    segments = shortcut_segments(decoder, z, NARROW_U, PATH)
    assert segments.edge_index[:, segments.departure > 1].tolist() == [[4], [5]]
    # Halfway through the jump from (4, 0) to (0, 4) the nearest points are (2, 0) and (2, 4).
    assert segments.departure.max() == pytest.approx(2.0, abs=0.1)
    assert segments.num_segments == 19


def test_a_long_edge_may_be_long_in_latent_space_too():
    x = torch.tensor([0.0, 1.0, 2.0, 3.0, 13.0])
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    assert shortcut_edges(x, edge_index).fraction == 0.25
    assert shortcut_edges(x, edge_index, x).fraction == 0.0


def test_an_edge_of_a_length_that_is_given_may_be_as_long_in_latent_space():
    x = torch.tensor([0.0, 1.0, 2.0, 3.0, 13.0])
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    length = torch.tensor([0.1, 0.1, 0.1, 1.0])
    assert shortcut_edges(x, edge_index, edge_length=length).fraction == 0.0
    assert shortcut_edges(x, edge_index, x, edge_length=torch.ones(4)).fraction == 0.25


@pytest.mark.parametrize("unit", [1, 1e-3])
def test_the_unit_of_lengths_that_are_given_does_not_matter_to_segments(unit):
    z = torch.arange(20.0)[:, None]
    decoder = polyline(NARROW_U, z.flatten())
    length = unit * (NARROW_U[1:] - NARROW_U[:-1]).norm(dim=1)

    expected = shortcut_segments(decoder, z, NARROW_U, PATH)
    found = shortcut_segments(decoder, z, NARROW_U, PATH, edge_length=length)
    assert torch.allclose(found.departure, expected.departure)


def test_a_short_edge_is_held_to_the_median():
    x = torch.tensor([0.0, 1.0, 2.0, 2.001, 3.0])
    z = torch.arange(5.0)
    edge_index = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 4]])
    assert shortcut_edges(z, edge_index, x).fraction == 0.0


def test_collapsed_latents_have_no_shortcut_edges():
    assert shortcut_edges(torch.zeros(20), PATH).stretch.tolist() == [0.0] * 19


def test_each_undirected_edge_is_judged_once():
    both = torch.cat([PATH, PATH.flip(0), PATH], dim=1)
    assert torch.equal(shortcut_edges(torch.rand(20), both).edge_index, PATH)


def test_segments_are_sampled_reproducibly_and_counted():
    z = torch.arange(20.0)[:, None]
    decoder = polyline(NARROW_U, z.flatten())
    first = shortcut_segments(decoder, z, NARROW_U, PATH, num_segments=6, seed=1)
    again = shortcut_segments(decoder, z, NARROW_U, PATH, num_segments=6, seed=1)
    assert first.num_segments == 6
    assert torch.equal(first.edge_index, again.edge_index)
    assert torch.equal(first.departure, again.departure)


def test_departure_is_measured_in_median_edges():
    x = torch.stack([torch.arange(4.0), torch.zeros(4)], dim=1) * 10
    z = torch.arange(4.0)[:, None]

    def lifted(z):
        return torch.cat([10 * z, torch.full_like(z, 30.0)], dim=1)

    segments = shortcut_segments(lifted, z, x, PATH[:, :3])
    halfway = 8 / 17
    assert segments.departure.tolist() == pytest.approx([math.hypot(3.0, halfway)] * 3)
    assert segments.fraction == 1.0


def test_a_straight_segment_between_distant_neighbors_does_not_depart():
    x = torch.stack([torch.tensor([0.0, 1.0, 2.0, 3.0, 13.0]), torch.zeros(5)], dim=1)
    z = torch.arange(5.0)[:, None]
    segments = shortcut_segments(polyline(x, z.flatten()), z, x, PATH[:, :4])
    assert segments.departure.max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("edge_index", [torch.empty(2, 0).long(), torch.tensor([[1, 2], [1, 2]])])
def test_a_graph_without_edges_is_refused(edge_index):
    with pytest.raises(ValueError, match="joins no two different points"):
        shortcut_edges(torch.rand(5), edge_index)


def test_edges_without_length_are_refused_as_a_unit():
    with pytest.raises(ValueError, match="remove the duplicates"):
        shortcut_segments(lambda z: z, torch.rand(20, 1), torch.zeros(20, 1), PATH)

"""Warnings in words."""

import numpy as np
import torch
from torch import nn

from nrae_geometric.nn import AE
from nrae_geometric.report.advice import (
    GraphFindings,
    dead_dimensions,
    examine_graph,
    suspicions,
    unsuspicious,
)

GOOD = {
    "trustworthiness": 0.99,
    "continuity": 0.99,
    "neighborhood recall": 0.9,
    "reconstruction R²": 0.9,
    "torn edges": 0.0,
}
CONNECTED = GraphFindings(1, np.zeros((2, 0), dtype=np.int64), False)


def titles(*arguments):
    return [each.title for each in suspicions(*arguments)]


def test_nothing_is_said_of_a_good_model():
    assert titles(GOOD, CONNECTED, [], 2) == []


def test_what_was_looked_for_is_named_where_nothing_was_found():
    every = unsuspicious(GOOD, CONNECTED, 100)
    assert every.startswith("the neighbor graph is one, no shortcuts, no torn edges, no fold")
    assert "shortcuts" not in unsuspicious(GOOD, CONNECTED, 10**6)
    without_graph = CONNECTED._replace(num_components=0)
    unknown = dict.fromkeys(GOOD)
    assert unsuspicious(unknown, without_graph, 100) == ""


def test_start_that_was_taken_is_no_remedy():
    folded = {**GOOD, "trustworthiness": 0.8}
    for from_geodesic in (False, True):
        [found] = suspicions(folded, CONNECTED, [], 2, from_geodesic)
        assert ("init='geodesic'" in found.advice) != from_geodesic


def test_each_fault_has_its_warning():
    bad = {**GOOD, "trustworthiness": 0.8, "torn edges": 0.1, "reconstruction R²": 0.2}
    graph = GraphFindings(3, np.zeros((2, 1), dtype=np.int64), True)
    expected = ["Disconnected", "Shortcuts", "Closed loop", "Folded", "Torn"]
    assert titles(bad, graph, [], 1) == [*expected, "Much is lost"]
    assert titles(GOOD, CONNECTED, [1], 2) == ["Dead latent dimension"]


def test_latents_that_are_too_few_are_told_once_and_not_where_one_is_dead():
    lossy = {**GOOD, "reconstruction R²": 0.4}
    [found] = suspicions(lossy, CONNECTED, [], 2, False, 5)
    assert found.title == "Too few latent dimensions"
    assert "--n-components 5" in found.advice
    assert titles(lossy, CONNECTED, [1], 2, False, 5) == ["Dead latent dimension", "Much is lost"]


def test_measures_without_a_value_are_passed_over():
    assert titles(dict.fromkeys(GOOD), CONNECTED, [], 2) == []


def test_points_that_the_graph_does_not_have_are_no_clusters():
    x = np.random.default_rng(0).normal(size=(7, 2))
    edges = np.array([[0, 1, 3, 4], [1, 2, 4, 5]])
    assert examine_graph(x, edges, None).num_components == 2


def test_latent_that_the_decoder_passes_over_is_dead():
    decoder = nn.Linear(3, 4)
    with torch.no_grad():
        decoder.weight[:, 1] = 0
    z = np.random.default_rng(0).normal(size=(50, 3))
    assert dead_dimensions(AE(nn.Linear(4, 3), decoder), z) == [1]

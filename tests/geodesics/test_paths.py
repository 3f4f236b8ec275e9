import torch

from nrae_geometric.geodesics.distance_graph import distance_graph
from nrae_geometric.geodesics.paths import farthest_pair, landmark_distances


def line(path_edges, *positions):
    x = torch.tensor(positions)[:, None]
    return distance_graph(x, path_edges(*x[:, 0].argsort().tolist()))


def test_the_ends_of_a_line_are_farthest_apart(path_edges):
    assert set(farthest_pair(line(path_edges, 3.0, 0.0, 9.0, 4.0, 1.0))) == {1, 2}


def test_landmarks_are_each_the_farthest_from_those_before(path_edges):
    landmarks, distance = landmark_distances(line(path_edges, 0.0, 1.0, 2.0, 6.0, 10.0), 3)

    assert sorted(landmarks[:2]) == [0, 4]
    assert landmarks[2] == 3
    assert distance[2].tolist() == [6, 5, 4, 0, 4]


def test_few_points_are_all_landmarks(path_edges):
    landmarks, distance = landmark_distances(line(path_edges, 0.0, 1.0, 3.0), 3)

    assert landmarks.tolist() == [0, 1, 2]
    assert distance.tolist() == [[0, 1, 3], [1, 0, 2], [3, 2, 0]]

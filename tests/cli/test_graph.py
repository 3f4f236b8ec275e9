"""``nrae graph``."""

import json

import numpy as np
import pytest
from sklearn.datasets import make_swiss_roll

from nrae_geometric.cli import main


@pytest.fixture
def graph(tmp_path, capsys, monkeypatch):
    """Looks at points in a folder of their own; returns the results."""
    monkeypatch.chdir(tmp_path)

    def run(points, *options):
        np.save("points.npy", points)
        assert main(["graph", "points.npy", "--json", *options]) == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return json.loads(captured.out)

    return run


def circle(num_points, radius=1.0):
    angle = np.linspace(0, 2 * np.pi, num_points, endpoint=False)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def test_circle_is_one_loop_of_one_dimension(graph, tmp_path):
    found = graph(circle(100), "--n-neighbors", "4")
    assert found["loop"]["length"] == pytest.approx(2 * np.pi, rel=0.2)
    assert found["intrinsic_dimension"] == pytest.approx(1, abs=0.3)
    assert found["degrees"] == {"smallest": 4, "median": 4, "largest": 4}
    assert (found["num_components"], found["component_sizes"]) == (1, [100])
    assert (tmp_path / "points_graph.png").read_bytes().startswith(b"\x89PNG")


def test_clusters_and_duplicates_are_counted(graph):
    points = np.random.default_rng(0).normal(size=(60, 3))
    points[:20] += 1000
    points[59] = points[58]
    found = graph(points, "--n-neighbors", "5")
    assert (found["num_components"], found["component_sizes"]) == (2, [40, 20])
    assert found["num_duplicates"] == 2
    assert found["loop"] is None


def test_columns_of_different_units_are_scaled_as_in_a_fit(graph):
    points = np.random.default_rng(0).random((200, 2))
    same, different = graph(points), graph(points * [1, 1000])
    assert (same["scale"], different["scale"]) == ("points", "columns")
    assert different["num_edges"] == pytest.approx(same["num_edges"], rel=0.05)
    assert different["intrinsic_dimension"] == pytest.approx(2, abs=0.3)
    assert graph(points * [1, 1000], "--scale", "points")["scale"] == "points"


def test_suggestion_is_used_unless_a_number_is_given(graph):
    roll, _ = make_swiss_roll(400, random_state=0)
    suggested = graph(roll)
    assert suggested["n_neighbors"] == suggested["suggested"]["n_neighbors"]
    assert suggested["suggested"]["reason"]
    assert graph(roll, "--n-neighbors", "3")["n_neighbors"] == 3


def test_shortcuts_are_counted_and_drawn(graph, monkeypatch):
    from nrae_geometric import visualization

    drawn = []
    original = visualization.plot_graph

    def recorded(places, edges, shortcuts, *arguments, **options):
        drawn.append(shortcuts)
        return original(places, edges, shortcuts, *arguments, **options)

    monkeypatch.setattr(visualization, "plot_graph", recorded)
    roll, angle = make_swiss_roll(800, random_state=0)
    found = graph(roll, "--n-neighbors", "14")
    assert found["num_shortcuts"] > 0
    assert drawn[0].shape == (2, found["num_shortcuts"])
    along = angle[drawn[0]]
    assert (np.abs(along[0] - along[1]) > 3).all()


def test_label_column_is_left_out_of_the_points(tmp_path, curve_file, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = str(curve_file(".csv"))
    assert main(["graph", path]) == 2
    assert "(--columns x,y), or take this one as labels (--label-column half)" in (
        capsys.readouterr().err
    )
    assert main(["graph", path, "--label-column", "half", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["num_values"] == 2


def test_text_says_what_to_do(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", circle(50))
    assert main(["graph", "points.npy", "--out", "pictures/a.svg"]) == 0
    out = capsys.readouterr().out
    assert "50 points of 2 values" in out
    for line in ("components  1", "loop", "dimension", "suggested "):
        assert line in out
    assert (tmp_path / "pictures" / "a.svg").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n-neighbors", "50"], "at most 49"),
        (["--metric", "taxi"], "unknown metric 'taxi'"),
        (["--out", "points.npy"], "the name of a picture ends in .png"),
    ],
)
def test_mistake_is_one_line_and_nothing_is_written(
    tmp_path, capsys, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", circle(50))
    assert main(["graph", "points.npy", *options]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert [path.name for path in tmp_path.iterdir()] == ["points.npy"]


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1, 2, 3)])
def test_columns_of_any_points_are_scaled(graph, shape):
    points = np.random.default_rng(0).normal(size=(40, *shape)) * 1000
    found = graph(points, "--scale", "columns", "--n-neighbors", "5")
    assert (found["scale"], found["num_values"]) == ("columns", int(np.prod(shape)))


@pytest.mark.parametrize("search", ["exact", "ivf"])
def test_graph_is_kept_for_a_fit(tmp_path, capsys, monkeypatch, search):
    if search == "ivf":
        pytest.importorskip("faiss")
    monkeypatch.chdir(tmp_path)
    points = np.random.default_rng(0).integers(-999, 999, (120, 3)).astype(np.int16)
    np.save("points.npy", points)
    command = ["graph", "points.npy", "--out", "kept/", "--n-neighbors", "6", "--search", search]
    for _ in range(2):  # the second run finds it
        assert main([*command, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert (found["n_neighbors"], found["is_complete"]) == (6, True)
        assert found["recall"] >= {"exact": 1, "ivf": 0.95}[search]
    assert main(command) == 0
    assert "6 neighbors each" in capsys.readouterr().out
    fit = ["fit", "points.npy", "--out", "m.nrae", "--graph", "kept", "--max-epochs", "1", "--json"]
    assert main(fit) == 0
    np.save("points.npy", points[::-1])
    assert main(fit) == 2
    assert "of other points" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rank_name", "count_name"), [("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS")]
)
def test_processes_keep_a_part_each(tmp_path, capsys, monkeypatch, rank_name, count_name):
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", np.random.default_rng(0).random((40, 3)))
    monkeypatch.setenv(count_name, "2")
    complete = []
    for rank in "01":
        monkeypatch.setenv(rank_name, rank)
        assert main(["graph", "points.npy", "--out", "kept/", "--json"]) == 0
        complete.append(json.loads(capsys.readouterr().out)["is_complete"])
    assert complete == [False, True]
    assert np.load("kept/indices.npy").shape == (40, 10)


def test_a_shell_of_an_allocation_of_slurm_is_one_process(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", np.random.default_rng(0).random((40, 3)))
    for name, value in (("SLURM_PROCID", "0"), ("SLURM_NTASKS", "4")):
        monkeypatch.setenv(name, value)
    assert main(["graph", "points.npy", "--out", "kept/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["is_complete"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--search", "ivf"], "--search and --recall are of a graph that --out FOLDER/ keeps"),
        (["--out", "kept/", "--recall", "0.9"], "the exact search finds all"),
        (["--out", "kept/", "--scale", "columns"], "of the points as they are"),
        (["--out", "kept/", "--n-neighbors", "40"], "--n-neighbors must be"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tmp_path, capsys, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    np.save("points.npy", np.random.default_rng(0).random((40, 3)))
    assert main(["graph", "points.npy", *options]) == 2
    assert message in capsys.readouterr().err

"""What the benchmarks share; never a time."""

import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_wine
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _benchmarks_on_the_path(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def children_of(process):
    children = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat.read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if int(parent) == process:
            children.append(int(stat.parent.name))
    return children


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_busy_process_ends_with_its_block_and_after_an_error():
    from _busy import busy_process

    before = set(children_of(os.getpid()))

    def fail_inside():
        with busy_process():
            assert len(set(children_of(os.getpid())) - before) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_inside()
    assert set(children_of(os.getpid())) <= before


def test_three_sheets_are_apart_and_two_dimensional():
    from _fit_data import three_sheets

    x, sheet = three_sheets(60_000)
    assert (x.shape, x.dtype) == ((60_000, 16), np.float32)
    distance, index = NearestNeighbors(n_neighbors=20).fit(x).kneighbors(x[:300])
    assert (sheet[index] == sheet[:300, None]).all()
    assert np.array_equal(three_sheets(60_000)[0], x)
    for rows in index[:50]:  # a small piece of a sheet lies in its tangent plane
        spread = np.linalg.svd(x[rows] - x[rows].mean(axis=0), compute_uv=False) ** 2
        assert spread[:2].sum() > 0.95 * spread.sum()
    assert distance.max() < 0.5


def test_measures_of_a_fit_are_those_of_scikit_learn():
    from _fit_measure import held_out_r2, measure

    found = measure("wine", "PCA", seed=0)
    x = StandardScaler().fit_transform(load_wine().data)
    z = PCA(2).fit_transform(x)
    assert found["trustworthiness"] == pytest.approx(
        trustworthiness(x, z, n_neighbors=10), abs=1e-4
    )
    assert 0.9 < found["accuracy"] <= 1
    assert found["seconds"] > 0
    assert found["transform"] > 0
    explained = PCA(2).fit(x).explained_variance_ratio_.sum()
    assert held_out_r2(PCA(2), x, 0) == pytest.approx(explained, abs=0.1)


def test_chart_has_a_panel_for_each_measure_that_is_known():
    from _fit_curve import Run, draw
    from _fit_measure import DEFAULT, PLAIN

    def found(seconds, r2):
        return {"seconds": seconds, "trustworthiness": 0.9, "accuracy": None, "r2": r2}

    runs = [Run("PCA", None, found(0.1, 0.3)), Run("UMAP", None, found(2.0, None))]
    for method in (PLAIN, DEFAULT):
        runs += [Run(method, epochs, found(2.0, 0.5)) for epochs in (1, 10, None)]
    figure = draw("swiss_roll", 1500, runs)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Trustworthiness (10)",
        "Held-out reconstruction R²",
    ]
    assert len(figure.axes[0].lines) == 6
    assert len(figure.axes[1].lines) == 5


@pytest.mark.slow
def test_alternatives_are_measured_where_there_is_a_way_back_and_a_truth():
    from alternatives import DEFAULT, compare, measure

    line = {method: measure("noisy sine", method, 0) for method in ("PCA", "Isomap", DEFAULT)}
    assert line["Isomap"]["r2"] is None
    assert line["PCA"]["r2"] < line[DEFAULT]["r2"] <= 1
    assert all(0.99 < found["truth"] <= 1 for found in line.values())
    assert measure("Swiss roll", "Isomap", 0)["truth"] > 0.99  # the true sheet, unrolled
    table = compare(["breast cancer"], ["PCA"], 2)
    name, method, trusted, truth, explained, *_ = table.rows[0]
    assert (name, method, truth) == ("breast cancer", "PCA", None)
    assert 0.5 < explained < trusted < 1


def test_true_distances_of_torus_and_half_sphere_are_those_along_them():
    from _rivals_data import PROBLEMS

    torus, sphere = PROBLEMS["torus"](0), PROBLEMS["half sphere"](0)
    first, second = torus.y[:2]
    turns = np.array([[i, j] for i in (-1, 0, 1) for j in (-1, 0, 1)]) * 2 * np.pi
    around = np.linalg.norm(second + turns - first, axis=1).min()
    assert torus.distances(torus.y[:2])[0] == pytest.approx(around)
    assert np.linalg.norm(torus.clean, axis=1) == pytest.approx(np.sqrt(2), abs=1e-5)
    angle = np.arccos(sphere.y[0] @ sphere.y[1])
    assert sphere.distances(sphere.y[:2])[0] == pytest.approx(angle)
    assert np.linalg.norm(sphere.clean, axis=1) == pytest.approx(1, abs=1e-5)
    for problem in (torus, sphere):  # noise apart, the points are where the clean ones are
        near, _ = NearestNeighbors(n_neighbors=1).fit(problem.clean).kneighbors(problem.x)
        assert near.mean() < 0.1


def test_rivals_tie_where_the_ranges_of_their_seeds_overlap():
    from _rivals_cells import MEASURES, outcome

    larger, smaller = MEASURES["r2"], MEASURES["error"]
    assert outcome([0.9, 0.8], [0.7, 0.6], larger) == "win"
    assert outcome([0.9, 0.8], [0.7, 0.6], smaller) == "loss"
    assert outcome([0.9, 0.6], [0.8, 0.7], larger) == "tie"
    assert outcome([0.9], [0.7, 0.6], larger) is None


def test_rivals_are_recorded_once_and_shown_before_all_have_run(tmp_path, monkeypatch):
    pytest.importorskip("optuna", reason="needs Optuna")
    import rivals
    from _rivals_figures import embeddings
    from _rivals_report import SUMMARY, tables

    monkeypatch.setattr(rivals, "RESULTS", tmp_path)
    record = rivals.compute(["spiral"], ["nrae", "PCA"], 2, quick=True)
    starts = ["nrae:random", "nrae:geodesic", "PCA:None"]
    fits = [f"spiral:{start}:{seed}" for seed in (0, 1) for start in starts]
    assert list(record) == ["spiral:nrae:search", *fits]
    assert record[fits[1]]["settings"] == record["spiral:nrae:search"]["settings"]
    assert -1 < record[fits[2]]["r2"] < 1

    def interrupted(run):
        raise KeyboardInterrupt(run.key)

    monkeypatch.setattr(rivals, "execute", interrupted)
    assert rivals.compute(["spiral"], ["nrae", "PCA"], 2, quick=True) == record
    with pytest.raises(KeyboardInterrupt, match="spiral:nrae:random:2"):
        rivals.compute(["spiral"], ["nrae", "PCA"], 3, quick=True)
    assert rivals.compute([], [], 0, quick=True) == record

    made = {table.title: table for table in tables(record)}
    assert made["Findings"].rows[0][1].startswith("6 runs.")
    assert "\n- **The start.** " in made["Findings"].markdown()
    assert [row[0] for row in made[SUMMARY].rows] == ["PCA"]
    assert [row[:2] for row in made["spiral: medians"].rows] == [
        ("nrae, random", 2),
        ("nrae, geodesic", 2),
        ("PCA", 2),
    ]
    assert len(embeddings(record, "geodesic").axes) == 2
    assert embeddings({}, "geodesic") is None


def test_page_of_the_rivals_includes_what_the_record_makes():
    page = (ROOT / "docs/results/rivals.md").read_text(encoding="utf-8")
    made = (ROOT / "benchmarks/results/rivals.md").read_text(encoding="utf-8")
    ends = re.findall(r':(?:start-after|end-before): "(.*)"', page)
    assert len(ends) == 22
    assert all(made.count(f"{end}") == 1 for end in ends if "→" in end or end.count(" ") > 2)
    starts = [made.index(end) for end in ends]
    assert all(first < last for first, last in zip(starts[::2], starts[1::2], strict=True))


def test_runs_that_lack_a_measure_are_made_again(tmp_path):
    from _record import finish
    from _rivals_runs import Fit, is_complete

    run, path = Fit("roll", "UMAP", None, 0), tmp_path / "runs.json"
    for found in ({"r2": 0.5}, {"r2": 0.5, "interpolation": 0.1}, {"r2": 0.0}):
        record = finish([run], lambda run, found=found: found, 1, path, None, is_complete)
    assert record[run.key]["interpolation"] == 0.1


def test_rivals_of_pythae_reconstruct_and_decode():
    pytest.importorskip("pythae", reason="needs pythae")
    from _rivals_runs import Budget, Fit, execute

    budget = Budget(hidden=(32,), epochs=30)
    for method in ("pythae AE", "pythae VAE"):
        found = execute(Fit("breast cancer", method, None, 0, {}, budget))
        assert 0.3 < found["r2"] < 1
        assert found["distortion"] >= 1


def test_claims_are_reproduced_where_every_seed_is_better():
    from claims import CLAIMS, Run, tables, verdict

    from nrae_geometric.registry import MODELS

    assert verdict([0.1, 0.2], [0.3, 0.4], larger_is_better=False) == "yes"
    assert verdict([0.1, 0.35], [0.3, 0.4], larger_is_better=False) == "in part"
    assert verdict([0.1, 0.2], [0.3, 0.4], larger_is_better=True) == "no"
    assert verdict([], [0.3], larger_is_better=True) is None
    assert {claim.method for claim in CLAIMS} == set(MODELS) - {"nrael", "nraeq", "shrunk"}
    claim = CLAIMS[0]
    pair = [Run(each, claim.data, claim.measure, "random", 0) for each in ("nrae", "ae")]
    record = {run.key: {"value": float(k)} for k, run in enumerate(pair)}
    claims, values = tables(record)
    assert claims.rows[0][-2:] == ("yes", None)
    assert values.rows[0][-4:] == (0.0, "0 to 0", 1.0, "1 to 1")


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["change of latents", "KL of densities", "clean error"])
def test_quantities_of_claims_are_finite(measure):
    from claims import CLAIMS, Run, execute

    claim = next(claim for claim in CLAIMS if claim.measure == measure)
    assert 0 < execute(Run("ae", claim.data, measure, "geodesic", 0))["value"] < 100


def test_ratios_of_a_scaled_copy_have_no_deviation():
    from _claims_measures import DATA, MEASURES

    class Scaled:
        method = "scaled"

        def transform(self, x):
            return 3 * x

    points = DATA["digits"](0)
    rows = np.arange(50)
    found = MEASURES["deviation of log ratios"](Scaled(), points, rows, rows, 0)
    assert found == pytest.approx(0, abs=1e-6)
    assert MEASURES["KL of densities"](Scaled(), points, rows, rows, 0) == pytest.approx(
        0, abs=1e-6
    )


def test_sheets_of_any_number_of_points_are_parallel():
    from scale import BLOCK, SHEETS, sheet_points

    x, uv, sheet = sheet_points(BLOCK, 400)
    assert x.shape == (400, 100)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(sheet_points(BLOCK, 400)[0], x)
    assert not np.array_equal(sheet_points(0, 400)[0], x)
    assert set(sheet) == set(range(SHEETS))
    # Without the shift across, all lie on one surface: equal coordinates, equal points.
    shifts = [x[sheet == i].mean(axis=0) for i in range(SHEETS)]
    across = shifts[2] - shifts[0]
    near = NearestNeighbors(n_neighbors=2).fit(uv)
    distance, index = near.kneighbors(uv)
    apart = np.linalg.norm(x - x[index[:, 1]], axis=1)
    same = sheet == sheet[index[:, 1]]
    close = distance[:, 1] < 0.02
    assert apart[same & close].max() < 0.2
    assert apart[~same & close].min() > 0.45
    assert np.linalg.norm(across) > 0.8

"""``nrae fit``."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nrae_geometric.cli import main
from nrae_geometric.estimator import ManifoldAutoencoder
from nrae_geometric.registry import MODELS
from nrae_geometric.report.quality import READINGS

ROOT = Path(__file__).parents[2]


def written(folder):
    return {path.name for path in folder.iterdir()}


def test_console_script_fits_a_table_and_tells_how_good_it_is(tmp_path, curve_file):
    path = curve_file(".csv")
    script = "import sys; from nrae_geometric.cli import main; sys.exit(main())"
    done = subprocess.run(
        [
            *(sys.executable, "-c", script, "fit", path.name, "--out", "models/curve.nrae"),
            *("--label-column", "half", "--max-epochs", "2", "--hidden-layer-sizes", "[32]"),
            *("--n-components", "1", "--n-neighbors", "4", "--random-state", "0"),
            *("--device", "cpu"),
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": ""},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "40 points of 2 values" in done.stdout
    for name, sentence in READINGS.items():
        assert name in done.stdout
        assert sentence[:40] in done.stdout
    assert done.stdout.endswith("model    models/curve.nrae\npicture  models/curve.png\n")
    assert written(tmp_path / "models") == {"curve.nrae", "curve.png"}
    fitted = ManifoldAutoencoder.load(tmp_path / "models" / "curve.nrae")
    assert list(fitted.feature_names_in_) == ["x", "y"]


@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".npy", []),
        (".npz", ["--array", "points", "--label-column", "half"]),
        (".npz", ["--array", "points", "--label-column", "t"]),
        (".csv", ["--columns", "y,x"]),
        (".parquet", ["--label-column", "half"]),
        (".pt", []),
        ("", ["--n-components", "3"]),
    ],
)
def test_every_kind_of_file_is_fitted(fit, tmp_path, curve_file, capsys, suffix, options):
    assert fit(curve_file(suffix), *options, "--json") == 0

    results = json.loads(capsys.readouterr().out)
    assert results["num_points"] == 40
    assert results["point_shape"] == ([2] if suffix else [1, 5, 4])
    assert results["measures"].keys() == READINGS.keys()
    assert Path(results["picture"]).read_bytes().startswith(b"\x89PNG")
    fitted = ManifoldAutoencoder.load(results["model"])
    assert fitted.embedding_.shape == (40, 3 if suffix == "" else 2)


def test_latents_that_points_seem_to_need_are_a_hint(fit, tmp_path, capsys):
    np.save(tmp_path / "cube.npy", np.random.default_rng(0).uniform(size=(400, 3)))
    assert fit(tmp_path / "cube.npy", "--n-components", "1") == 0
    assert "hint     the points seem to have 3 dimensions" in capsys.readouterr().out
    assert fit(tmp_path / "cube.npy", "--n-components", "3") == 0
    assert "hint" not in capsys.readouterr().out


def test_result_is_that_of_the_estimator(fit, tmp_path, curve_file, curve):
    assert fit(curve_file(".npy")) == 0
    expected = ManifoldAutoencoder(
        max_epochs=2, hidden_layer_sizes=[8], n_neighbors=4, random_state=0, device="cpu"
    ).fit(curve[0])
    fitted = ManifoldAutoencoder.load(tmp_path / "model.nrae")
    np.testing.assert_allclose(fitted.embedding_, expected.embedding_, atol=1e-6)


def test_training_starts_from_the_coordinates_of_a_file(fit, tmp_path, curve_file, curve):
    np.save(tmp_path / "start.npy", np.stack([curve[1], curve[1] ** 2], axis=1))
    assert fit(curve_file(".npy"), "--init", str(tmp_path / "start.npy")) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no file or folder"),
        ("", "there are no points"),
        ("x,y\n1,2\n3,red\n", "line 3, column 'y': 'red' is no number"),
        (
            "x,y\n1,2\n3,red\n",
            "pick other columns (--columns x), or take this one as labels (--label-column y)",
        ),
        ("x,a kind\n1,red\n", "(--label-column 'a kind')"),
        ("x,y\n1,2\n3,\n", "column 'y' is empty; pick other columns, or drop or impute the line\n"),
        ("x,y\n1,2\n3,nan\n", "have NaN or infinite values (first: row 1"),
        ("x;y\n1;2\n", "separated by semicolons"),
        ("1,2\n3,4\n", "the first line holds numbers"),
        ("x,y\n1,2\n", "minimum of 2 is required"),
        ("x,y\n1,2\n1,2\n1,2\n", "all 3 points are equal"),
    ],
)
def test_bad_table_is_one_line_and_nothing_is_written(fit, tmp_path, capsys, content, message):
    path = tmp_path / "points.csv"
    if content is not None:
        path.write_text(content)
    assert fit(path, "--n-neighbors", "1", out="models/a.nrae") == 2
    [line] = capsys.readouterr().err.splitlines(keepends=True)
    assert line.startswith("nrae: ")
    assert message in line
    assert written(tmp_path) <= {"points.csv"}


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".parquet", ".pt"])
def test_damaged_file_is_one_line_and_nothing_is_written(fit, tmp_path, curve_file, capsys, suffix):
    path = curve_file(suffix)
    path.write_bytes(path.read_bytes()[:-40])
    assert fit(path) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert written(tmp_path) == {path.name}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--columns", "x,z"], "there is no column 'z'"),
        (["--columns", "x,,y"], "different names with commas between"),
        (["--columns", "x,y", "--label-column", "shade"], "there is no column 'shade'"),
        (["--array", "x"], "--array picks an array of an .npz file"),
        (["--columns", "x,y", "--n-components", "1.5"], "'n_components' parameter"),
        (["--columns", "x,y", "--n-components", "true"], "n_components must be an integer"),
        (["--columns", "x,y", "--n-neighbors", "40"], "n_neighbors must be from 1 to 39"),
        (["--columns", "x,y", "--method", "nray"], "unknown model 'nray'"),
        (["--columns", "x,y", "--device", "99"], "99"),
        (["--columns", "x,y", "--out", "model.csv"], "the name of a model ends in .nrae"),
        (["--columns", "x,y", "--out", "points.csv/model.nrae"], "points.csv is no folder"),
    ],
)
def test_bad_option_is_one_line_and_nothing_is_written(
    fit, tmp_path, curve_file, capsys, monkeypatch, options, message
):
    monkeypatch.chdir(tmp_path)
    assert fit(curve_file(".csv"), *options) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert written(tmp_path) == {"points.csv"}


def test_words_beside_the_labels_are_met_with_the_columns_alone(fit, tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("x,kind,place\n1,a,b\n2,a,b\n")
    assert fit(path, "--label-column", "kind") == 2
    assert capsys.readouterr().err.endswith("pick other columns (--columns x)\n")


def test_mistyped_label_column_is_named_before_the_words(fit, curve_file, capsys):
    assert fit(curve_file(".csv"), "--label-column", "halv") == 2
    assert "there is no column 'halv'; there are 'x', 'y', 'half'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "id", "Unnamed: 0"])
def test_index_among_the_columns_is_warned_of(fit, tmp_path, capsys, name):
    rows = "".join(f"{i},{i * 0.5},{i % 3},a\n" for i in range(12))
    (tmp_path / "idx.csv").write_text(f"{name},x,y,kind\n{rows}")
    assert fit(tmp_path / "idx.csv", "--label-column", "kind") == 0
    err = capsys.readouterr().err
    assert "counts from 0 to 11: an index? leave it out with --columns x,y\n" in err
    assert fit(tmp_path / "idx.csv", "--columns", "x,y", "--label-column", "kind") == 0
    assert "an index?" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--dim", "--dims", "--latent-dims"])
def test_other_names_of_the_dimension_are_told(fit, curve_file, capsys, option):
    with pytest.raises(SystemExit):
        fit(curve_file(".npy"), option, "1")
    assert "did you mean --n-components?" in capsys.readouterr().err


def test_latent_dim_is_another_name_of_n_components(fit, tmp_path, curve_file):
    assert fit(curve_file(".npy"), "--latent-dim", "1") == 0
    assert ManifoldAutoencoder.load(tmp_path / "model.nrae").n_components == 1


@pytest.mark.parametrize(
    ("suffix", "message"),
    [(".npz", "name one of its arrays by --array NAME"), (".npy", "into one .npz file")],
)
def test_messages_of_readers_name_options(fit, curve_file, capsys, suffix, message):
    assert fit(curve_file(suffix), "--label-column", "t") == 2
    assert message in capsys.readouterr().err


def test_names_of_columns_are_never_taken_for_advice(fit, tmp_path, capsys):
    path = tmp_path / "points.csv"
    path.write_text("by columns=[name],could be one\n1,2\n")
    assert fit(path, "--columns", "x") == 2
    assert "'by columns=[name]', 'could be one'" in capsys.readouterr().err


def test_columns_of_points_without_names_are_refused(fit, curve_file, capsys):
    assert fit(curve_file(".npy"), "--columns", "x,y") == 2
    assert "--columns picks columns of a table" in capsys.readouterr().err


def test_debug_shows_where_an_error_arose(fit, tmp_path, capsys):
    assert fit(tmp_path / "gone.csv", "--debug") == 2
    assert "Traceback" in capsys.readouterr().err


def test_place_that_cannot_be_written_is_found_before_the_fit(
    fit, tmp_path, curve_file, capsys, monkeypatch
):
    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("nrae_geometric.cli.outputs.check_writable", refused)
    monkeypatch.setattr(ManifoldAutoencoder, "fit", None)
    assert fit(curve_file(".npy")) == 2
    assert "--out" in capsys.readouterr().err


def test_interrupt_leaves_nothing_behind(fit, tmp_path, curve_file, capsys, monkeypatch):
    def interrupted(self, *arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(ManifoldAutoencoder, "fit", interrupted)
    assert fit(curve_file(".npy")) == 130
    assert capsys.readouterr().err == "nrae: interrupted\n"
    assert written(tmp_path) == {"points.npy"}


def test_list_is_json(capsys):
    assert main(["list", "--json"]) == 0
    [first, *_] = json.loads(capsys.readouterr().out)["experiments"]
    assert first.keys() == {"name", "dataset", "type", "epochs"}


@pytest.mark.parametrize("method", [name for name in MODELS if name not in ("nrael", "nraeq")])
def test_every_model_is_fitted_and_has_a_report(fit, tmp_path, curve_file, method):
    points, page = curve_file(".csv"), tmp_path / "page.html"
    options = ["--label-column", "half", "--method", method, "--init", "pca"]
    assert fit(points, *options) == 0
    assert ManifoldAutoencoder.load(tmp_path / "model.nrae").method == method
    judged = ["--points", str(points), "--label-column", "half", "--out", str(page)]
    assert main(["report", str(tmp_path / "model.nrae"), *judged]) == 0
    assert method in page.read_text(encoding="utf-8")

"""``nrae evaluate``."""

from nrae_geometric.cli import main


def test_evaluate_prints_all_metrics_and_adds_them_to_those_of_training(train, tmp_path, capsys):
    assert train("AE_toy_denoising") == 0
    directory = tmp_path / "AE_toy_denoising"
    capsys.readouterr()
    assert main(["evaluate", str(directory), "--device", "cpu"]) == 0

    out = capsys.readouterr().out
    for name in ("reconstruction_error", "trustworthiness", "shortcut_segments", "median_degree"):
        assert name in out
    assert "shortcut_segments" in (directory / "metrics.json").read_text()


def test_evaluate_names_what_is_not_there(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path)]) == 2
    assert "there is no config.yml" in capsys.readouterr().err


def test_evaluate_takes_no_settings(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path), "--seed", "3"]) == 2
    assert "evaluate takes no settings" in capsys.readouterr().err

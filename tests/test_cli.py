import json
import re
import subprocess
import sys

import numpy as np
import pytest
import torch

from nrae_geometric import __version__
from nrae_geometric.cli import main
from nrae_geometric.configs import experiment_names, load_config
from nrae_geometric.estimator import ManifoldAutoencoder

SMALL = [
    "--training.num_epochs=2",
    *("--model.encoder.l_hidden", "[8, 8, 8]", "--model.decoder.l_hidden", "[8, 8, 8]"),
]


@pytest.fixture(autouse=True)
def _keep_denormals():
    yield
    torch.set_flush_denormal(False)


def train(tmp_path, *arguments):
    options = ["--device", "cpu", "--logdir", str(tmp_path), "--no-animation"]
    return main(["train", *arguments, *SMALL, *options])


def merged(tmp_path, name="AE_toy_denoising"):
    return load_config(tmp_path / name / "config.yml")


def test_list_names_every_packaged_experiment(capsys):
    assert main(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == experiment_names()


def test_output_that_nobody_reads_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "nrae_geometric", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait() == 141


def test_version_is_printed(capsys):
    with pytest.raises(SystemExit) as leave:
        main(["--version"])
    assert leave.value.code == 0
    assert capsys.readouterr().out.strip() == __version__


def test_module_is_the_command():
    command = [sys.executable, "-m", "nrae_geometric", "--version"]
    assert subprocess.run(command, capture_output=True, text=True).stdout.strip() == __version__


def test_help_and_list_do_not_wait_for_torch():
    code = (
        "import sys; from nrae_geometric.cli import main; main(['list']); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


@pytest.mark.parametrize(
    "config",
    [
        ["AE_toy_denoising"],
        ["--config", "AE_toy_denoising"],
        ["--config", "configs/AE_toy_denoising.yml"],
        ["--config=configs/AE_toy_denoising.yml"],
    ],
)
def test_train_takes_a_name_or_the_published_path(tmp_path, capsys, config):
    assert train(tmp_path, *config) == 0

    out = capsys.readouterr().out
    assert "reconstruction_error" in out
    assert str(tmp_path / "AE_toy_denoising") in out
    assert (tmp_path / "AE_toy_denoising" / "metrics.json").is_file()


def test_settings_are_typed_as_in_a_file(tmp_path):
    arguments = ["AE_toy_denoising", "--optimizer.lr", "1e-2", "--seed=4"]
    assert train(tmp_path, *arguments, "--data.training.noise_level", "0") == 0

    config = merged(tmp_path)
    assert (config.optimizer.lr, config.seed, config.training.num_epochs) == (0.01, 4, 2)
    assert config.data.training.noise_level == 0
    assert config.model.encoder.l_hidden == [8, 8, 8]


def test_settings_may_come_before_the_configuration(tmp_path):
    assert train(tmp_path, "--seed", "4", "--config", "AE_toy_denoising") == 0
    assert merged(tmp_path).seed == 4


def test_resume_goes_on(tmp_path):
    assert train(tmp_path, "AE_toy_denoising") == 0
    assert train(tmp_path, "AE_toy_denoising", "--resume") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["AE_toy_denosing"], "neither a file nor one of the packaged experiments"),
        (["AE_toy_denoising", "--training.num_epoch", "3"], "did you mean training.num_epochs?"),
        (["AE_toy_denoising", "--optimizer.lr", "fast"], "optimizer.lr: should be a valid number"),
        (["AE_toy_denoising", "--seed"], "--seed needs a value"),
        (["AE_toy_denoising", "--seed", "[1"], "--seed has 1 fault:"),
        (["AE_toy_denoising", "--device", "gpu"], "device 'gpu' is not understood"),
        (["AE_toy_denoising", "--device", "99"], "--device cpu"),
        (["AE_toy_denoising", "--resume"], "nothing to resume"),
        (["AE_toy_denoising", "--optimizer.lr", "1e30"], "try a smaller learning rate"),
    ],
)
def test_mistake_is_one_message_and_exit_code_2(tmp_path, capsys, arguments, message):
    code = main(["train", "--logdir", str(tmp_path), *arguments])

    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments", [[], ["trian"], ["train"], ["train", "AE_toy_denoising", "--devise", "cpu"]]
)
def test_unknown_command_or_option_shows_the_usage(capsys, arguments):
    with pytest.raises(SystemExit) as leave:
        main(arguments)
    assert leave.value.code == 2
    assert "usage: nrae" in capsys.readouterr().err


def test_list_takes_no_settings(capsys):
    assert main(["list", "--seed", "3"]) == 2
    assert "list takes no settings" in capsys.readouterr().err


def test_interrupt_exits_with_130(monkeypatch, capsys):
    def interrupted(config, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("nrae_geometric.experiments.run_experiment", interrupted)
    assert main(["train", "AE_toy_denoising"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_evaluate_prints_all_metrics_and_adds_them_to_those_of_training(tmp_path, capsys):
    assert train(tmp_path, "AE_toy_denoising") == 0
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


@pytest.fixture
def _small_trials(monkeypatch):
    pytest.importorskip("optuna", reason="needs the extra: pip install '.[tune]'")
    from nrae_geometric import tuning

    search = tuning.tune

    def small(points, estimator, **options):
        estimator.set_params(hidden=(4,), init="random")
        return search(points, estimator, num_folds=2, **options)

    monkeypatch.setattr(tuning, "tune", small)


def tune(tmp_path, *arguments):
    options = ["--device", "cpu", "--logdir", str(tmp_path), "--trials", "2", "--epochs", "1"]
    return main(["tune", *arguments, *options])


def printed_estimator(out):
    """What a user gets who copies the printed estimator."""
    text = re.search(r"ManifoldAutoencoder\(.*?\)$", out, re.DOTALL | re.MULTILINE).group()
    return eval(text, {"ManifoldAutoencoder": ManifoldAutoencoder})


@pytest.mark.usefixtures("_small_trials")
def test_tune_takes_an_experiment_and_tells_how_to_train_it(tmp_path, capsys):
    assert tune(tmp_path, "NRAEL_toy_geometry_preserving", "--data.training.num_data", "15") == 0

    out = capsys.readouterr().out
    best = json.loads((tmp_path / "tune_NRAEL_toy_geometry_preserving/best.json").read_text())
    shown = printed_estimator(out).get_params()
    assert {name: shown[name] for name in ("n_neighbors", "weight", "order")} == {
        name: best[name] for name in ("n_neighbors", "weight", "order")
    }
    assert (shown["num_epochs"], shown["batch_size"]) == (1, 15)
    assert (tmp_path / "tune_NRAEL_toy_geometry_preserving" / "trials.csv").is_file()
    command = next(line for line in out.splitlines() if "nrae train" in line).split()[3:]
    assert train(tmp_path, "NRAEL_toy_geometry_preserving", *command) == 0


@pytest.mark.usefixtures("_small_trials")
def test_tune_takes_a_file_of_points(tmp_path, capsys):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(12, 2)))
    assert tune(tmp_path, str(tmp_path / "mine.npy"), "--seed", "1") == 0

    out = capsys.readouterr().out
    assert "nrae train" not in out
    assert printed_estimator(out).random_state == 1
    assert (tmp_path / "tune_mine" / "tuning.png").is_file()


def test_tune_never_unpickles(tmp_path, capsys):
    np.save(tmp_path / "objects.npy", np.array([print, None]), allow_pickle=True)
    assert tune(tmp_path, str(tmp_path / "objects.npy")) == 2
    assert "allow_pickle=False" in capsys.readouterr().err


def test_tune_names_a_setting_that_a_file_does_not_have(tmp_path, capsys):
    assert tune(tmp_path, "points.npy", "--optimizer.lr", "1") == 2
    assert "no settings but --seed, got --optimizer.lr" in capsys.readouterr().err


def test_training_does_not_compute_with_denormal_numbers(tmp_path):
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush them")
    torch.set_flush_denormal(False)
    assert torch.tensor(1e-39).mul(0.5) > 0
    assert train(tmp_path, "AE_toy_denoising") == 0
    assert torch.tensor(1e-39).mul(0.5) == 0

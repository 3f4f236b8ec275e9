"""``nrae train`` and ``nrae list``."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from nrae_geometric.cli import main
from nrae_geometric.configs import experiment_names, load_config


def merged(tmp_path, name="AE_toy_denoising"):
    return load_config(tmp_path / name / "config.yml")


def test_list_names_every_packaged_experiment(capsys):
    assert main(["list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == experiment_names()


def test_list_takes_no_settings(capsys):
    assert main(["list", "--seed", "3"]) == 2
    assert "list takes no settings" in capsys.readouterr().err


@pytest.mark.parametrize(
    "config",
    [
        ["AE_toy_denoising"],
        ["--config", "AE_toy_denoising"],
        ["--config", "configs/AE_toy_denoising.yml"],
        ["--config=configs/AE_toy_denoising.yml"],
    ],
)
def test_train_takes_a_name_or_the_published_path(train, tmp_path, capsys, config):
    assert train(*config) == 0

    out = capsys.readouterr().out
    assert "reconstruction_error" in out
    assert str(tmp_path / "AE_toy_denoising") in out
    assert (tmp_path / "AE_toy_denoising" / "metrics.json").is_file()


def test_settings_are_typed_as_in_a_file(train, tmp_path):
    arguments = ["AE_toy_denoising", "--optimizer.lr", "1e-2", "--seed=4"]
    assert train(*arguments, "--data.training.noise_level", "0") == 0

    config = merged(tmp_path)
    assert (config.optimizer.lr, config.seed, config.training.num_epochs) == (0.01, 4, 2)
    assert config.data.training.noise_level == 0
    assert config.model.encoder.l_hidden == [8, 8, 8]


def test_settings_may_come_before_the_configuration(train, tmp_path):
    assert train("--seed", "4", "--config", "AE_toy_denoising") == 0
    assert merged(tmp_path).seed == 4


def test_resume_goes_on(train, tmp_path):
    assert train("AE_toy_denoising") == 0
    assert train("AE_toy_denoising", "--resume") == 0


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


def test_training_does_not_compute_with_denormal_numbers(train, tmp_path):
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot flush them")
    torch.set_flush_denormal(False)
    assert torch.tensor(1e-39).mul(0.5) > 0
    assert train("AE_toy_denoising") == 0
    assert torch.tensor(1e-39).mul(0.5) == 0


def test_train_prints_the_measures_that_it_writes(train, tmp_path, capsys):
    assert train("AE_toy_denoising") == 0

    metrics = json.loads((tmp_path / "AE_toy_denoising" / "metrics.json").read_text())
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["reconstruction_error", f"{metrics['reconstruction_error']:.4g}"] in rows
    assert ["spearman", f"{metrics['latent_order']['spearman']:.4g}"] in rows


@pytest.fixture
def helix_config(tmp_path):
    settings = load_config("NRAEL_toy_denoising").to_dict()
    settings["exp_name"] = "helix"
    settings["data"] = {"training": {"dataset": "helix", "batch_size": 8, "graph": {"num_nn": 3}}}
    settings["model"]["x_dim"] = 3
    path = tmp_path / "helix.yml"
    path.write_text(yaml.safe_dump(settings))
    return str(path)


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_plugin_makes_its_points_known_to_the_command(tmp_path, helix_config, capsys, before):
    plugin = ["--plugin", str(Path(__file__).with_name("helix.py"))]
    command = ["train", helix_config, "--logdir", str(tmp_path), "--training.num_epochs", "2"]
    assert main([*plugin, *command] if before else [*command, *plugin]) == 0
    assert "reconstruction_error" in capsys.readouterr().out

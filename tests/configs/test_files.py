import subprocess
import sys

import pytest
import yaml

from nrae_geometric.configs import ConfigError, experiment_names, load_config

# The table of the published experiments: dataset, batch, (num_nn, bs_nn, center, replace),
# lambda, epochs.
PUBLISHED = {
    "AE_toy_denoising": ("sincurve", 32, None, None, 2001),
    "NRAEL_toy_denoising": ("sincurve", 32, (10, 2, False, True), 100, 2001),
    "NRAEQ_toy_denoising": ("sincurve", 32, (10, 2, False, True), 100, 2001),
    "AE_toy_geometry_preserving": ("swiss_role", 16, None, None, 2001),
    "NRAEL_toy_geometry_preserving": ("swiss_role", 16, (2, 2, True, False), 2, 2001),
    "NRAEQ_toy_geometry_preserving": ("swiss_role", 16, (3, 2, True, False), 100, 2001),
    "AE_mnist_rotated": ("rotate", 50, None, None, 1001),
    "NRAEL_mnist_rotated": ("rotate", 50, (10, 2, True, False), 10, 1001),
    "NRAEQ_mnist_rotated": ("rotate", 50, (15, 2, True, False), 10, 1001),
    "AE_mnist_shifted": ("shift", 10, None, None, 1001),
    "NRAEL_mnist_shifted": ("shift", 10, (2, 2, True, False), 100, 1001),
    "NRAEQ_mnist_shifted": ("shift", 10, (4, 2, True, False), 100, 1001),
}


def test_the_twelve_published_experiments_are_packaged():
    assert experiment_names() == sorted(PUBLISHED)


@pytest.mark.parametrize("name", PUBLISHED)
def test_packaged_experiment_has_the_published_settings(name):
    config = load_config(name)
    points, graph = config.data.training, config.data.training.graph
    described = (
        points.type,
        points.batch_size,
        graph and (graph.num_nn, graph.bs_nn, graph.include_center, graph.replace),
        config.model.kernel.weight if graph else None,
        config.training.num_epochs,
    )
    assert described == PUBLISHED[name]
    assert config.exp_name == name
    assert config.model.arch == name.split("_")[0].lower()
    assert config.optimizer.lr == 0.001
    assert config.model.encoder.l_hidden == config.model.decoder.l_hidden == [512, 512, 512]


def test_toy_experiments_are_measured_on_1000_clean_points():
    for name in (name for name in PUBLISHED if "toy" in name):
        test = load_config(name).data.test
        assert (test.num_data, test.noise_level) == (1000, 0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_written_file_reads_back_as_the_same_experiment(name, tmp_path):
    config = load_config(name, {"seed": 7})
    path = tmp_path / "config.yml"
    path.write_text(config.to_yaml())

    assert load_config(path) == config


@pytest.mark.parametrize(
    "name", ["NRAEL_toy_denoising", "configs/NRAEL_toy_denoising.yml", "x/NRAEL_toy_denoising.yaml"]
)
def test_packaged_experiment_is_found_by_name_and_by_published_path(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_config(name) == load_config("NRAEL_toy_denoising")


def test_existing_file_is_preferred_to_the_packaged_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "NRAEL_toy_denoising.yml"
    path.write_text(load_config("NRAEL_toy_denoising", {"seed": 5}).to_yaml())

    assert load_config("NRAEL_toy_denoising.yml").seed == 5


def test_unknown_experiment_is_an_error_that_lists_the_known_ones():
    with pytest.raises(FileNotFoundError, match="AE_toy_denoising"):
        load_config("AE_toy_denosing")


def test_both_spellings_of_the_swiss_roll_are_accepted():
    for spelling in ("swiss_role", "swiss_roll"):
        config = load_config("AE_toy_denoising", {"data.training.type": spelling})
        assert config.data.training.type == spelling


def test_overrides_replace_and_add_keys():
    config = load_config(
        "NRAEL_toy_denoising",
        {"training.num_epochs": 3, "seed": 2, "model.kernel.lambda": 0.5},
    )
    assert (config.training.num_epochs, config.seed, config.model.kernel.weight) == (3, 2, 0.5)


def test_override_below_a_value_is_an_error():
    with pytest.raises(ConfigError, match="seed is a value"):
        load_config("AE_toy_denoising", {"seed": 1, "seed.value": 2})


@pytest.mark.parametrize(("text", "value"), [("1e-4", 1e-4), ("1.5e-3", 1.5e-3), ("2E0", 2.0)])
def test_exponents_without_a_sign_or_a_dot_are_numbers(tmp_path, text, value):
    path = tmp_path / "config.yml"
    path.write_text(load_config("AE_toy_denoising").to_yaml().replace("0.001", text))

    assert load_config(path).optimizer.lr == value


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("exp_name: [1", "not valid YAML"),
        ("seed: 1\nseed: 2", "a key is given twice"),
        ("- 1\n- 2", "keys and values"),
        ("", "keys and values"),
        ("x: !!python/object/apply:os.getcwd []", "not valid YAML"),
    ],
)
def test_file_that_is_not_a_configuration_is_an_error_that_names_it(tmp_path, text, match):
    path = tmp_path / "broken.yml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=match) as error:
        load_config(path)
    assert str(path) in str(error.value)


def test_dictionary_is_the_published_file_again():
    config = load_config("NRAEQ_toy_denoising")
    assert config.to_dict()["model"]["kernel"] == {"type": "binary", "lambda": 100}
    assert yaml.safe_load(config.to_yaml()) == config.to_dict()


def test_importing_the_format_does_not_import_torch():
    code = "import sys, nrae_geometric.configs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

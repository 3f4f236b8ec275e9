"""Every fault of a configuration is one line with the key's path and what to do."""

import pytest
from pydantic import ValidationError

from nrae_geometric.configs import ConfigError, ExperimentConfig, load_config

GRAPH = "data.training.graph"


def faults(name="NRAEL_toy_denoising", **changes):
    with pytest.raises(ConfigError) as error:
        load_config(name, {key.replace("__", "."): value for key, value in changes.items()})
    return error.value.faults


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("trainig.num_epochs", "training"),
        ("training.num_epoch", "training.num_epochs"),
        ("data.training.nun_data", "data.training.num_data"),
        ("data.training.graph.num_n", "data.training.graph.num_nn"),
        ("data.training.num_nn", "data.training.graph.num_nn"),
        ("model.kernel.lamda", "model.kernel.lambda"),
        ("model.l_hidden", "model.encoder.l_hidden"),
        ("lr", "optimizer.lr"),
        ("num_epochs", "training.num_epochs"),
    ],
)
def test_unknown_key_names_the_nearest_valid_one(key, nearest):
    unknown = key if "trainig" not in key else "trainig"
    assert faults(**{key: 1}) == [f"{unknown}: unknown key; did you mean {nearest}?"]


def test_unknown_key_without_a_near_one_lists_the_valid_ones():
    assert faults(optimizer__qqq=1) == ["optimizer.qqq: unknown key; valid here: lr"]


def test_key_of_another_kind_of_points_is_unknown():
    (fault,) = faults("AE_mnist_rotated", data__training__noise_level=0.1)
    assert fault.startswith("data.training.noise_level: unknown key; valid here: ")
    assert "num_rotate" in fault
    assert "num_data" not in fault


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("training.num_epochs", "many", "should be a valid integer, got 'many'"),
        ("training.num_epochs", 1.5, "should be a valid integer"),
        ("training.num_epochs", True, "should be a valid integer, got True"),
        ("training.num_epochs", 0, "should be greater than 0, got 0"),
        ("optimizer.lr", "fast", "should be a valid number, got 'fast'"),
        ("optimizer.lr", float("nan"), "finite number, got nan"),
        ("optimizer.lr", -1.0, "should be greater than 0"),
        ("seed", -1, "should be greater than or equal to 0, got -1"),
        ("exp_name", "../elsewhere", "plain name of a folder, got '../elsewhere'"),
        ("exp_name", "..", "plain name of a folder"),
        ("exp_name", 3, "should be a valid string, got 3"),
        ("data.training.noise_level", -0.1, "greater than or equal to 0, got -0.1"),
        ("data.training.graph.replace", "yes", "should be a valid boolean, got 'yes'"),
        ("data.training.dataset", "cifar", "got 'cifar'"),
        ("data.training.type", "spiral", "'swiss_role', 'swiss_roll'"),
        ("data.training.graph.backend", "fais", "should be one of 'auto', "),
        ("data.training.graph.metric", "hamming", "should be one of "),
        ("model.arch", "perceptron", "'nrael', 'nraeq', "),
        ("model.kernel.type", "triangular", "one of 'binary', 'gaussian', got 'triangular'"),
        ("training.init", "umap", "should be 'random', 'geodesic' or 'pca', got 'umap'"),
        ("model.z_dim", 0, "should be greater than 0, got 0"),
        ("model.kernel.lambda", -1, "greater than or equal to 0, got -1"),
        ("model.encoder.l_hidden", 512, "should be a valid list, got 512"),
    ],
)
def test_wrong_value_names_its_key_and_reason(key, value, reason):
    (fault,) = faults(**{key: value})
    assert fault.startswith(f"{key}: ")
    assert reason in fault


def test_wrong_entry_of_a_list_names_its_position():
    (fault,) = faults(model__decoder__l_hidden=[512, 0, 512])
    assert fault == "model.decoder.l_hidden.1: should be greater than 0, got 0"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {f"{GRAPH}.bs_nn": 11, f"{GRAPH}.replace": False},
            f"{GRAPH}.bs_nn: 11 neighbors cannot be drawn from num_nn = 10",
        ),
        (
            {f"{GRAPH}.bs_nn": 12, f"{GRAPH}.replace": False, f"{GRAPH}.include_center": True},
            f"{GRAPH}.bs_nn: 11 neighbors cannot be drawn from num_nn = 10",
        ),
        ({f"{GRAPH}.num_nn": 50}, f"{GRAPH}.num_nn: 50 neighbors need more than the 50 points"),
        ({"model.encoder.l_hidden": [64, 64]}, "model.encoder.activation: 3 activations for 2"),
        ({"model.x_dim": 3}, "model.x_dim: each point has 2 values, got 3"),
        ({"model.decoder.arch": "fc_image"}, "model.decoder.arch: fc_image does not fit"),
        (
            {"data.test": {"dataset": "mnist", "batch_size": 1}},
            "data.test.dataset: points of",
        ),
    ],
)
def test_impossible_combination_names_its_key_and_reason(changes, line):
    (fault,) = faults(**changes)
    assert fault.startswith(line)


@pytest.mark.parametrize(
    ("name", "key", "num_points"),
    [("NRAEL_mnist_rotated", "num_rotate", 10), ("NRAEL_mnist_shifted", "shift_range", 1)],
)
def test_orbit_with_too_few_images_for_its_graph_is_impossible(name, key, num_points):
    (fault,) = faults(name, **{f"data.training.{key}": num_points})
    assert fault.startswith("data.training.graph.num_nn:")


def test_default_values_take_part_in_combinations():
    config = load_config("NRAEL_mnist_rotated")
    settings = config.to_dict()
    del settings["data"]["training"]["num_rotate"]
    settings["data"]["training"]["graph"]["num_nn"] = 100
    with pytest.raises(ConfigError, match="more than the 100 points"):
        ExperimentConfig.from_dict(settings)


def test_bs_nn_counts_the_center():
    changes = {f"{GRAPH}.bs_nn": 11, f"{GRAPH}.replace": False, f"{GRAPH}.include_center": True}
    assert load_config("NRAEL_toy_denoising", changes).data.training.graph.bs_nn == 11


@pytest.mark.parametrize("arch", ["nrael", "nraeq"])
def test_published_nrae_needs_a_kernel(arch):
    assert faults("AE_toy_denoising", model__arch=arch) == ["model.kernel: missing"]


def test_nrae_needs_a_graph():
    assert faults("AE_toy_denoising", model__arch="nrae") == [
        "data.training.graph: missing, model.arch nrae learns from a graph"
    ]


def test_graph_that_nothing_follows_is_an_error():
    settings = load_config("AE_toy_denoising").to_dict()
    settings["data"]["training"]["graph"] = {"num_nn": 5}
    with pytest.raises(ConfigError) as error:
        ExperimentConfig.from_dict(settings)
    (fault,) = error.value.faults
    assert fault.startswith("data.training.graph: neither model.arch ae nor training.init random")


def test_geodesic_start_says_that_it_needs_a_graph():
    (fault,) = faults("AE_toy_denoising", training__init="geodesic")
    assert fault.startswith("training.init: geodesic follows a graph; add data.training.graph")
    overrides = {"training.init": "geodesic", "data.training.graph.num_nn": 5}
    assert load_config("AE_toy_denoising", overrides).data.training.graph.num_nn == 5


def test_missing_keys_are_named():
    with pytest.raises(ConfigError) as error:
        ExperimentConfig.from_dict({"exp_name": "a", "data": {"training": {"batch_size": 2}}})
    kind, *others = error.value.faults
    assert kind.startswith("data.training.dataset: missing; choose one of ")
    assert others == ["model: missing", "training: missing"]


@pytest.mark.parametrize("section", ["data.training", "model", "model.encoder", "optimizer"])
def test_value_in_place_of_a_section_is_an_error(section):
    (fault,) = faults(**{section: 3})
    assert fault.startswith(f"{section}: should be a valid dictionary")


def test_kernel_without_a_type_is_an_error():
    assert faults(model__kernel={"lambda": 2}) == ["model.kernel.type: missing"]


def test_all_faults_are_reported_at_once_with_their_number():
    with pytest.raises(ConfigError) as error:
        load_config(
            "NRAEL_toy_denoising",
            {
                "training.num_epochs": "many",
                "model.z_dim": 0,
                "model.encoder.l_hidden": [64],
                "data.training.graph.bs_nn": 20,
                "data.training.graph.replace": False,
                "sed": 1,
            },
        )
    assert str(error.value).startswith("NRAEL_toy_denoising has 5 faults:\n  ")
    assert len(str(error.value).splitlines()) == 6


def test_direct_construction_checks_combinations_too():
    settings = load_config("NRAEL_toy_denoising").to_dict()
    settings["model"]["x_dim"] = 3
    with pytest.raises(ValidationError, match="each point has 2 values"):
        ExperimentConfig.model_validate(settings)


def test_model_of_given_coordinates_says_that_it_needs_a_start():
    assert faults("AE_toy_denoising", model__arch="grae") == [
        "training.init: model.arch grae needs the coordinates of another start"
    ]
    config = load_config("AE_toy_denoising", {"model.arch": "grae", "training.init": "pca"})
    assert config.model.embedding_weight == 100

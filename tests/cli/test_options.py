"""The parameters of the estimator as options."""

import argparse
import inspect

import pytest

from nrae_geometric.cli.options import (
    add_estimator_options,
    as_options,
    estimator_parameters,
    given_parameters,
)
from nrae_geometric.estimator import ManifoldAutoencoder


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_estimator_options(parser)
    return given_parameters(parser.parse_args(arguments))


def test_every_parameter_but_objects_is_an_option_with_a_description():
    constructor = inspect.signature(ManifoldAutoencoder).parameters
    found = {parameter.name: parameter for parameter in estimator_parameters()}
    assert set(constructor) - set(found) == {"decoder", "callbacks", "warm_start"}
    assert set(found) <= set(constructor)
    assert all(parameter.description for parameter in found.values())


def test_values_are_those_of_yaml():
    given = parse(
        *("--n-components", "3", "--hidden-layer-sizes", "[8, 8]", "--learning-rate", "1e-2"),
        *("--early-stopping", "true", "--method-params", "{weight: 2}", "--init", "pca"),
    )
    assert given == {
        "n_components": 3,
        "hidden_layer_sizes": [8, 8],
        "learning_rate": 0.01,
        "early_stopping": True,
        "method_params": {"weight": 2},
        "init": "pca",
    }


def test_value_that_is_no_yaml_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse("--hidden-layer-sizes", "[8, 8")
    assert "argument --hidden-layer-sizes: the value has 1 fault" in capsys.readouterr().err


def test_parameters_become_the_options_that_give_them():
    parameters = {
        "n_components": 3,
        "neighbor_weight": 1e-7 / 3,
        "hidden_layer_sizes": [8, 8],
        "early_stopping": True,
        "method": "ae",
    }
    assert parse(*as_options(parameters)) == parameters


def test_defaults_become_no_options():
    assert as_options(ManifoldAutoencoder().get_params(deep=False)) == []

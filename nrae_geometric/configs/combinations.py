"""Settings that are valid one by one and impossible together."""

from collections.abc import Iterator, Mapping
from typing import Any

_POINT_SIZE = {"synthetic": 2, "mnist": 784}
_NETWORK = {"synthetic": "fc_vec", "mnist": "fc_image"}


def impossible_combinations(config: Mapping[str, Any]) -> Iterator[str]:
    """Yields one line for each impossible combination.

    Args:
        config: The nested settings, validated or not: a check whose settings are missing or of
            a wrong type is passed over, so that it can run beside the schema's own checks.
    """
    for section in ("training", "test"):
        yield from _graph_faults(config, f"data.{section}")
    yield from _model_faults(config)
    for network in ("encoder", "decoder"):
        yield from _network_faults(config, f"model.{network}")
    yield from _data_faults(config)


def _get(config: Mapping[str, Any], path: str, kind: type | tuple[type, ...]) -> Any:
    value: Any = config
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    # bool is an int to Python, but not to the schema.
    return value if isinstance(value, kind) and isinstance(value, bool) <= (kind is bool) else None


def _num_points(config: Mapping[str, Any], path: str) -> int | None:
    if _get(config, f"{path}.dataset", str) != "mnist":
        return _get(config, f"{path}.num_data", int)
    if _get(config, f"{path}.type", str) == "shift":
        shift_range = _get(config, f"{path}.shift_range", int)
        return None if shift_range is None else 2 * shift_range
    return _get(config, f"{path}.num_rotate", int)


def _graph_faults(config: Mapping[str, Any], path: str) -> Iterator[str]:
    num_nn = _get(config, f"{path}.graph.num_nn", int)
    bs_nn = _get(config, f"{path}.graph.bs_nn", int)
    include_center = _get(config, f"{path}.graph.include_center", bool)
    replace = _get(config, f"{path}.graph.replace", bool)
    num_points = _num_points(config, path)
    if num_nn is not None and num_points is not None and num_nn >= num_points:
        yield (
            f"{path}.graph.num_nn: {num_nn} neighbors need more than the {num_points} points "
            f"there are; at most {num_points - 1}"
        )
    if None in (num_nn, bs_nn, include_center) or replace is not False:
        return
    if bs_nn - include_center > num_nn:
        yield (
            f"{path}.graph.bs_nn: {bs_nn - include_center} neighbors cannot be drawn from "
            f"num_nn = {num_nn} without replacement; set replace: true, or bs_nn to at most "
            f"{num_nn + include_center}"
        )


def _model_faults(config: Mapping[str, Any]) -> Iterator[str]:
    arch = _get(config, "model.arch", str)
    graph = _get(config, "data.training.graph", Mapping)
    if arch == "ae" and graph is not None:
        yield (
            "data.training.graph: model.arch ae learns from no graph; "
            "remove it, or set model.arch to nrael or nraeq"
        )
    if arch in ("nrael", "nraeq"):
        if graph is None:
            yield f"data.training.graph: missing, model.arch {arch} learns from a graph"
        if _get(config, "model.kernel", Mapping) is None:
            yield f"model.kernel: missing, model.arch {arch} weighs neighbors with it"
    if arch == "ae" and _get(config, "training.init", str) == "geodesic":
        yield (
            "training.init: geodesic starts from a graph, and model.arch ae learns from none; "
            "use random, or set model.arch to nrael or nraeq"
        )


def _network_faults(config: Mapping[str, Any], path: str) -> Iterator[str]:
    hidden = _get(config, f"{path}.l_hidden", list)
    activation = _get(config, f"{path}.activation", list)
    if hidden is not None and activation is not None and len(hidden) != len(activation):
        yield (
            f"{path}.activation: {len(activation)} activations for {len(hidden)} hidden layers "
            f"in l_hidden; give one for each"
        )
    dataset = _get(config, "data.training.dataset", str)
    arch = _get(config, f"{path}.arch", str)
    if dataset in _NETWORK and arch in _NETWORK.values() and arch != _NETWORK[dataset]:
        yield f"{path}.arch: {arch} does not fit {dataset} points; use {_NETWORK[dataset]}"


def _data_faults(config: Mapping[str, Any]) -> Iterator[str]:
    dataset = _get(config, "data.training.dataset", str)
    test = _get(config, "data.test.dataset", str)
    if {dataset, test} == set(_POINT_SIZE):
        yield f"data.test.dataset: {test} points cannot test a model of {dataset} points"
    x_dim = _get(config, "model.x_dim", int)
    if dataset in _POINT_SIZE and x_dim is not None and x_dim != _POINT_SIZE[dataset]:
        yield f"model.x_dim: {dataset} points have {_POINT_SIZE[dataset]} values, got {x_dim}"

r"""Measures of a trained model by name, with and without a known manifold to compare it to.

A measure is a function of an :class:`Evaluation` that returns a number or a dictionary of numbers.
Registered in a file of this package, or in a plugin, it is known by its name to everything that
evaluates models::

    @register_measure("latent_variance", supervised=False)
    def latent_variance(evaluation: Evaluation) -> float:
        \"\"\"Variance of the latents over all their dimensions.\"\"\"
        return evaluation.z.var(dim=0).sum().item()

    evaluate_measures(["latent_variance"], model, data)  # {"latent_variance": 0.93}

A measure that is not defined for what it is given raises :class:`NotApplicableError`:
:func:`evaluate_measures` passes that on, the other two functions leave the measure out.
"""

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Literal, TypeVar

from torch import Tensor
from torch_geometric.data import Data

from nrae_geometric.metrics._common import NotApplicableError
from nrae_geometric.nn import AE
from nrae_geometric.nn.evaluation import EDGE_ARGUMENTS, encode_data, evaluating, to_model
from nrae_geometric.registry import MEASURES

logger = logging.getLogger(__name__)

Need = Literal["edges", "test", "manifold"]
Function = TypeVar("Function", bound=Callable[["Evaluation"], float | Mapping[str, Any]])


@dataclass(frozen=True)
class Evaluation:
    """A trained model and the points to evaluate it on, all on the model's device.

    Attributes:
        model (AE): The model, in evaluation mode and without gradients.
        points (Data): The training points :obj:`x`, with the graph :obj:`edge_index` and its
            :obj:`edge_length` where they have one.
        z (torch.Tensor): Their latents ``[N, d]``.
        test (Data): Clean points :obj:`x` and their true coordinate :obj:`y`, not trained on;
            empty if there are none.
        manifold (Data): Points :obj:`x` that cover the true manifold densely, in the order of
            their :obj:`y`; empty if it is unknown.
    """

    model: AE
    points: Data
    z: Tensor
    test: Data
    manifold: Data


@dataclass(frozen=True)
class Measure:
    """A registered measure; called with an :class:`Evaluation`, it returns what JSON can hold.

    Attributes:
        name (str): Its name.
        function (callable): The function of an :class:`Evaluation`.
        supervised (bool): Whether it compares with the truth.
        needs (tuple[str]): The parts of an evaluation that must not be empty: :obj:`"edges"`
            between the points, :obj:`"test"` points, the :obj:`"manifold"`.
    """

    name: str
    function: Callable[[Evaluation], float | Mapping[str, Any]]
    supervised: bool
    needs: tuple[Need, ...] = ()

    @property
    def description(self) -> str:
        """The measure in a sentence, the first of its docstring."""
        return " ".join((inspect.getdoc(self.function) or "").split("\n\n")[0].split())

    def check_data(
        self, points: Data, test: Data | None = None, manifold: Data | None = None
    ) -> None:
        """Raises an error where a part is missing that the measure needs.

        Args:
            points (Data): The training points.
            test (Data, optional): The test points. (default: :obj:`None`)
            manifold (Data, optional): The true manifold. (default: :obj:`None`)

        Raises:
            NotApplicableError: If one is missing.
        """
        if "edges" in self.needs and not _has_edges(points):
            raise NotApplicableError(
                f"the points have no edges, which {self.name} follows; connect them, for example "
                f"with KNNGraph(k)(points)"
            )
        given = {"test": test, "manifold": manifold}
        missing = [
            f"{part}="
            for part, data in given.items()
            if part in self.needs and (data is None or data.x is None)
        ]
        if missing:
            raise NotApplicableError(
                f"{self.name} compares with the truth; pass {' and '.join(missing)} as well"
            )

    def __call__(self, evaluation: Evaluation) -> Any:
        """Returns a number or a dictionary of numbers, :obj:`None` where one is not finite.

        Raises:
            NotApplicableError: If the measure is not defined for the evaluation.
        """
        self.check_data(evaluation.points, evaluation.test, evaluation.manifold)
        return _json_values(self.function(evaluation))


def register_measure(
    name: str, *, supervised: bool, needs: Iterable[Need] = ()
) -> Callable[[Function], Function]:
    """Makes a function of an :class:`Evaluation` known as a measure.

    Args:
        name (str): Its name, as in ``metrics.json``.
        supervised (bool): Whether it compares with the truth.
        needs (Iterable[str], optional): Parts of the evaluation without which it does not apply:
            :obj:`"edges"`, :obj:`"test"`, :obj:`"manifold"`. (default: :obj:`()`)

    Returns:
        callable: The decorator, which returns the function as it is.

    Raises:
        ValueError: If the function has no docstring, whose first sentence describes the measure.
    """

    def register(function: Function) -> Function:
        measure = Measure(name, function, supervised, tuple(needs))
        if not measure.description:
            raise ValueError(f"the measure {name!r} needs a docstring, which reports print")
        MEASURES.add(measure, name)
        return function

    return register


def evaluate_measures(
    names: Iterable[str],
    model: AE,
    points: Data,
    test: Data | None = None,
    manifold: Data | None = None,
) -> dict[str, Any]:
    """Evaluates a model by the measures of the given names.

    Args:
        names (Iterable[str]): Names in :data:`~nrae_geometric.registry.MEASURES`.
        model (AE): The trained model; every part of it is left in its mode.
        points (Data): The training points :obj:`x`, and their graph for an encoder that takes it
            and for measures that follow its edges. These are as long as :obj:`edge_length` says
            where there is one, and as their points are apart otherwise.
        test (Data, optional): Clean points :obj:`x` and their true coordinate :obj:`y`, not
            trained on. (default: :obj:`None`)
        manifold (Data, optional): Points :obj:`x` that cover the true manifold densely, in the
            order of their :obj:`y`. (default: :obj:`None`)

    Returns:
        dict[str, Any]: For each name a number or a dictionary of numbers; :obj:`None` where one is
        not finite.

    Raises:
        NotApplicableError: If a measure is not defined for the model and the points, which is a
            :class:`ValueError`.
        ValueError: If a name is unknown, or points are malformed.
    """
    measures = [MEASURES[name] for name in names]
    with evaluating(model):
        evaluation = _evaluation(model, points, test, manifold)
        return {measure.name: measure(evaluation) for measure in measures}


def evaluate_supervised(
    model: AE, points: Data, test: Data | None = None, manifold: Data | None = None
) -> dict[str, Any]:
    """Evaluates a model by all measures that compare it with the truth, as far as it is known.

    Args:
        model (AE): As in :func:`evaluate_measures`.
        points (Data): As in :func:`evaluate_measures`.
        test (Data, optional): As in :func:`evaluate_measures`. (default: :obj:`None`)
        manifold (Data, optional): As in :func:`evaluate_measures`. (default: :obj:`None`)

    Returns:
        dict[str, Any]: As of :func:`evaluate_measures`, without those that do not apply.

    Raises:
        ValueError: If points are malformed.
    """
    return _evaluate_applicable(True, model, points, test, manifold)


def evaluate_unsupervised(model: AE, points: Data) -> dict[str, Any]:
    """Evaluates a model by all measures of the points, their graph and the model alone.

    Args:
        model (AE): As in :func:`evaluate_measures`.
        points (Data): As in :func:`evaluate_measures`.

    Returns:
        dict[str, Any]: As of :func:`evaluate_measures`, without those that do not apply.

    Raises:
        ValueError: If points are malformed.
    """
    return _evaluate_applicable(False, model, points, None, None)


def _evaluate_applicable(
    supervised: bool, model: AE, points: Data, test: Data | None, manifold: Data | None
) -> dict[str, Any]:
    values = {}
    with evaluating(model):
        evaluation = _evaluation(model, points, test, manifold)
        for measure in (MEASURES[name] for name in MEASURES):
            if measure.supervised == supervised:
                try:
                    values[measure.name] = measure(evaluation)
                except NotApplicableError as reason:
                    logger.info("left out %s: %s", measure.name, reason)
    return values


def _evaluation(model: AE, points: Data, test: Data | None, manifold: Data | None) -> Evaluation:
    points, test, manifold = (_placed(model, data) for data in (points, test, manifold))
    return Evaluation(model, points, encode_data(model, points), test, manifold)


def _placed(model: AE, data: Data | None) -> Data:
    if data is None:
        return Data()
    placed = Data(edge_index=data.edge_index, edge_length=data.get("edge_length"), y=data.y)
    placed.update({name: data[name] for name in EDGE_ARGUMENTS if name in data})
    if data.x is not None:
        placed.x = to_model(model, data.x if data.x.is_floating_point() else data.x.double())
        placed = placed.to(placed.x.device)
    return placed


def _has_edges(points: Data) -> bool:
    edges = points.edge_index
    return edges is not None and bool((edges[0] != edges[1]).any())


def _json_values(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _json_values(item) for key, item in value.items()}
    # JSON has no infinity, such as the condition number where a direction is lost.
    return value if isfinite(value) else None

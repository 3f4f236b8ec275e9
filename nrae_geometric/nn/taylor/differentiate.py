r"""Taylor coefficients of any function, by nested differentiation.

The derivative of :math:`J^\top u` with respect to :math:`u`, along a direction, is that of the
function itself. Applied twice, reverse mode thus gives both coefficients from one call of the
function, which may change a state of its own, in less time than nested forward mode.

Each direction is a row of that call, behind at least one row that does not move. Where the latter
feels the others, the function mixes its rows, and has no expansion at a single point.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import grad

from nrae_geometric._compat import (
    has_backward_hooks,
    inexact_script_functions,
    is_script_function,
    is_transformed,
)
from nrae_geometric.nn.outputs import as_rows, module_name
from nrae_geometric.nn.taylor.exact_functions import ExactFunctions
from nrae_geometric.nn.taylor.series import TaylorSeries

Function = Callable[[Tensor], Any]

# Equal rows give equal values up to rounding; where few do not, the function may have a jump.
_TOLERANCE, _MOST_OUTLIERS = 1e-3, 0.25


def propagate_by_differentiation(module: Function, series: TaylorSeries) -> TaylorSeries:
    """Returns the Taylor coefficients behind any function from those before it.

    Args:
        module (callable): The function, :obj:`[M, *in] -> [M, *out]`. Where it draws random
            numbers, all directions of a point share them.
        series (TaylorSeries): The coefficients before it.

    Raises:
        ValueError: If the function does not return a tensor with a row for each of its rows,
            cannot be differentiated as often as the order says, or mixes its rows.
    """
    _check_parts(module)
    if torch.compiler.is_compiling() or is_transformed():
        # Neither lets reverse mode be nested by hand, or values be looked at.
        rows = _rows(series, guarded=False)
        return _collect(series, rows, _forward_mode(module, rows, series.order))
    rows = _rows(series, guarded=True)
    device = series.value.device
    states = _random_states(device)
    behind = _differentiate(module, rows, series.order)
    _check_independence(module, behind.first, rows.moving)
    if rows.repeats and not all(map(torch.equal, states, _random_states(device))):
        behind = _in_rounds(module, rows, series, states)
    result = _collect(series, rows, behind)
    if rows.repeats:
        repeated, owner = behind.value[rows.moving], rows.owner[rows.moving]
        _check_repeats(module, repeated, result.value.index_select(0, owner))
    return result


class _Rows(NamedTuple):
    """The rows of one call: one for each direction or pair, between some that do not move."""

    points: Tensor
    left: Tensor
    right: Tensor
    bend: Tensor | None
    owner: Tensor
    """The point of each row, ``[R]``."""
    moving: slice
    repeats: bool
    """Whether a point has other than one row that moves."""


class _Coefficients(NamedTuple):
    """What a function returns for each row, and its derivatives."""

    value: Tensor
    first: Tensor
    second: Tensor | None

    def map(self, function: Callable[[Tensor], Tensor]) -> "_Coefficients":
        """Returns the same for each coefficient that there is."""
        second = None if self.second is None else function(self.second)
        return _Coefficients(function(self.value), function(self.first), second)


def _rows(series: TaylorSeries, guarded: bool) -> _Rows:
    """The rows; guarded ones have a row that does not move at either end."""
    num_points = series.value.size(0)
    points = torch.arange(num_points, device=series.value.device)
    left, right = series.pair_directions(series.first)
    # An odd number of guards, so that a reversed batch does not exchange them with one another.
    guard = points[: int(guarded and len(left) > 0)]
    before, behind = guard, guard.repeat(2)
    if series.index is not None or len(left) == 0:
        # The value is needed at points from which no direction leaves, too.
        moving = points[:0] if series.index is None else series.index
        before, repeats = points, True
    else:
        moving = points.repeat_interleave(len(left) // num_points)
        repeats = len(left) > num_points
    owner = torch.cat([before, moving, behind])

    def between(part: Tensor) -> Tensor:
        ends = (part.new_zeros(len(end), *part.shape[1:]) for end in (before, behind))
        return torch.cat([next(ends), part, next(ends)])

    return _Rows(
        series.value.index_select(0, owner),
        between(left),
        between(right),
        None if series.second is None else between(series.second),
        owner,
        slice(len(before), len(before) + len(moving)),
        repeats,
    )


def _collect(series: TaylorSeries, rows: _Rows, behind: _Coefficients) -> TaylorSeries:
    num_points = series.value.size(0)
    value, first, second = behind.map(lambda part: part[rows.moving])
    if series.index is not None or len(value) == 0:
        value = behind.value[:num_points]
    else:
        value = value[:: len(value) // num_points]
    if series.pairs is not None and series.order == 2:
        # Each direction is the left one of some pairs, the first of which tells its derivative.
        left = series.pairs[0]
        directions = torch.arange(len(series.first) // max(num_points, 1), device=left.device)
        place = (left == directions[:, None]).int().argmax(dim=1)
        first = first.unflatten(0, (num_points, -1)).index_select(1, place).flatten(0, 1)
    return replace(series, value=value, first=first, second=second)


def _differentiate(module: Function, rows: _Rows, order: int) -> _Coefficients:
    wanted, inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
    with torch.inference_mode(False), torch.enable_grad(), ExactFunctions():
        if inference:
            bend = None if rows.bend is None else rows.bend.clone()
            points, left, right = (part.clone() for part in rows[:3])
            rows = rows._replace(points=points, left=left, right=right, bend=bend)
        point = rows.points if rows.points.requires_grad else rows.points.detach().requires_grad_()
        # A module that works in place must not change the points.
        try:
            value = as_rows(module, module(point.clone()), len(point))
        except RuntimeError as error:
            error.add_note(f"while {module_name(module)}, which has no Taylor rule, was expanded")
            raise
        try:
            behind = _reverse_mode(module, point, value, rows, order, wanted)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            try:
                behind = _forward_mode(module, rows, order)
            except RuntimeError:
                raise ValueError(
                    f"{module_name(module)} cannot be expanded to order {order}: PyTorch cannot "
                    f"differentiate it that often ({_first_line(error)}); exchange the function "
                    "that is named there, or register a rule with "
                    "nrae_geometric.nn.register_taylor_rule"
                ) from error
    return behind if wanted else behind.map(Tensor.detach)


def _reverse_mode(
    module: Function, point: Tensor, value: Tensor, rows: _Rows, order: int, keep_graph: bool
) -> _Coefficients:
    u = torch.zeros_like(value, requires_grad=True)
    slope = None
    if value.requires_grad:
        (slope,) = grad(value, point, u, create_graph=True, allow_unused=True)
    if slope is None:
        raise ValueError(
            f"{module_name(module)} returns values that PyTorch cannot differentiate by its "
            "input: they are quantized, detached, rounded to integers, or were computed without "
            "gradients; use a differentiable decoder, or one converted back to floating point"
        )
    (first,) = grad(slope, u, rows.left.to(slope.dtype), create_graph=keep_graph or order == 2)
    if order == 1:
        return _Coefficients(value, first, None)
    second = None
    if rows.bend is not None:
        (second,) = grad(slope, u, rows.bend.to(slope.dtype), create_graph=True)
    if first.requires_grad:
        w = torch.zeros_like(first, requires_grad=True)
        (curve,) = grad(first, point, w, create_graph=True, allow_unused=True)
        if curve is not None and curve.requires_grad:  # else the function has no curvature
            (bent,) = grad(curve, w, rows.right.to(curve.dtype), create_graph=keep_graph)
            second = bent if second is None else second + bent
    return _Coefficients(value, first, second)


def _forward_mode(module: Function, rows: _Rows, order: int) -> _Coefficients:
    jvp = torch.func.jvp

    def function(point: Tensor) -> Tensor:
        with ExactFunctions():
            return as_rows(module, module(point.clone()), len(point))

    def slope(point: Tensor, direction: Tensor) -> Any:
        return jvp(function, (point,), (direction,))

    if order == 1:
        value, first = slope(rows.points, rows.left)
        return _Coefficients(value, first, None)
    bend = torch.zeros_like(rows.left) if rows.bend is None else rows.bend
    moves: Any = jvp(slope, (rows.points, rows.left), (rows.right, bend))
    (value, first), (_, second) = moves
    return _Coefficients(value, first, second)


def _in_rounds(
    module: Function, rows: _Rows, series: TaylorSeries, states: list[Tensor]
) -> _Coefficients:
    """One call for each direction of a point, all with the same random numbers."""
    owner, points = rows.owner[rows.moving], series.value
    counts = owner.bincount(minlength=len(points))
    starts = (counts.cumsum(0) - counts).repeat_interleave(counts)
    rank = torch.empty_like(owner)
    rank[owner.argsort(stable=True)] = torch.arange(len(owner), device=owner.device) - starts
    everyone = torch.arange(len(points), device=owner.device)
    chosen: list[Tensor] = []
    found: list[_Coefficients] = []
    values: list[Tensor] = []
    for place in range(max(int(counts.max()), 1)):
        _restore_random_states(states, owner.device)
        chosen.append((rank == place).nonzero().squeeze(1))

        def of_points(part: Tensor, row: Tensor = chosen[-1]) -> Tensor:
            # Points that have no such direction stay where they are.
            still = part.new_zeros(len(points), *part.shape[1:])
            return still.index_copy(0, owner[row], part[rows.moving][row])

        bend = None if rows.bend is None else of_points(rows.bend)
        left, right = of_points(rows.left), of_points(rows.right)
        # Its own node, since the directions may have been computed from the points.
        call = _Rows(
            points.view_as(points), left, right, bend, everyone, slice(None), repeats=False
        )
        behind = _differentiate(module, call, series.order)
        values.append(behind.value)
        found.append(behind.map(partial(torch.index_select, dim=0, index=owner[chosen[-1]])))
    back = torch.cat(chosen).argsort()
    value = torch.cat([each.value for each in found])[back]
    first = torch.cat([each.first for each in found])[back]
    bent = [each.second for each in found if each.second is not None]
    second = torch.cat(bent)[back] if bent else None
    ends = values[0][rows.owner[: rows.moving.start]], values[0][rows.owner[rows.moving.stop :]]

    def between(part: Tensor) -> Tensor:
        return torch.cat([torch.zeros_like(ends[0]), part, torch.zeros_like(ends[1])])

    return _Coefficients(
        torch.cat([ends[0], value, ends[1]]),
        between(first),
        None if second is None else between(second),
    )


def _check_parts(module: Function) -> None:
    """Refuses parts whose derivatives would be wrong without any error."""
    for part in _parts(module):
        if has_backward_hooks(part):
            raise ValueError(
                f"{module_name(part)} has backward hooks, which would see other gradients in a "
                "Taylor expansion than in a plain call; remove them, or put hooks on parameters"
            )
        for name in inexact_script_functions(part):
            raise ValueError(
                f"the scripted {module_name(part)} holds {name}, whose higher derivatives are "
                "inexact in TorchScript; use the module that it was scripted or traced from"
            )


def _parts(function: Any, depth: int = 3) -> Iterator[Any]:
    """A function with the modules and scripted functions that it holds, as far as is visible."""
    if isinstance(function, nn.Module):
        for module in function.modules():
            yield module
            yield from filter(is_script_function, vars(module).values())
        return
    yield function
    held = [getattr(function, name, None) for name in ("__self__", "func", "__wrapped__")]
    held += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    for each in held if depth else ():
        if callable(each):
            yield from _parts(each, depth - 1)


def _check_independence(module: Function, first: Tensor, moving: slice) -> None:
    """Makes sure that rows that do not move have no derivatives."""
    still = torch.cat([first[: moving.start], first[moving.stop :]])
    if bool(((still != 0) & ~still.isnan()).any()):
        raise ValueError(
            f"{module_name(module)} mixes the rows of its input: what it returns for one point "
            "depends on the others, so that there is no Taylor expansion at a point. Statistics "
            "of a batch do this, and layers that expect the batch elsewhere than in the first "
            "dimension (batch_first=True)"
        )


def _check_repeats(module: Function, repeated: Tensor, value: Tensor) -> None:
    """Makes sure that rows of the same point have the same values."""
    if repeated.numel() == 0:
        return
    with torch.no_grad():
        far = (repeated - value).abs() > _TOLERANCE * value.abs().max()
        outliers = far.flatten(1).any(dim=1).float().mean()
    if outliers > _MOST_OUTLIERS:
        raise ValueError(
            f"{module_name(module)} returns other values for equal rows: it draws random numbers "
            "from a generator of its own, or the place of a row in the batch counts. Draw from "
            "PyTorch's global generator, or call .eval() on it"
        )


def _random_states(device: torch.device) -> list[Tensor]:
    """The states of the global generators that a module may draw from."""
    states = [torch.get_rng_state()]
    return states if device.type != "cuda" else [*states, torch.cuda.get_rng_state(device)]


def _restore_random_states(states: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(states[1], device)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].strip(" .")

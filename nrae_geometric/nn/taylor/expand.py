r"""Taylor expansion of a decoder along many directions, layer by layer.

.. code-block:: python

    from nrae_geometric.nn import jacobian, mlp, taylor_expand

    decoder = mlp([1, 64, 2], "elu")
    z, dz = torch.randn(8, 1), torch.randn(40, 1)            # five directions from each point
    taylor_expand(decoder, z, dz, order=2)                   # [40, 2]
    jacobian(decoder, z)                                     # [8, 2, 1]

The coefficients of the Taylor series are sent through the decoder by each layer's *rule*
(:func:`~nrae_geometric.nn.register_taylor_rule`), in one of two ways, whichever needs fewer rows:

- *along the directions*: :math:`J\delta` and :math:`\delta^\top H \delta` for each direction
  :math:`\delta`;
- *along the axes*: the Jacobian and the Hessian at each point, from which the expansion along any
  number of directions is one small matrix product. With a latent space of one or two dimensions
  the cost no longer depends on the number of neighbors.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from nrae_geometric.nn.checks import check_alike, check_indices, check_order, check_rows
from nrae_geometric.nn.taylor.propagate import propagate
from nrae_geometric.nn.taylor.series import TaylorSeries

Function = Callable[[Tensor], Tensor]


def taylor_expand(
    module: Function, z: Tensor, dz: Tensor, order: int = 1, index: Tensor | None = None
) -> Tensor:
    r"""Expands a function around points, to first or second order, along given directions.

    .. math::
        F_e = f(z_{i_e}) + J_f(z_{i_e})\,\delta_e
        + \tfrac{1}{2}\,\delta_e^\top H_f(z_{i_e})\,\delta_e
        \quad \text{(the last term at order 2 only)}

    Args:
        module (callable): The function :math:`f`, :obj:`[M, *in] -> [M, *out]`, that treats each
            row by itself: a module, nested in any way, or any other callable.
        z (torch.Tensor): The points, :obj:`[N, *in]`.
        dz (torch.Tensor): The directions, :obj:`[E, *in]`.
        order (int, optional): 1 or 2. (default: :obj:`1`)
        index (torch.Tensor, optional): The row of :obj:`z` that each direction leaves, :obj:`[E]`.
            Without it each point owns the same number of consecutive rows of :obj:`dz`, and
            :math:`E` is a multiple of :math:`N`. (default: :obj:`None`)

    Returns:
        torch.Tensor: The expansions :math:`F_e`, :obj:`[E, *out]`.

    Raises:
        TypeError: If the points or directions are no tensors, or the index holds no integers.
        ValueError: If the order is neither 1 nor 2, shapes, types or devices do not fit, the index
            names a row that is not there, or the function cannot be expanded: it mixes its rows,
            cannot be differentiated so often, or has backward hooks.

    Source: equations (5) and (6) of Lee, Kwon and Park, `"Neighborhood Reconstructing
    Autoencoders" <https://proceedings.neurips.cc/paper/2021/hash/05311655a15b75fab86956663e1819cd-Abstract.html>`_,
    NeurIPS 2021.
    """
    order, index = _checked(z, dz, order, index)
    if prefers_axes(z, dz.size(0), order):
        return expand_along_axes(module, z, dz, order, index)
    value, increment = expand_along_directions(module, z, dz, order, index)
    if index is None:
        index = torch.arange(z.size(0), device=z.device).repeat_interleave(
            dz.size(0) // max(z.size(0), 1)
        )
    return value.index_select(0, index) + increment


def jacobian(module: Function, z: Tensor) -> Tensor:
    r"""Returns the Jacobian of a function at points, by forward mode: one row for each input.

    Args:
        module (callable): The function :math:`f`, :obj:`[M, *in] -> [M, *out]`, that treats each
            row by itself: a module, nested in any way, or any other callable.
        z (torch.Tensor): The points, :obj:`[N, *in]`.

    Returns:
        torch.Tensor: The Jacobian :math:`J_f` at each point, :obj:`[N, *out, *in]`, differentiable
        with respect to the points and the parameters.
    """
    check_rows("z", z)
    first = propagate(module, TaylorSeries(z, _axes(z), None, 1)).first
    num_points, shape = z.size(0), z.shape[1:]
    by_axis = first.unflatten(0, (num_points, shape.numel()))
    return by_axis.movedim(1, -1).unflatten(-1, shape)


def pullback_metric(module: Function, z: Tensor, *, dtype: torch.dtype | None = None) -> Tensor:
    r"""Returns the metric that a function pulls back from the space of its values.

    .. math::
        G(z) = J_f(z)^\top J_f(z)

    The length of a small step :math:`\delta` in latent space is
    :math:`\sqrt{\delta^\top G \delta}` where it is decoded; a scaled isometry has a multiple of the
    identity everywhere.

    Args:
        module (callable): The function :math:`f`, as :func:`jacobian` takes it.
        z (torch.Tensor): The points, :obj:`[N, d]`.
        dtype (torch.dtype, optional): The type in which products are summed, by default that of
            the points. (default: :obj:`None`)

    Returns:
        torch.Tensor: The symmetric matrices :obj:`[N, d, d]`, differentiable with respect to the
        points and the parameters.

    Raises:
        ValueError: If the points are no rows of coordinates.
    """
    if check_rows("z", z).dim() != 2:
        raise ValueError(f"z must have the shape [N, d], got {list(z.shape)}")
    columns = jacobian(module, z).flatten(1, -2).to(dtype or z.dtype)
    return columns.mT @ columns


def prefers_axes(z: Tensor, num_directions: int, order: int) -> bool:
    """Returns whether the axes of :obj:`z [N, d]` are fewer rows to propagate than directions."""
    if z.dim() != 2:
        return False
    num_points, dim = z.shape
    rows = dim if order == 1 else dim + dim * (dim + 1) // 2
    return 0 < num_points * rows <= order * num_directions


def expand_along_directions(
    module: Function, z: Tensor, dz: Tensor, order: int, index: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Returns the value at each point, :obj:`[N, *out]`, and the term that each direction adds to
    it, :obj:`[E, *out]`.
    """
    series = propagate(module, TaylorSeries(z, dz, None, order, index))
    if series.second is None:
        return series.value, series.first
    return series.value, torch.add(series.first, series.second, alpha=0.5)


def expand_along_axes(
    module: Function, z: Tensor, dz: Tensor, order: int, index: Tensor | None
) -> Tensor:
    """Returns the expansion along each direction, :obj:`[E, *out]`, from those of the axes."""
    num_points, dim = z.shape
    if index is not None and _is_even(index, num_points):
        index = None
    pairs = None
    if order == 2 and dim > 1:
        left, right = torch.triu_indices(dim, dim, device=z.device)
        pairs = (left, right)
    series = propagate(module, TaylorSeries(z, _axes(z), None, order, pairs=pairs))

    # The Taylor polynomial is linear in its coefficients: F = f + dz J + (dz dz / 2) H.
    terms = [(dz, series.first)]
    if series.second is not None:
        terms.append((_second_monomials(dz, pairs), series.second))
    expansion = series.value.reshape(num_points, 1, -1)
    num_rows = -1
    if index is not None:
        expansion, num_rows = expansion.index_select(0, index), 1
    for monomials, derivatives in terms:
        coefficients = derivatives.reshape(num_points, monomials.size(1), -1)
        if index is not None:
            coefficients = coefficients.index_select(0, index)
        weights = monomials.reshape(coefficients.size(0), num_rows, monomials.size(1))
        expansion = torch.baddbmm(expansion, weights, coefficients)
    return expansion.reshape(dz.size(0), *series.value.shape[1:])


def _axes(z: Tensor) -> Tensor:
    """The unit vectors of the inputs for each of the points :obj:`[N, *in]` in turn."""
    shape = z.shape[1:]
    axes = torch.eye(shape.numel(), dtype=z.dtype, device=z.device).unflatten(1, shape)
    return axes.repeat(z.size(0), *(1,) * len(shape))


def _is_even(index: Tensor, num_points: int) -> bool:
    """Whether all points own the same number of consecutive directions, in order.

    A compiler would have to stop and look, so the answer is no then.
    """
    count = index.numel() // num_points
    if count * num_points != index.numel() or torch.compiler.is_compiling():
        return False
    owners = torch.arange(num_points, device=index.device)
    return torch.equal(index.view(num_points, count), owners[:, None].expand(-1, count))


def _second_monomials(dz: Tensor, pairs: tuple[Tensor, Tensor] | None) -> Tensor:
    if pairs is None:
        return 0.5 * dz.square()
    left, right = pairs
    weight = torch.where(left == right, 0.5, 1.0).to(dz.dtype)
    return weight * dz[:, left] * dz[:, right]


def _checked(z: Tensor, dz: Tensor, order: int, index: Tensor | None) -> tuple[int, Tensor | None]:
    order = check_order(order)
    check_rows("z", z)
    check_rows("dz", dz)
    check_alike("dz", dz, "z", z)
    if z.shape[1:] != dz.shape[1:]:
        raise ValueError(
            f"dz must be [E, *] with the point shape of z, {tuple(z.shape[1:])}, "
            f"but its rows have shape {tuple(dz.shape[1:])}"
        )
    if index is None:
        if dz.size(0) % max(z.size(0), 1):
            raise ValueError(
                f"{dz.size(0)} directions cannot be shared evenly by {z.size(0)} points; "
                "pass index to say which point each direction leaves"
            )
        if z.size(0) == 0 < dz.size(0):
            raise ValueError(f"{dz.size(0)} directions leave from no point: z has no rows")
        return order, None
    index = check_indices("index", index, z.size(0), z.device)
    if index.shape != (dz.size(0),):
        raise ValueError(f"index must be [{dz.size(0)}] to match dz, got {tuple(index.shape)}")
    return order, index

r"""Selection of the small entries of a tile of the distance matrix."""

import torch
from torch import Tensor

# Entries whose minimum is compared first; a group is looked into only if its minimum passes.
_GROUP = 32
# Share of groups up to which gathering them beats looking at every entry.
_MAX_GATHERED = 0.1


def as_sortable_bits(values: Tensor) -> Tensor:
    r"""Returns bfloat16 values as integers, which processors compare many times faster.

    Their bits keep the order of the floats, except that negative ones come in the opposite order
    among themselves; against a bound of at least zero, all of them pass either way.
    """
    return values.view(torch.int16) if values.dtype == torch.bfloat16 else values


def below_row_bound(tile: Tensor, bound: Tensor, max_entries: int) -> tuple[Tensor, Tensor] | None:
    r"""Finds the entries of :obj:`tile` that do not exceed their row's bound.

    Args:
        tile (torch.Tensor): Entries :math:`[R, C]`, contiguous.
        bound (torch.Tensor): Bounds :math:`[R]`, at least zero, in the type of :obj:`tile`.
        max_entries (int): Largest number of entries that is worth singling out.

    Returns:
        tuple[torch.Tensor, torch.Tensor] or None: Row and column of the entries, or :obj:`None`
        if there are more.
    """
    tile, bound = as_sortable_bits(tile), as_sortable_bits(bound)
    # The entries of a group are C / 32 columns apart: minima then run along contiguous memory.
    groups = tile.unflatten(1, (_group(tile.size(1)), -1))
    passing = groups.amin(dim=1) <= bound.unsqueeze(1)
    if passing.count_nonzero() > _MAX_GATHERED * passing.numel():
        return _select(tile <= bound.unsqueeze(1), max_entries)
    row, place = passing.nonzero(as_tuple=True)
    found = _select(groups[row, :, place] <= bound[row].unsqueeze(1), max_entries)
    if found is None:
        return None
    hit, member = found
    return row[hit], member * groups.size(2) + place[hit]


def below_column_bound(
    tile: Tensor, bound: Tensor, max_entries: int
) -> tuple[Tensor, Tensor] | None:
    r"""Finds entries as :func:`below_row_bound`, with a bound for each column :math:`[C]`."""
    tile, bound = as_sortable_bits(tile), as_sortable_bits(bound)
    groups = tile.unflatten(0, (_group(tile.size(0)), -1))
    passing = groups.amin(dim=0) <= bound
    if passing.count_nonzero() > _MAX_GATHERED * passing.numel():
        return _select(tile <= bound, max_entries)
    place, col = passing.nonzero(as_tuple=True)
    found = _select(groups[:, place, col] <= bound[col], max_entries)
    if found is None:
        return None
    member, hit = found
    return member * groups.size(1) + place[hit], col[hit]


def _select(mask: Tensor, max_entries: int) -> tuple[Tensor, Tensor] | None:
    r"""Row and column of the set entries, unless there are more than :obj:`max_entries`."""
    if mask.count_nonzero() > max_entries:
        return None
    row, col = mask.nonzero(as_tuple=True)
    return row, col


def _group(size: int) -> int:
    return _GROUP if size % _GROUP == 0 else 1


def smallest_entries(tile: Tensor, k: int) -> Tensor:
    r"""Returns the mask of the :obj:`k` smallest finite entries of each row, of ties the first."""
    kth = tile.topk(min(k, tile.size(1)), dim=1, largest=False).values[:, -1:]
    below, ties = tile < kth, tile == kth
    spare = k - below.sum(dim=1, keepdim=True, dtype=torch.int32)
    return (below | (ties & (ties.cumsum(dim=1, dtype=torch.int32) <= spare))) & tile.isfinite()

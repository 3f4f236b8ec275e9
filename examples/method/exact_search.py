r"""
Exact search
============

Neighbors are found by matrix products in low precision, and are exact all the same: the rounding is
bounded, whatever the bound leaves in doubt is computed again in float64, and nothing else can be a
neighbor. Here are the bound, how far it is from the actual errors, and how little is left in doubt.
"""

# %%
# Distances from a product
# ------------------------
# All squared distances between two blocks of points come from one matrix product,
#
# .. math::
#    \lVert x_i - x_j \rVert^2 = n_i - 2\, x_i \cdot x_j + n_j, \qquad n_i = \lVert x_i \rVert^2,
#
# which processors do fastest in bfloat16, with 8 bits of precision. Two things go wrong: each point
# is moved by rounding, and near points lose digits in the difference of large numbers. So points
# are centered and scaled to coordinates below one first.
#
# The bound
# ---------
# Let :math:`\tilde x` be the centered, scaled and rounded point and :math:`e = \lVert x - \tilde x
# \rVert` how far rounding has moved it, which is *measured* in float64, not estimated. By the
# triangle inequality
#
# .. math::
#    \bigl| \lVert x_i - x_j \rVert - \lVert \tilde x_i - \tilde x_j \rVert \bigr| \le e_i + e_j .
#
# The distance of rounded points comes from the product
#
# .. math:: v_{ij} = [\tilde x_i, n_i, 1] \cdot [-2 \tilde x_j, 1, n_j],
#
# which is summed in float32. (For bfloat16, :math:`n` takes three columns, so that nothing of it is
# lost.) A sum of :math:`m` terms with the unit roundoff :math:`u` is off by no more than about
# :math:`m u` times the sum of magnitudes (Higham, *Accuracy and Stability of Numerical Algorithms*,
# second edition, SIAM 2002, chapter 4), here at most :math:`2 (n_i + n_j)`. The code takes :math:`c
# = 8 m u`, four times that, for units that truncate or round twice, and puts :math:`(1 - c)\, n`
# into the columns, so that up to the last rounding of :math:`v` itself
#
# .. math::
#    \lVert \tilde x_i - \tilde x_j \rVert^2 - 2 c\, (n_i + n_j) \le v_{ij}
#    \le \lVert \tilde x_i - \tilde x_j \rVert^2 .
#
# Both inequalities together bound the true distance from below and from above.
# ``nrae_geometric/neighbors/blocked/rounding.py`` is this section as code. Its class is no part of
# the public interface, but does to look at the bound:

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits

from nrae_geometric import knn
from nrae_geometric.neighbors.blocked.products import exact_matmul
from nrae_geometric.neighbors.blocked.rounding import (
    RoundedPoints,
    mean_point,
    power_of_two_scale,
)
from nrae_geometric.visualization.style import BLUE, INK, SKY, VERMILLION

digits = torch.from_numpy(load_digits().data[:1000]).float()
# The pixels are small integers, which bfloat16 holds exactly: other units make it round.
digits *= 1 + torch.rand(64, generator=torch.Generator().manual_seed(0))
center = mean_point(digits)
scale = power_of_two_scale([digits], center)
row, col = (~torch.eye(len(digits), dtype=torch.bool)).nonzero().T  # all pairs of two points
exact = (scale * torch.cdist(digits.double(), digits.double()))[row, col]


def product_and_bounds(dtype):
    """Returns the distances, scaled, of all pairs: from the product, and what it proves of them."""
    rounded = RoundedPoints(digits, center, scale, dtype)
    with exact_matmul(digits.device):
        product = (rounded.left() @ rounded.right.T)[row, col]
    lower, upper = rounded.bounds(product, row, rounded, col)
    return [values.float().clamp(min=0).sqrt() for values in (product, lower, upper)]


approximate, lower, upper = product_and_bounds(torch.bfloat16)
wrong = (lower > exact * (1 + 1e-6)) | (upper < exact * (1 - 1e-6))  # of the roots taken here
print(f"{len(exact)} ordered pairs, bounds violated: {int(wrong.sum())}")

figure, (errors, share) = plt.subplots(1, 2, figsize=(8, 3), layout="constrained")
shown = exact.argsort()[::200]
at = exact[shown]
errors.fill_between(
    at, lower[shown] - at, upper[shown] - at, color=SKY, alpha=0.5, linewidth=0, label="proven"
)
errors.scatter(at, approximate[shown] - at, s=3, color=INK, label="actual")
errors.set(xlabel="distance, scaled", ylabel="error of the distance")
errors.set_title("Errors lie inside what is proven", fontsize=11, loc="left")
errors.legend(fontsize=9, loc="lower left")
bound = torch.where(approximate > exact, approximate - lower, upper - approximate)
used = (approximate - exact).abs() / bound
share.hist(used.numpy(), bins=60, color=BLUE)
share.set(xlabel="actual error / proven bound", ylabel="pairs", xlim=(0, 1))
share.set_title(f"At most {used.max():.2f} of the bound is used", fontsize=11, loc="left")

# %%
# The bound has to hold for the worst case, in which all roundings of a point push the same way.
# They do not, so the errors stay well below it; that is the price of a proof.
#
# Candidates
# ----------
# A point's *limit* is its :math:`k`-th smallest upper bound: so many points are certainly within
# it. A pair whose lower bound exceeds the limit is out, by proof. All others are *candidates*:
# their distances are computed by direct differences in float64, and sorted with ties to the lower
# index. How many are there?

k = 10
num_candidates = {}
for dtype, name in (torch.bfloat16, "bfloat16"), (torch.float32, "float32"):
    _, lower, upper = (values.view(len(digits), -1) for values in product_and_bounds(dtype))
    limit = upper.kthvalue(k, dim=1, keepdim=True).values
    candidate = lower <= limit
    num_candidates[name] = candidate.sum(dim=1)
    count = num_candidates[name].double()
    print(
        f"{name}: {count.mean():.1f} candidates for {k} neighbors, at most {count.max():.0f}; "
        f"{count.mean() / (len(digits) - 1):.2%} of all pairs are compared again"
    )

figure, axes = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
bins = range(k, int(num_candidates["bfloat16"].max()) + 2)
for (name, count), color in zip(num_candidates.items(), (BLUE, VERMILLION), strict=True):
    axes.hist(
        count, bins=bins, align="left", histtype="step", linewidth=1.6, color=color, label=name
    )
axes.set(xlabel=f"candidates of a point, for {k} neighbors", ylabel="points")
axes.set_title("Few pairs more than the neighbors are in doubt", fontsize=11, loc="left")
axes.legend(fontsize=9)

# %%
# The search itself takes its limits from the tiles and strips of the distance matrix that it has
# seen so far, so that it keeps somewhat more, and never holds the matrix. Blocks of points that a
# ball around each shows to be too far apart are not multiplied at all. Where a filter leaves too
# many pairs (many ties, tight clusters far from the center) it is the turn of a slower one:
# products of float64 points about the tile's own mean, and at last plain differences. One outlier
# far from all points would ruin the scale; such points are searched for by themselves.
#
# The result is that of comparing everything with everything in float64:

distance, index = knn(digits, k, backend="torch")
everything = torch.cdist(digits.double(), digits.double()).fill_diagonal_(torch.inf)
same = index == everything.sort(dim=1, stable=True).indices[:, :k]
print(f"neighbors that differ: {int((~same).sum())} of {same.numel()}")

# %%
# On MNIST, 60 000 points of 784 pixels, the exact ten neighbors take 3.3 seconds on two cores of an
# Intel Xeon, half of the time of the plain float32 product of half the distance matrix (``python
# benchmarks/knn_speed.py``, recorded in ``benchmarks/results/knn_speed.md``). The library measures
# once whether bfloat16 is at least half as fast again as float32 on the processor, and takes
# float32 where it is not. :func:`~nrae_geometric.neighbors.available_backends` lists the other
# searches.

plt.show()

r"""
Taylor mode
===========

The loss needs a decoder's first and second derivatives along directions, for every neighbor, and
then the gradient of all that. Taylor mode carries them forward through the layers with the value,
in one pass: what it computes, a check, and what it costs.
"""

# %%
# A truncated series
# ------------------
# Let the input of a network move along a direction, :math:`z + t\,\delta`. Behind every layer the
# output is a function of :math:`t` alone. Its value, first and second derivative at :math:`t = 0`,
#
# .. math:: a, \qquad b = \frac{da}{dt}, \qquad c = \frac{d^2 a}{dt^2},
#
# are all that is kept of it. A layer needs to know only how it maps these three. A *linear* layer
# maps each by itself, and its bias is added to the value alone; a *pointwise* function :math:`s`
# follows the chain rule:
#
# .. math::
#    (a, b, c) &\mapsto (W a + \beta,\; W b,\; W c), \\
#    (a, b, c) &\mapsto \bigl(s(a),\; s'(a)\, b,\; s''(a)\, b^2 + s'(a)\, c\bigr).
#
# The input has :math:`(z, \delta, 0)`. Behind the last layer :math:`b = J_f(z)\,\delta` and
# :math:`c = \delta^\top H_f(z)\,\delta`, so that the expansion is :math:`a + b + \tfrac12 c`. No
# Jacobian or Hessian is ever formed. With these two lines a network of linear layers and ELUs is
# expanded in a dozen lines of code:

import statistics
import time

import matplotlib.pyplot as plt
import torch
from torch.func import jvp

from nrae_geometric import mlp, taylor_expand
from nrae_geometric.visualization.style import BLUE, FAINT, INK, VERMILLION

torch.manual_seed(0)
decoder = mlp([1, 64, 64, 2], "elu").double()
z, dz = torch.randn(8, 1, dtype=torch.float64), torch.randn(8, 1, dtype=torch.float64)


def series(decoder, z, dz):
    a, b, c = z, dz, torch.zeros_like(z)
    for layer in decoder:
        if isinstance(layer, torch.nn.Linear):
            a, b, c = layer(a), b @ layer.weight.T, c @ layer.weight.T
        else:  # ELU: a for a > 0, else exp(a) - 1
            slope = torch.where(a > 0, 1.0, a.exp())
            curvature = torch.where(a > 0, 0.0, a.exp())
            a, b, c = layer(a), slope * b, curvature * b**2 + slope * c
    return a + b + c / 2


def nested(decoder, z, dz):
    def first(z):
        return jvp(decoder, (z,), (dz,))

    (a, b), (_, c) = jvp(first, (z,), (dz,))
    return a + b + c / 2


expansion = taylor_expand(decoder, z, dz, order=2)
for name, other in ("by hand", series), ("nested jvp", nested):
    difference = (expansion - other(decoder, z, dz)).abs().max() / expansion.abs().max()
    print(f"taylor_expand and {name}: largest relative difference {difference:.0e}")

# %%
# All three agree to the rounding of float64, about 2e-16. :func:`~nrae_geometric.nn.taylor_expand`
# has rules for convolutions, normalization, softmax and the usual activations as well; another
# layer's derivatives are found by autograd, and :func:`~nrae_geometric.nn.register_pointwise`
# teaches it a new activation.
#
# The picture
# -----------
# A decoder of one latent dimension is a curve. Around one of its points, order 1 is the tangent and
# order 2 the parabola that bends as the curve does.

torch.manual_seed(5)  # one that bends well
with torch.no_grad():
    decoder = mlp([1, 16, 2], "tanh").double()
    decoder[0].weight.mul_(3)  # random decoders are nearly straight
    at = torch.zeros(1, 1, dtype=torch.float64)
    step = torch.linspace(-0.8, 0.8, 161, dtype=torch.float64)[:, None]
    curve = decoder(at + step)
    pieces = {k: taylor_expand(decoder, at, step, k) for k in (1, 2)}

figure, (space, error) = plt.subplots(1, 2, figsize=(8, 2.9), layout="constrained")
space.plot(*curve.T, color=FAINT, linewidth=6, label="decoder")
for (k, piece), color in zip(pieces.items(), (VERMILLION, BLUE), strict=True):
    space.plot(*piece.T, color=color, label=f"order {k}")
    error.loglog(step[81:], (piece - curve).norm(dim=1)[81:], color=color, label=f"order {k}")
space.scatter(*decoder(at).detach().T, color=INK, zorder=3)
space.set_aspect("equal")
space.set_title("Tangent and parabola at a point", fontsize=11, loc="left")
space.legend(loc="lower center", fontsize=9)
error.set_title("Their errors fall as δ² and δ³", fontsize=11, loc="left")
error.set(xlabel="length of the step δ", ylabel="distance from the decoder")
error.legend(fontsize=9)

# %%
# On the right the slopes in the double-logarithmic plot are 2 and 3: halving the distance to the
# neighbors makes the error of order 1 a fourth, and that of order 2 an eighth.
#
# The cost
# --------
# One pass moves three rows instead of one for each direction: the value of a point is kept once,
# however many directions leave it. Nested :func:`torch.func.jvp` repeats the value, and its
# gradient goes back through two levels of differentiation. With a latent space of few dimensions
# there is a second way: coefficients along the *axes* are the Jacobian and the Hessian, from which
# any number of directions costs one small product. ``taylor_expand`` takes whichever needs fewer
# rows.
#
# Below, 256 points with ten directions each, expanded to order 2 and differentiated with respect to
# the weights. The two take turns in one process, and medians are compared. With one latent
# dimension Taylor mode goes along the axis, with eight along the directions.


def by_library(decoder, z, dz):
    return taylor_expand(decoder, z, dz, order=2)


def by_nested_jvp(decoder, z, dz):
    return nested(decoder, z.repeat_interleave(10, dim=0), dz)


for dim in 1, 8:
    decoder = mlp([dim, 128, 128, 2], "elu")
    z, dz = torch.randn(256, dim), torch.randn(2560, dim)
    times = {by_library: [], by_nested_jvp: []}
    for _ in range(25):
        for expand, seconds in times.items():
            start = time.perf_counter()
            expand(decoder, z, dz).square().mean().backward()
            seconds.append(1000 * (time.perf_counter() - start))
    library, other = (statistics.median(seconds[5:]) for seconds in times.values())
    print(f"latent dimensions {dim}: Taylor mode {library:.1f} ms, nested jvp {other:.1f} ms")

# %%
# That is the expansion and its gradient alone, on the machine that built this page. Whole training
# steps, with loader, encoder and optimizer, are in ``benchmarks/results/train_speed.md``, from
# ``python benchmarks/train_speed.py`` on two cores of an Intel Xeon: at batches of 256 centers with
# 10 neighbors a step takes 8.8 times as long with nested jvp at order 1, and 17 times at order 2;
# in the published experiments, whose batches are small, 2.7 to 3.4 times and 4.2 to 5.4 times.
# Against the published formulation by two backward passes it is 2.2 to 3.0 and 2.9 to 3.5 times.
#
# Piecewise linear activations have no second derivative inside a piece: with ReLU order 2 is order
# 1, and costs the same.
#
# Source: Griewank and Walther, *Evaluating Derivatives*, second edition, SIAM 2008, chapter 13.

plt.show()

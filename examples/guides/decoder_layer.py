r"""
A decoder layer of your own
===========================

Measures that cannot be negative should not be decoded to negative numbers. Here a decoder gets an
output layer that the library does not know, and the rule that makes it as fast as those it knows.
"""

# %%
# The task
# --------
# Thirteen measures of 178 wines, all of them positive. Each is divided by its standard deviation
# and not centered, so that positive stays positive. An estimator centers the points, so this is a
# job for the parts: graph, loader, model and trainer.

from time import perf_counter

import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch_geometric.data import Data

from nrae_geometric import NRAE, KNNGraph, NeighborhoodLoader, Trainer, mlp
from nrae_geometric.callbacks import EmbeddingStart
from nrae_geometric.nn import (
    Derivatives,
    jacobian,
    register_pointwise,
    register_taylor_rule,
    taylor_expand,
)

wine = load_wine()
table = torch.from_numpy(wine.data).float()
unit = table.std(dim=0)
data = KNNGraph(k=10)(Data(x=table / unit))
names = wine.feature_names

# %%
# The layer
# ---------
# :math:`f(a) = \tfrac12 (a + \sqrt{a^2 + 1})` is positive and smooth. Any module will do as a
# layer: without a rule, it is differentiated by nested :func:`torch.func.jvp`, slower and just as
# exact. A function of single numbers needs its value and first three derivatives; the third is for
# the gradient of a loss of second order.


class Positive(nn.Module):
    """Half of the number and its hypotenuse with one."""

    def forward(self, a):
        """Returns positive numbers."""
        return (a + (a * a + 1).sqrt()) / 2


@register_pointwise(Positive)
def positive(module, a):
    """Returns the value and three derivatives of :class:`Positive`."""
    root = (a * a + 1).sqrt()
    value, slope = (a + root) / 2, (1 + a / root) / 2
    return Derivatives(value, slope, curvature=root**-3 / 2, third=-1.5 * a * root**-5)


# %%
# Is the rule right?
# ------------------
# A plain function has no rule, so the library differentiates it by itself: the thing to compare
# with, in double precision. The value of the expansion uses two derivatives, its *gradient* the
# third, where each point has one direction, as in training with one neighbor for each.


def largest_errors(layer):
    """Returns the largest errors of an expansion of second order and of its gradients."""
    torch.manual_seed(0)
    network = nn.Sequential(*mlp([2, 16, 16], "elu"), layer, nn.Linear(16, 3)).double()
    z, dz = torch.randn(2, 20, 2).double()
    ruled, plain = (taylor_expand(f, z, dz, order=2) for f in (network, lambda z: network(z)))
    gradients = [
        torch.autograd.grad(each.sin().sum(), list(network.parameters())) for each in (ruled, plain)
    ]
    wrong = max((a - b).abs().max() for a, b in zip(*gradients, strict=True))
    return float((ruled - plain).abs().max().detach()), float(wrong)


class Mistaken(Positive):
    """The same function, of which we get the third derivative wrong."""

    def forward(self, a):
        """Returns positive numbers."""
        return super().forward(a)


@register_pointwise(Mistaken)
def mistaken(module, a):
    """Returns what :func:`positive` does, but for the sign of the third derivative."""
    root = (a * a + 1).sqrt()
    value, slope = (a + root) / 2, (1 + a / root) / 2
    return Derivatives(value, slope, curvature=root**-3 / 2, third=1.5 * a * root**-5)


for layer in (Positive(), Mistaken()):
    value, gradient = largest_errors(layer)
    print(f"{type(layer).__name__:9} largest error: value {value:.0e}, gradient {gradient:.0e}")

# %%
# The mistaken rule expands correctly and would train in a wrong direction: only the gradients tell.
#
# What the rule saves
# -------------------
# A step of second order, with the rule and with the same layer differentiated by the library:


class Unruled(nn.Module):
    """The same function without a rule."""

    def forward(self, a):
        """Returns positive numbers."""
        return (a + (a * a + 1).sqrt()) / 2


def seconds(layer):
    """Returns the shortest of ten times of an expansion and its gradient."""
    network = nn.Sequential(*mlp([2, 128, 128, 13], "elu"), layer)
    z, dz = torch.randn(2, 64, 2)
    times = []
    for _ in range(10):
        start = perf_counter()
        taylor_expand(network, z, dz, order=2).square().mean().backward()
        times.append(perf_counter() - start)
    return min(times)


ratio = seconds(Unruled()) / seconds(Positive())
print(f"without the rule a step takes {ratio:.1f} times as long")

# %%
# Both decoders
# -------------


def fitted(*output):
    """Returns a trained model whose decoder ends with some layers."""
    torch.manual_seed(0)
    decoder = nn.Sequential(*mlp([2, 128, 128, 13], "elu"), *output)
    model = NRAE(mlp([13, 128, 128, 2], "elu"), decoder, order=2)
    loader = NeighborhoodLoader(data, num_neighbors=2, batch_size=64, shuffle=True)
    start = EmbeddingStart(num_steps=200)
    Trainer(100, device="cpu", progress=False, seed=0, callbacks=[start]).fit(model, loader)
    return model


models = {"linear": fitted(), "positive": fitted(Positive())}
with torch.no_grad():
    for name, model in models.items():
        error = (model.decode(model.encode(data.x)) - data.x).square().mean()  # variances are 1
        print(f"{name} output: {1 - error:.2f} of the variance kept")

# %%
# A plane is also walked beyond its points. What do the two decode there? Drawn is the smallest of
# the thirteen measures at each place, in its standard deviation.

figure, row = plt.subplots(1, 2, figsize=(8, 3.9), layout="constrained")
steps = torch.linspace(-3.5, 3.5, 140)
for ax, (name, model) in zip(row, models.items(), strict=True):
    with torch.no_grad():
        z = model.encode(data.x)
        smallest = model.decode(torch.cartesian_prod(steps, steps)).min(dim=1).values
    smallest = smallest.reshape(140, 140).T
    levels = torch.arange(-1.5, 1.51, 0.25)
    image = ax.contourf(steps, steps, smallest, levels, cmap="PuOr_r", extend="both")
    ax.contour(steps, steps, smallest, levels=[0], colors="black", linewidths=2)
    ax.scatter(*z.T, s=9, color="white", edgecolors="black", linewidths=0.5)
    share = float((smallest < 0).float().mean())
    ax.set_title(f"{name} output: {share:.0%} below zero", loc="left")
    ax.set(xlabel="latent z₁", ylabel="latent z₂", aspect="equal")
figure.colorbar(image, ax=row, label="smallest of 13 measures", shrink=0.8)

# %%
# Beyond the black line the linear decoder promises wines with less than none of something. Every
# place of the other map is a possible wine, and the points are reconstructed about as well.
#
# A layer that is no pointwise function
# -------------------------------------
# Such a rule gets the Taylor series in front of the layer and returns the one behind it. A linear
# layer passes each coefficient on by ``map_linear``. Here one brings the decoder back into the
# units of the table, so that :func:`~nrae_geometric.nn.jacobian` answers in them.


class Units(nn.Module):
    """Multiplies each column by its unit."""

    def __init__(self, unit):
        super().__init__()
        self.register_buffer("unit", unit)

    def forward(self, x):
        """Returns points in the units of the table."""
        return x * self.unit


@register_taylor_rule(Units)
def units(module, series):
    """Returns the series in the units of the table."""
    return series.map_linear(lambda x: x * module.unit)


model = models["positive"]
decoder = nn.Sequential(*model.decoder, Units(unit))
with torch.no_grad():
    slope = jacobian(decoder, model.encode(data.x)).mean(dim=0)
for name in ("alcohol", "flavanoids", "proline"):
    along = ", ".join(f"{each:+.2f}" for each in slope[names.index(name)].tolist())
    print(f"{name:10} changes by {along} for a step along z₁, z₂, on average")

# %%
# Given a name, as in ``ACTIVATIONS["positive"] = Positive``, a pointwise layer is also one that
# ``mlp([2, 128, 13], "positive")``, the estimator and configurations know.

plt.show()

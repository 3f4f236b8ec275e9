r"""
Your own table
==============

From a CSV file to a plane that can be read like a map: learn it, see whether it is any good, place
new rows in it, and keep it for later.
"""

# %%
# A table
# -------
# The table here is one that comes with scikit-learn: thirty measures of 569 tumors, with a column
# of words that says what was found. Written to a file it stands in for your own.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import r2_score
from sklearn.model_selection import train_test_split

from nrae_geometric import ManifoldAutoencoder
from nrae_geometric.metrics import trustworthiness
from nrae_geometric.visualization import plot_decoded_value, plot_embedding

folder = Path(tempfile.mkdtemp())
bunch = load_breast_cancer(as_frame=True)
table = bunch.data.assign(diagnosis=bunch.target_names[bunch.target])
table.to_csv(folder / "tumors.csv", index=False)

# %%
# Pandas is convenient but not needed: :func:`~nrae_geometric.read_points` reads a CSV file of
# numbers to an array, and any array ``[N, D]`` will do. A data frame keeps its names. What is not
# to be learned from, such as labels and row numbers, is taken out first; missing values are dropped
# or filled in, or fitting refuses them and names the row.

table = pd.read_csv(folder / "tumors.csv")
diagnosis = table.pop("diagnosis")
learned, new, learned_diagnosis, new_diagnosis = train_test_split(
    table, diagnosis, test_size=0.2, stratify=diagnosis, random_state=0
)

# %%
# Learning
# --------
# All settings that depend on the data are chosen by the estimator, which says why.

plane = ManifoldAutoencoder(2, random_state=0).fit(learned)
for name, reason in plane.choices_.items():
    print(f"{name}: {reason}")

# %%
# The scale matters most. These columns differ in unit, so each is divided by its own standard
# deviation; otherwise the areas, which reach the thousands, would be all that counts. If your
# columns have one unit and their sizes mean something, pass ``scale="points"``.
#
# The picture
# -----------

z = plane.transform(learned)
low, high = np.percentile(z, [1, 99], axis=0)
shown = ((low <= z) & (z <= high)).all(axis=1)
figure, axes = plt.subplots(figsize=(7, 5.5), layout="constrained")
plot_embedding(
    z[shown],
    labels=learned_diagnosis[shown].to_numpy(),
    label_name="",
    title="Benign and malignant tumors lie apart",
    ax=axes,
)

# %%
# The diagnosis was not learned from. Points that are near each other here are near each other in
# the table; the outermost ones are left out. The axes have no meaning of their own.
#
# Is it any good?
# ---------------
# Two questions, both asked of rows that were not learned from. How much of each column comes back
# from two numbers? :math:`R^2` is 1 if all of it does, and 0 if the mean would have done as well.

r2 = r2_score(new, plane.reconstruct(new), multioutput="raw_values")
by_column = pd.Series(r2, table.columns).sort_values(ascending=False)
print(by_column.iloc[[0, 1, 2, -3, -2, -1]].round(2).to_string())
print(f"mean of all columns: {r2.mean():.2f}")

# %%
# Columns at the end of this list are mostly lost. If one of them is what you care about, take a
# third latent dimension, or fewer other columns.
#
# And are neighbors in the plane neighbors in the table? Distances in the table are those of the
# scaled columns.

every = (table - plane.center_) / plane.scale_
score = trustworthiness(every.to_numpy(), plane.transform(table), 10)
print(f"trustworthiness of ten neighbors: {score:.3f}")

# %%
# Random places would have .5. From about .95 on a plane can be read closely; a little less, as
# here, means that groups and directions hold but single neighbors need a second look. Below .9 the
# points do not fit into a plane.
#
# Reading the map
# ---------------
# What varies along the plane is asked of the decoder, which turns every place into thirty measures.
# How far to trust a map is its column's :math:`R^2`.

names = ["mean radius", "worst concavity", "mean texture", "mean smoothness"]
figure, axes = plt.subplots(2, 2, figsize=(8, 6.2), layout="constrained")
for ax, name in zip(axes.flat, names, strict=True):
    title = f"{name} (R² {by_column[name]:.2f})"
    plot_decoded_value(plane.inverse_transform, z, table.columns.get_loc(name), name=title, ax=ax)

# %%
# To the right tumors are larger, to the upper right more concave. Texture and smoothness vary as
# drawn only in part: most of their variance is not in the plane.
#
# New rows, and a file
# --------------------
# New rows are placed without learning again, and any place decodes to a row, also one between two
# tumors.

plane.save(folder / "tumors.nrae")
plane = ManifoldAutoencoder.load(folder / "tumors.nrae")

z_new = plane.transform(new)
benign = np.median(z_new[new_diagnosis == "benign"], axis=0)
malignant = np.median(z_new[new_diagnosis == "malignant"], axis=0)
rows = plane.inverse_transform(np.linspace(benign, malignant, 5))
print(pd.DataFrame(rows, columns=table.columns)[names].round(2).to_string(index=False))

# %%
# From the typical benign tumor to the typical malignant one, in five steps.
#
# The same from the shell
# -----------------------
# .. code-block:: console
#
#    nrae fit tumors.csv --label-column diagnosis --out tumors.nrae
#    nrae embed new.csv --model tumors.nrae --out z.csv
#    nrae decode z.csv --model tumors.nrae --out rows.csv
#    nrae report tumors.nrae --points tumors.csv --label-column diagnosis --out page.html
#
# ``fit`` also writes the picture above; the page of ``report`` is one to walk over with the mouse.

plt.show()

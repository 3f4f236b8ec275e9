"""Data frames are read as the numbers in their columns, or refused by the column's name."""

import datetime
from functools import partial

import numpy as np
import pytest
import torch

POINTS = np.random.default_rng(0).integers(-8, 8, (12, 3)).astype(np.float64)


@pytest.fixture(scope="module")
def new(new_estimator):
    return partial(new_estimator, init="random", max_epochs=1)


@pytest.fixture(scope="module")
def fitted(new):
    return new().fit(POINTS)


def check(new, frame, points=POINTS):
    np.testing.assert_allclose(np.asarray(new().fit_transform(frame)), new().fit_transform(points))
    estimator = new().fit(frame)
    np.testing.assert_allclose(estimator.transform(frame), estimator.embedding_, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float64", "int16", "Int64", "Float64", "object", "boolean"])
def test_frames_of_pandas_with_columns_of_numbers_are_points(new, dtype):
    pandas = pytest.importorskip("pandas")
    points = (POINTS > 0).astype(float) if dtype == "boolean" else POINTS
    if dtype == "boolean":
        points[:, 0] = np.arange(12) % 2
    frame = pandas.DataFrame(points, columns=list("abc")).astype(dtype)
    check(new, frame, points)


def test_frames_of_pandas_with_sparse_or_mixed_columns_are_points(new):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(POINTS, columns=list("abc"))
    check(new, frame.astype(pandas.SparseDtype(float, 0)))
    check(new, frame.astype({"a": "Int8", "b": pandas.SparseDtype(float, 0)}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("strings", "column 'b' of X is of type str|value of type str in row 0, column 1"),
        ("category", "column 'b' of X is of type category"),
        ("dates", "column 'b' of X is of type datetime64.*seconds since"),
        ("periods", "column 'b' of X is of type period.*seconds since"),
        ("durations", "column 'b' of X is of type timedelta64.*seconds since"),
        ("complex", "Complex data not supported: column 'b'"),
        ("missing", r"1 row with NaN or infinite values \(first: row 2\)"),
        ("text in objects", "value of type str in row 0, column 1: '1.5'"),
        ("NA in objects", "value of type NAType in row 2|1 row with NaN"),
    ],
)
def test_frames_of_pandas_with_other_columns_are_refused_by_column(new, fitted, column, message):
    pandas = pytest.importorskip("pandas")
    values = {
        "strings": ["a"] * 12,
        "category": pandas.Categorical(["u", "v"] * 6),
        "dates": pandas.date_range("2024", periods=12),
        "periods": pandas.period_range("2024", periods=12),
        "durations": pandas.to_timedelta(range(12)),
        "complex": [1j] * 12,
        "missing": pandas.array([1, 2, None, *range(9)], dtype="Int64"),
        "text in objects": np.array(["1.5"] * 12, dtype=object),
        "NA in objects": pandas.Series([1, 2, pandas.NA, *range(9)], dtype=object),
    }
    frame = pandas.DataFrame(POINTS, columns=list("abc"))
    frame["b"] = values[column]
    if column == "text in objects":
        frame["b"] = frame["b"].astype(object)
    for use in (new().fit, fitted.transform):
        with pytest.raises((TypeError, ValueError), match=message):
            use(frame)


def test_frames_of_polars_with_columns_of_numbers_are_points(new):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(POINTS, schema=["a", "b", "c"])
    check(new, frame)
    check(new, frame.cast({"a": polars.Int16, "b": polars.Float32}))
    check(new, frame.cast({"a": polars.Decimal(10, 2)}))


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("strings", "column 'b' of X is of type String"),
        ("category", "column 'b' of X is of type Categorical"),
        ("dates", "column 'b' of X is of type Date.*seconds since"),
        ("lists", "column 'b' of X is of type List"),
        ("missing", r"1 row with NaN or infinite values \(first: row 2\)"),
        ("lazy", r"LazyFrame; collect\(\) it"),
    ],
)
def test_frames_of_polars_with_other_columns_are_refused_by_column(new, fitted, column, message):
    polars = pytest.importorskip("polars")
    values = {
        "strings": polars.Series(["a"] * 12),
        "category": polars.Series(["a"] * 12, dtype=polars.Categorical),
        "dates": polars.Series([datetime.date(2024, 1, 1)] * 12),
        "lists": polars.Series([[1.0]] * 12),
        "missing": polars.Series([1, 2, None, *range(9)]),
        "lazy": polars.Series([1.0] * 12),
    }
    frame = polars.DataFrame(POINTS, schema=["a", "b", "c"]).with_columns(b=values[column])
    frame = frame.lazy() if column == "lazy" else frame
    for use in (new().fit, fitted.transform):
        with pytest.raises((TypeError, ValueError), match=message):
            use(frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_returned_where_they_are_asked_for(new, library):
    frames = pytest.importorskip(library)
    estimator = new(n_components=2).set_output(transform=library)
    frame = frames.DataFrame({name: POINTS[:, i] for i, name in enumerate("abc")})
    for given in (POINTS, torch.from_numpy(POINTS), frame):
        z = estimator.fit_transform(given)
        assert isinstance(z, frames.DataFrame)
        assert list(z.columns) == ["manifoldautoencoder0", "manifoldautoencoder1"]
        np.testing.assert_allclose(estimator.transform(given).to_numpy(), z.to_numpy(), atol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_with_other_columns_than_those_learned_from_are_refused(new, library):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({name: POINTS[:, i] for i, name in enumerate("abc")})
    estimator = new().fit(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        estimator.transform(frame[["b", "a", "c"]])
    with pytest.raises(ValueError, match=r"feature names|2 features"):
        estimator.transform(frame[["a", "b"]])

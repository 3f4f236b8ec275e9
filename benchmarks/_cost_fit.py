"""What a FLOP, a byte and a count of each stage take on a machine, and how well that predicts."""

from typing import NamedTuple

import numpy as np
from _cost_formulas import Work
from _cost_runs import RUNS, STAGES, Run
from _record import Record
from _report import Table
from scipy.optimize import nnls

WITHIN = 0.3
"""A prediction agrees with a measurement where it is off by no more than this share of it."""
CHECKS, COEFFICIENTS = "Checks: measurements that were not fitted to", "Coefficients"
FITTED = "Measurements that were fitted to"

Coefficients = dict[str, float]
"""Seconds of a FLOP, of a byte, and of each count."""


class Prediction(NamedTuple):
    """A measurement beside what the model says.

    Attributes:
        run: What was measured.
        seconds: The shortest time of its repeats.
        predicted: What the model says.
        memory: Bytes at the peak, where they were measured.
        held: What the model says.
    """

    run: Run
    seconds: float
    predicted: float
    memory: float | None
    held: float

    @property
    def ratio(self) -> float:
        """Predicted over measured seconds."""
        return self.predicted / self.seconds

    @property
    def agrees(self) -> bool:
        """Whether the prediction of the time is within 30 % of the measurement."""
        return abs(self.ratio - 1) <= WITHIN


def terms(work: Work) -> Coefficients:
    """The parts of a work that take time."""
    parts = {"flops": work.flops, "moved": work.moved, **work.counts}
    return {name: amount for name, amount in parts.items() if amount}


def seconds(work: Work, coefficients: Coefficients) -> float:
    """The time of a work, as the sum of its parts' times."""
    return sum(amount * coefficients.get(name, 0.0) for name, amount in terms(work).items())


def fit_stage(works: list[Work], measured: list[float]) -> Coefficients:
    """The coefficients, those above zero, that have the least sum of squared relative errors.

    Args:
        works: What was done.
        measured: How many seconds it took.
    """
    names = list(terms(works[0]))
    parts = np.array([[terms(work)[name] for name in names] for work in works])
    rows = parts / np.array(measured)[:, None]
    scale = rows.max(axis=0)
    found, _ = nnls(rows / scale, np.ones(len(rows)))
    each = zip(names, (found / scale).tolist(), strict=True)
    return {name: value for name, value in each if value > 0}


def fit(record: Record) -> dict[str, Coefficients]:
    """The coefficients of all stages whose small runs are all in the record."""
    fitted = {}
    for stage in STAGES:
        runs = [run for run in RUNS if run.stage == stage and not run.held_out]
        if all(run.key in record for run in runs):
            works = [STAGES[stage].work(run) for run in runs]
            fitted[stage] = fit_stage(works, [min(record[run.key]["seconds"]) for run in runs])
    return fitted


def predictions(record: Record, fitted: dict[str, Coefficients]) -> list[Prediction]:
    """All measurements of the stages that are fitted, with what the model says."""
    found = []
    for run in RUNS:
        if run.key in record and run.stage in fitted:
            work, measured = STAGES[run.stage].work(run), record[run.key]
            found.append(
                Prediction(
                    run,
                    min(measured["seconds"]),
                    seconds(work, fitted[run.stage]),
                    measured["memory"],
                    work.memory,
                )
            )
    return found


def tables(record: Record) -> list[Table]:
    """Coefficients, checks, and how well what was fitted to is met."""
    fitted = fit(record)
    all_of_them = predictions(record, fitted)
    coefficients = Table(COEFFICIENTS, ["stage", "of", "seconds each", "each second"])
    for stage, values in fitted.items():
        for name, value in values.items():
            coefficients.add(stage, name, value, 1 / value)
    return [
        _beside(CHECKS, [each for each in all_of_them if each.run.held_out]),
        coefficients,
        _beside(FITTED, [each for each in all_of_them if not each.run.held_out]),
    ]


def _beside(title: str, found: list[Prediction]) -> Table:
    columns = ["stage", "size", "seconds", "predicted", "÷ measured", "within 30 %"]
    table = Table(title, [*columns, "memory (MB)", "predicted (MB)"])
    for each in found:
        table.add(
            each.run.stage,
            each.run.size,
            each.seconds,
            each.predicted,
            each.ratio,
            "yes" if each.agrees else "no",
            None if each.memory is None else each.memory / 1e6,
            each.held / 1e6,
        )
    return table

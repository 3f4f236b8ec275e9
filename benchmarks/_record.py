"""A record of runs, which is continued: a run that is in it is not repeated."""

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nrae_geometric.atomic import atomic_write

Record = dict[str, dict[str, Any]]
"""By the key of each run, its settings and what was measured."""


def read_record(path: Path) -> Record:
    """The runs so far."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def finish(
    runs: Iterable[Any],
    execute: Callable[[Any], dict[str, Any]],
    jobs: int,
    path: Path,
    title: str | None = None,
    is_complete: Callable[[dict[str, Any]], bool] = lambda run: True,
) -> Record:
    """Runs what has not been run, and returns the record of all.

    Args:
        runs: Dataclasses, each with a ``key``.
        execute: Makes one run. With several jobs both are sent to other processes.
        jobs: How many runs at a time; a single one takes place in this process.
        path: The record, written after each run.
        title: What the progress bar says.
        is_complete: Whether a recorded run has all that it is to have; it is repeated if not.
    """
    record = read_record(path)
    missing = {
        run.key: run for run in runs if run.key not in record or not is_complete(record[run.key])
    }
    finished = _one_by_one if jobs == 1 else _side_by_side
    done = finished(list(missing.values()), execute, jobs)
    for run, found in tqdm(done, total=len(missing), unit="run", desc=title):
        record[run.key] = {**asdict(run), **found}
        with atomic_write(path) as temporary:
            temporary.write_text(json.dumps(record, indent=0) + "\n", encoding="utf-8")
    return record


def _one_by_one(
    runs: list[Any], execute: Callable[[Any], dict[str, Any]], jobs: int
) -> Iterator[tuple[Any, dict[str, Any]]]:
    for run in runs:
        yield run, execute(run)


def _side_by_side(
    runs: list[Any], execute: Callable[[Any], dict[str, Any]], jobs: int
) -> Iterator[tuple[Any, dict[str, Any]]]:
    # Forking a process in which PyTorch has started threads may hang.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        pending = {pool.submit(execute, run): run for run in runs}
        try:
            for future in as_completed(pending):
                yield pending[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise

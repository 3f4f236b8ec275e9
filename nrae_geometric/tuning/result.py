"""What a search has found."""

import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nrae_geometric.atomic import atomic_write
from nrae_geometric.estimator import ManifoldAutoencoder

COLUMNS = ("trial", "score", "n_neighbors", "weight", "order", "state")


@dataclass(frozen=True)
class TuningResult:
    """The settings that were tried, best first.

    Attributes:
        best: ``n_neighbors``, ``weight`` (the published lambda) and ``order``.
        score: Minus their squared reconstruction error of the points left out, mean over points.
        table: One ``{"trial", "score", "n_neighbors", "weight", "order", "state"}`` for each
            trial. The state is ``complete``, ``pruned`` (given up before the last part of the
            points because it was doing worse than most; the score is that of the parts before) or
            ``fail`` (the loss was not finite; without a score).
        best_estimator: With the best settings, to be fitted to all points.
    """

    best: dict[str, Any]
    score: float
    table: list[dict[str, Any]]
    best_estimator: ManifoldAutoencoder

    def save(self, directory: str | os.PathLike[str]) -> None:
        """Writes ``best.json``, ``trials.csv`` and ``tuning.png``."""
        from nrae_geometric.tuning.plot import plot_tuning
        from nrae_geometric.visualization import save_figure

        directory = Path(directory)
        with atomic_write(directory / "best.json") as temporary:
            best = {**self.best, "score": self.score}
            temporary.write_text(json.dumps(best, indent=2) + "\n", encoding="utf-8")
        with (
            atomic_write(directory / "trials.csv") as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.table)
        save_figure(plot_tuning(self.table), directory / "tuning.png")

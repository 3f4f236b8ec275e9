"""What the benchmarks share: where they ran, and their tables as text, Markdown and JSON."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path
from typing import Any

import torch

from nrae_geometric.atomic import atomic_write

RESULTS = Path(__file__).parent / "results"

_LIBRARIES = (
    "nrae-geometric",
    "torch",
    "torch-geometric",
    "torch-cluster",
    "numpy",
    "scipy",
    "scikit-learn",
    "faiss-cpu",
    "pynndescent",
    "pythae",
    "umap-learn",
)


class Table:
    """A titled table of numbers and names; a missing number is :obj:`None`."""

    def __init__(self, title: str, columns: list[str]) -> None:
        self.title = title
        self.columns = columns
        self.rows: list[tuple[Any, ...]] = []

    def add(self, *row: Any) -> None:
        """Adds a row, and prints it so that a long benchmark can be watched."""
        if len(row) != len(self.columns):
            raise ValueError(f"{self.title}: {len(row)} cells for {len(self.columns)} columns")
        self.rows.append(row)
        print(f"{self.title}: " + ", ".join(map(_cell, row)), flush=True)

    def markdown(self) -> str:
        """The table under its title."""
        header = [_cell(column) for column in self.columns]
        lines = [header, ["---"] + ["---:"] * (len(self.columns) - 1)]
        lines += [[_cell(value) for value in row] for row in self.rows]
        return f"### {self.title}\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def machine() -> dict[str, Any]:
    """The processor, the cores and threads, the library versions, the date."""
    installed = {found.name.lower(): found.version for found in importlib.metadata.distributions()}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        "libraries": {name: installed[name] for name in _LIBRARIES if name in installed},
        "date": datetime.date.today().isoformat(),
    }


def write_report(name: str, tables: list[Table], *, quick: bool = False) -> None:
    """Prints the tables and writes ``results/NAME.md`` and ``.json``.

    Args:
        name: The benchmark's name.
        tables: What it measured.
        quick: Whether it was a quick run, which must not replace the full one's record.
    """
    where = machine()
    gpu = f", {where['gpu']}" if where["gpu"] else ""
    libraries = ", ".join(f"{library} {version}" for library, version in where["libraries"].items())
    text = (
        f"{where['processor']}, {where['cores']} cores, {where['threads']} threads{gpu}; "
        f"Python {where['python']}; {libraries}; {where['date']}.\n\n"
        + "\n".join(table.markdown() for table in tables)
    )
    print("\n" + text)
    record = {
        "machine": where,
        "tables": [
            {"title": table.title, "columns": table.columns, "rows": table.rows} for table in tables
        ],
    }
    stem = f"{name}_quick" if quick else name
    for suffix, content in ((".md", text), (".json", json.dumps(record, indent=1) + "\n")):
        with atomic_write(RESULTS / f"{stem}{suffix}") as temporary:
            temporary.write_text(content, encoding="utf-8")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return text.replace("|", r"\|")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

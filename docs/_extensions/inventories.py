"""Inventories of other projects' documentation, for machines without a network.

The source has a line with the name and the address of each project, and below it, indented, the
entries of its inventory as Sphinx has them: name, kind, priority, page (``$`` stands for the name)
and ``-``.
"""

import zlib
from pathlib import Path

Mapping = dict[str, tuple[str, tuple[None, str]]]


def mapping(source: Path, folder: Path) -> Mapping:
    """Writes the inventory of each project and returns intersphinx's mapping, the network first."""
    folder.mkdir(parents=True, exist_ok=True)
    found: Mapping = {}
    for part in source.read_text("utf-8").strip().split("\n\n"):
        heading, *entries = part.splitlines()
        project, address = heading.split()
        file = folder / f"{project}.inv"
        _write(file, project, entries)
        found[project] = (address, (None, str(file)))
    return found


def _write(file: Path, project: str, entries: list[str]) -> None:
    header = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n"
    header += "# The remainder of this file is compressed using zlib.\n"
    lines = "".join(f"{' '.join(entry.split())}\n" for entry in entries)
    file.write_bytes(header.encode() + zlib.compress(lines.encode()))

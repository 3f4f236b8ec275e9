"""Places for results, looked at before there is any."""

from collections.abc import Collection
from pathlib import Path

from nrae_geometric.atomic import check_writable

MODEL_SUFFIX = ".nrae"


def output_path(text: str, suffixes: Collection[str], noun: str) -> Path:
    """Returns the path of a file to write.

    Args:
        text (str): The path.
        suffixes (Collection[str]): How its name may end.
        noun (str): What it is, in an error.

    Raises:
        ValueError: If the name ends otherwise, or is that of a folder.
    """
    path = Path(text).expanduser()
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"the name of {noun} ends in {' or '.join(suffixes)}, got {text!r}")
    if path.is_dir():
        raise ValueError(f"{path} is a folder; name a file in it")
    return path


def check_places(*paths: Path) -> None:
    """Raises if one of the files could not be written; no folder is made yet.

    Raises:
        OSError: With the name of the file.
    """
    for path in paths:
        parent = path.absolute().parent
        while not parent.exists():
            parent = parent.parent
        if not parent.is_dir():
            raise ValueError(f"{path} cannot be written: {parent} is no folder")
        check_writable(parent / path.name)

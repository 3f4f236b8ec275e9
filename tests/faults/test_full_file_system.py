"""On a full disk all processes of a run end with an error, and what was there is as it was.

The disk is a small file system of its own where this process may mount one, and a limit of the size
of files anywhere.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

resource = pytest.importorskip("resource", reason="needs limits of the size of files")

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tests" / "helpers" / "several_processes.py"
FREE = 8192  # bytes


class Disk(NamedTuple):
    """A folder that is soon full.

    Attributes:
        folder (Path): The folder.
        is_mounted (bool): Whether it is a file system of its own.
    """

    folder: Path
    is_mounted: bool

    @property
    def largest(self) -> int | None:
        """The limit of the size of files."""
        return None if self.is_mounted else FREE

    def fill(self, free: int = FREE) -> None:
        """Leaves a little room."""
        if self.is_mounted:
            num_bytes = shutil.disk_usage(self.folder).free - free
            (self.folder / "filling").write_bytes(bytes(num_bytes))

    @contextmanager
    def room(self, for_all: int, for_one: int) -> Iterator[None]:
        """Leaves room for so many bytes to what this process writes, and for those of one file."""
        self.fill(for_all)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        if not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (for_one, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def contents(self) -> dict[str, bytes | None]:
        """What is there."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes() if path.is_file() else None
            for path in self.folder.rglob("*")
        }


@pytest.fixture(params=["file system", "size of files"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    folder, is_mounted = tmp_path / "disk", request.param == "file system"
    folder.mkdir()
    if not is_mounted:
        yield Disk(folder, is_mounted)
        return
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    try:
        yield Disk(folder, is_mounted)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("points") / "points.npy"
    t = np.linspace(0, 6, 1500)
    np.save(path, np.stack([t, np.sin(t), np.cos(t)], axis=1).astype(np.float32))
    return path


@pytest.fixture(scope="module")
def model(nrae: Callable[..., Any], points: Path) -> Path:
    path = points.with_name("model.nrae")
    assert nrae(*fit(points, path)).code == 0
    return path


def fit(points: Path, model: Path, seed: int = 0) -> list[Any]:
    options = ["--max-epochs", 1, "--hidden-layer-sizes", "[8]", "--random-state", seed]
    return ["fit", points, "--out", model, "--device", "cpu", *options]


def assert_one_line_of(path: Path, errors: str) -> None:
    assert "Traceback" not in errors
    [line] = [line for line in errors.splitlines() if line.startswith("nrae: ")]
    assert str(path) in line
    assert "make room" in line


def test_fit_leaves_the_earlier_model(
    disk: Disk, nrae: Callable[..., Any], points: Path, model: Path
) -> None:
    for path in (model, model.with_suffix(".png")):
        shutil.copy(path, disk.folder)
    disk.fill()
    before = disk.contents()
    ended = nrae(*fit(points, disk.folder / "model.nrae", seed=1), largest=disk.largest)

    assert ended.code == 2
    assert_one_line_of(disk.folder / "model.nrae", ended.err)
    assert disk.contents() == before


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".pt", ".parquet"])
def test_embed_leaves_the_earlier_latents(
    disk: Disk, nrae: Callable[..., Any], points: Path, model: Path, suffix: str
) -> None:
    if suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs the extra: pip install '.[parquet]'")
    out = disk.folder / f"z{suffix}"
    out.write_bytes(b"earlier")
    disk.fill()
    before = disk.contents()
    ended = nrae(
        *("embed", points, "--model", model, "--out", out, "--device", "cpu"), largest=disk.largest
    )
    assert ended.code == 2
    assert_one_line_of(out, ended.err)
    assert disk.contents() == before


def test_graph_leaves_nothing(disk: Disk, nrae: Callable[..., Any], points: Path) -> None:
    disk.fill()
    before = disk.contents()
    ended = nrae("graph", points, "--out", f"{disk.folder / 'graph'}/", largest=disk.largest)

    assert ended.code == 2
    assert_one_line_of(disk.folder / "graph" / "indices.npy", ended.err)
    assert disk.contents() == before


def test_joining_of_a_graph_leaves_its_parts(disk: Disk, points: Path) -> None:
    from nrae_geometric.neighbors import stored_knn_graph

    x, folder = np.load(points), disk.folder / "graph"
    assert stored_knn_graph(x, 10, folder, rank=0, world_size=2) is None
    earlier = disk.contents()
    # An array of a part has 30 kB, and one of all has 60 kB.
    with disk.room(for_all=90_000, for_one=45_000), pytest.raises(OSError) as error:
        stored_knn_graph(x, 10, folder, rank=1, world_size=2)
    assert error.value.filename == str(folder / "indices.npy")
    found = disk.contents()
    assert earlier.items() <= found.items()
    assert found.keys() - earlier.keys() - {"filling"} == {
        "graph/indices-2-of-2.npy",
        "graph/distances-2-of-2.npy",
        "graph/graph-2-of-2.json",
    }


def run(disk: Disk | None, *words: Any) -> tuple[int, str]:
    def limit() -> None:
        if disk is not None and disk.largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (disk.largest, disk.largest))

    ended = subprocess.run(
        [sys.executable, *map(str, words)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=limit,
        timeout=300,
    )
    return ended.returncode, ended.stderr


def test_checkpoint_of_two_processes_is_whole_and_both_say_why(disk: Disk) -> None:
    checkpoint = disk.folder / "run.pt"
    words = [SCRIPT, "--checkpoint", checkpoint, "--devices", 2]
    assert run(None, *words, "--epochs", 2)[0] == 0
    disk.fill()
    before = disk.contents()
    code, errors = run(disk, *words, "--epochs", 4, "--resume")

    assert code != 0
    reason = "No space left on device" if disk.is_mounted else "File too large"
    assert errors.count(f"{reason}: '{disk.folder / 'run.previous.pt'}'") == 2
    assert disk.contents() == before


def test_fit_of_two_processes_leaves_the_earlier_model(
    disk: Disk, points: Path, model: Path
) -> None:
    shutil.copy(model, disk.folder)
    disk.fill()
    before = disk.contents()
    command = fit(points, disk.folder / "model.nrae", seed=1)
    code, errors = run(disk, "-m", "nrae_geometric", *command, "--devices", 2)

    assert code == 2
    assert_one_line_of(disk.folder / "model.nrae", errors)
    assert disk.contents() == before

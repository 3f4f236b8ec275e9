"""The scripts of guides, method and gallery run as they stand, and quietly."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("guides", "method", "gallery")
SCRIPTS = [path for name in FOLDERS for path in sorted((ROOT / "examples" / name).glob("*.py"))]
OPTIONAL = ("pandas", "onnxruntime", "onnx", "optuna", "umap", "faiss", "pynndescent", "pyarrow")
# agg shows no windows, and plt.show() says so.
EXPECTED = re.compile(r"FigureCanvasAgg is non-interactive.*\n\s*plt\.show\(\)\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_script_runs_without_a_warning(script, tmp_path):
    text = script.read_text("utf-8")
    if "NRAE_DATA" in text and "NRAE_DATA" not in os.environ:
        pytest.skip("needs MNIST")
    for package in OPTIONAL:
        if re.search(rf"^\s*(?:import|from) {package}\b", text, re.MULTILINE):
            pytest.importorskip(package)
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert EXPECTED.sub("", done.stderr) == ""
    assert list(tmp_path.iterdir()) == []

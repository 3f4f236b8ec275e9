"""The documentation holds: its code runs, its names and files exist."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from nrae_geometric.configs import experiment_names
from nrae_geometric.neighbors import available_backends

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in (*ROOT.glob("[RC]*.md"), *sorted((ROOT / "docs").glob("*.md")))
}
README, CONTRIBUTING = PAGES["README.md"], PAGES["CONTRIBUTING.md"]


def code_blocks(text, language):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [code for named, code in blocks if named == language]


def shell_commands(text):
    lines = "".join(code_blocks(text, "")).splitlines()
    return [line.split("#")[0].split() for line in lines if line]


COMMANDS = [command for page in PAGES.values() for command in shell_commands(page)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        *code_blocks(README, "python"),
        *code_blocks(CONTRIBUTING, "python"),
        pytest.param(
            *code_blocks(PAGES["docs/serving.md"], "python"),
            marks=pytest.mark.skipif(
                find_spec("onnxruntime") is None, reason="onnxruntime is not installed"
            ),
        ),
    ],
)
def test_code_runs_as_it_stands(code, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # In a process of its own: what it registers stays known to its process.
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_table_names_every_published_experiment():
    named = re.findall(r"`((?:AE|NRAEL|NRAEQ)_(?:toy|mnist)_\w+)`", PAGES["docs/experiments.md"])
    assert sorted(set(named)) == experiment_names()


def test_table_names_every_backend():
    named = re.findall(r'^\| `"(\w+)"` \|', PAGES["docs/neighbors.md"], flags=re.MULTILINE)
    assert set(named) == {"auto", *available_backends()}


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    links = [link for link in re.findall(r"\]\(([^)]+)\)", prose) if "://" not in link]
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_make_has_every_target_that_is_named():
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {target for program, *rest in COMMANDS if program == "make" for target in rest}
    assert {"run", "test"} <= targets
    assert {t for t in targets if not re.search(rf"^{t}:", makefile, re.MULTILINE)} == set()


def test_every_script_that_is_named_exists():
    scripts = {rest[0] for program, *rest in COMMANDS if program == "python"}
    assert scripts
    assert {script for script in scripts if not (ROOT / script).is_file()} == set()


@pytest.mark.parametrize(
    "name", sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", "".join(PAGES.values()))))
)
def test_test_that_a_page_names_is_there(name):
    file, _, function = name.partition("::")
    assert f"def {function}" in (ROOT / file).read_text("utf-8")

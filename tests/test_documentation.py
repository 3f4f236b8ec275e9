"""The documentation holds: its code runs, its names and files exist."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from itertools import dropwhile
from pathlib import Path

import numpy as np
import pytest
import torch

from nrae_geometric.cli import main
from nrae_geometric.configs import experiment_names
from nrae_geometric.neighbors import available_backends

ROOT = Path(__file__).parents[1]
MADE_BY_THE_BUILD = ("auto/", "_static/report/")
PAGES = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in (*ROOT.glob("[RC]*.md"), *sorted((ROOT / "docs").rglob("*.md")))
    if not path.is_relative_to(ROOT / "docs" / "auto")
}
SCRIPTS = {
    str(path.relative_to(ROOT)): path.read_text("utf-8")
    for path in sorted((ROOT / "examples").glob("*/*.py"))
}
README, CONTRIBUTING = PAGES["README.md"], PAGES["CONTRIBUTING.md"]


def code_blocks(text, language):
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    return [code for named, code in blocks if named == language]


def words_of(line):
    """A command without its comment, what it sets for itself, and the sign of the background."""
    words = line.split("#")[0].removesuffix("&").split()
    return list(dropwhile(re.compile(r"[A-Z_]+=").match, words))


def shell_commands(text):
    blocks = [*code_blocks(text, ""), *code_blocks(text, "console")]
    return [words for line in "".join(blocks).splitlines() if (words := words_of(line))]


def script_commands(text):
    """The commands in the text of a script that becomes a page."""
    blocks = re.findall(r"^# \.\. code-block:: console\n#\n((?:#    .*\n)+)", text, re.MULTILINE)
    return [words_of(line.removeprefix("#")) for line in "".join(blocks).splitlines()]


SHELL = {page: shell_commands(text) for page, text in PAGES.items()}
SHELL |= {script: script_commands(text) for script, text in SCRIPTS.items()}
COMMANDS = [command for commands in SHELL.values() for command in commands]


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if code_blocks(PAGES[page], "python")])
def test_code_runs_as_it_stands(page, tmp_path):
    blocks = code_blocks(PAGES[page], "python")
    if any("onnxruntime" in code for code in blocks) and find_spec("onnxruntime") is None:
        pytest.skip("onnxruntime is not installed")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    # In a process of its own: what it registers stays known to its process.
    command = [sys.executable, "-c", "\n".join(blocks)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# What is asked of a command besides what the page says, so that a test takes seconds.
SHORTER = {
    "fit": ["--max-epochs", "20"],
    "train": ["--training.num_epochs", "3"],
    "tune": ["--trials", "2"],
}
NEEDED = {"export": "onnxruntime", "tune": "optuna", "--print-completion": "shtab"}
NRAE = {
    page: commands
    for page, lines in SHELL.items()
    if (commands := [command for program, *command in lines if program == "nrae"])
}


@pytest.fixture(scope="module")
def own_files(tmp_path_factory):
    """A folder with the files that pages take for granted: points, a model, a finished run."""
    folder = tmp_path_factory.mktemp("own")
    t = np.linspace(0, 6, 40)
    table = np.stack([t, np.sin(t), np.cos(t), t > 3], axis=1)
    for name in ("points.csv", "new.csv"):
        np.savetxt(folder / name, table, delimiter=",", header="a,b,c,kind", comments="")
    np.save(folder / "points.npy", table)
    np.savetxt(folder / "tumors.csv", table, delimiter=",", header="a,b,c,diagnosis", comments="")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        nrae("fit", "points.csv", "--out", "model.nrae")
        nrae("train", "NRAEL_toy_denoising")
    return folder


def nrae(command, *arguments):
    if "--devices" in arguments:  # whose processes start the same command again
        words = [command, *arguments, *SHORTER.get(command, [])]
        subprocess.run([sys.executable, "-m", "nrae_geometric", *words], check=True)
        return
    try:
        code = main([command, *arguments, *SHORTER.get(command, [])])
    except SystemExit as done:
        code = done.code
    finally:
        torch.set_flush_denormal(False)  # which a command sets for its process
    assert code == 0, shlex.join([command, *arguments])


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(NRAE))
def test_commands_run_in_the_order_of_the_page(page, own_files, tmp_path, monkeypatch):
    shutil.copytree(own_files, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for command, *arguments in NRAE[page]:
        if find_spec(NEEDED.get(command, "torch")) is not None:
            nrae(command, *arguments[: arguments.index(">") if ">" in arguments else None])


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_block_of_a_script_holds_commands(script):
    lines = re.findall(r"^# \.\. code-block:: (.*)", SCRIPTS[script], re.MULTILINE)
    assert set(lines) <= {"console"}
    assert bool(lines) == bool(SHELL[script])


def test_table_names_every_published_experiment():
    named = re.findall(r"`((?:AE|NRAEL|NRAEQ)_(?:toy|mnist)_\w+)`", PAGES["docs/experiments.md"])
    assert sorted(set(named)) == experiment_names()


def test_table_names_every_backend():
    named = re.findall(r'^\| `"(\w+)"` \|', PAGES["docs/neighbors.md"], flags=re.MULTILINE)
    assert set(named) == {"auto", *available_backends()}


@pytest.mark.parametrize("page", PAGES)
def test_linked_files_exist(page):
    prose = re.sub(r"^```.*?^```$", "", PAGES[page], flags=re.DOTALL | re.MULTILINE)
    links = [
        link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", prose) if "://" not in link
    ]
    here = (ROOT / page).parent
    wanted = [link for link in links if not re.search("|".join(MADE_BY_THE_BUILD), link)]
    assert [link for link in wanted if not here.joinpath(link).exists()] == []


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

"""Completion by a shell."""

import shutil
import subprocess
import sys

import pytest

from nrae_geometric.cli import main
from nrae_geometric.cli.completion import SHELLS


@pytest.fixture
def script(capsys):
    """The script of a shell."""
    pytest.importorskip("shtab", reason="needs the extra: pip install '.[completion]'")

    def printed(shell):
        with pytest.raises(SystemExit) as leave:
            main(["--print-completion", shell])
        assert leave.value.code == 0
        return capsys.readouterr().out

    return printed


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_gets_commands_and_options(script, shell):
    text = script(shell)
    for word in ("fit", "embed", "decode", "graph", "train", "n-components", "label-column"):
        assert word in text


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["fi"], {"fit"}),
        (["fit", "--n-c"], {"--n-components"}),
        (["embed", "poi"], {"points.csv"}),
        (["embed", "points.csv", "--model", "mod"], {"model.nrae"}),
        (["train", "--logdir", "res"], {"results"}),
    ],
)
def test_bash_completes_commands_options_files_and_folders(script, tmp_path, words, completed):
    (tmp_path / "results").mkdir()
    for name in ("points.csv", "model.nrae", "results.txt", "nrae.bash"):
        (tmp_path / name).write_text(script("bash") if name == "nrae.bash" else "")
    line = f"COMP_WORDS=(nrae {' '.join(words)}); COMP_CWORD={len(words)}; _shtab_nrae"
    done = subprocess.run(
        ["bash", "-c", f'source ./nrae.bash; {line}; printf "%s\\n" "${{COMPREPLY[@]}}"'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert set(done.stdout.split()) == completed


def test_what_to_install_is_said(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    assert "pip install 'nrae-geometric[completion]'" in capsys.readouterr().err

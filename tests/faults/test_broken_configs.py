"""A configuration that cannot be used is one error with the file's name; nothing is written."""

import os
import subprocess
import sys

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nrae_geometric.configs import ConfigError, experiment_names, load_config
from nrae_geometric.configs.yaml12 import dump_yaml, parse_yaml

NAME = "NRAEL_toy_denoising"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("+1", 1),
        ("-0", 0),
        ("1:30", "1:30"),
        ("190:20:30", "190:20:30"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1e-4", 1e-4),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e", "1e"),
        (".", "."),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("y", "y"),
        ("true", True),
        ("FALSE", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("Null", None),
        ("2001-01-01", "2001-01-01"),
        ("2001-99-99", "2001-99-99"),
        ("2001-01-01T25:61:61Z", "2001-01-01T25:61:61Z"),
        ("=", "="),
        ("<<", "<<"),
        ("!!str 1", "1"),
        ("!!int 010", 10),
    ],
)
def test_values_are_those_of_yaml_1_2(text, value):
    found = parse_yaml(f"key: {text}", "file")["key"]
    assert found == value
    assert type(found) is type(value)


ALIASES = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "\n".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)
)
MERGES = "a0: &a0 {x: 1}\n" + "\n".join(
    f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 10)}]}}" for i in range(1, 10)
)
CHAIN = "a0: &a0 [1]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 3000))
BROKEN = {
    "empty": b"",
    "comment": b"# nothing",
    "value": b"3",
    "list": b"- 1\n- 2",
    "open list": b"exp_name: [1",
    "open string": b'exp_name: "x',
    "tab": b"\texp_name: x",
    "duplicate": b"seed: 1\nseed: 2",
    "duplicate merge": b"a: &a {x: 1}\n<<: *a\n<<: *a",
    "number as key": b"1: x",
    "null as key": b"~: x",
    "list as key": b"? [1]\n: x",
    "mapping as key": b"{a: 1}: x",
    "two documents": b"seed: 1\n---\nseed: 2",
    "python": b"x: !!python/object/apply:os.getcwd []",
    "own tag": b"x: !mine 1",
    "timestamp": b"x: !!timestamp 2001-99-99",
    "binary": b"x: !!binary aGk=",
    "wrong tag": b"x: !!int many",
    "wrong yes": b"x: !!bool yes",
    "unknown alias": b"x: *y",
    "contains itself": b"x: &x [*x]",
    "merge of a number": b"<<: 3",
    "deep flow": b"x: " + b"[" * 3000,
    "deep block": b"- " * 3000 + b"x",
    "deep mapping": "\n".join(" " * i + "a:" for i in range(3000)).encode(),
    "many aliases": ALIASES.encode(),
    "many merges": MERGES.encode(),
    "chain of aliases": CHAIN.encode(),
    "digits": b"seed: " + b"9" * 5000,
    "null bytes": b"seed: \0",
    "png": b"\x89PNG\r\n\x1a\n",
    "latin 1": "exp_name: caf\u00e9".encode("latin-1"),
    "utf-16 without a mark": "seed: 1".encode("utf-16-le"),
    "half of utf-16": b"\xff\xfes\0e",
    "large": b"# " + b"x" * (1 << 20),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_file_is_named(tmp_path, kind):
    path = tmp_path / "broken.yml"
    path.write_bytes(BROKEN[kind])
    with pytest.raises(ConfigError) as error:
        load_config(path)

    assert str(path) in str(error.value)
    assert len(str(error.value)) < 3000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encoding_is_what_the_byte_order_mark_says(tmp_path, encoding):
    path = tmp_path / "config.yml"
    text = load_config(NAME, {"exp_name": "café"}).to_yaml()
    path.write_bytes(text.encode(encoding))

    assert load_config(path).exp_name == "café"


def test_merged_keys_may_be_overridden(tmp_path):
    text = load_config(NAME).to_yaml()
    head, _, tail = text.partition("  decoder:\n")
    rest = tail[tail.index("optimizer:") :]
    if "  kernel:" in tail:
        rest = tail[tail.index("  kernel:") :]
    head = head.replace("  encoder:\n", "  encoder: &network\n")
    decoder = "  decoder:\n    <<: *network\n    out_activation: tanh\n"
    (tmp_path / "config.yml").write_text(
        head + decoder + (rest or tail[tail.index("optimizer:") :])
    )

    model = load_config(tmp_path / "config.yml").model
    assert model.decoder.out_activation == "tanh"
    assert model.encoder.out_activation == "linear"
    assert model.decoder.l_hidden == model.encoder.l_hidden


@pytest.mark.parametrize("path", ["folder", "/dev/zero", "/dev/null", "no/such.yml", "a" * 300])
def test_what_is_no_file_is_named(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises((ConfigError, OSError), match=path[:200]):
        load_config(path)


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes")
def test_configuration_may_come_through_a_pipe(tmp_path):
    read, write = os.pipe()
    os.write(write, load_config(NAME, {"seed": 7}).to_yaml().encode())
    os.close(write)
    assert load_config(f"/dev/fd/{read}").seed == 7
    os.close(read)


@pytest.mark.parametrize("name", experiment_names())
def test_mutated_file_is_read_or_named(mutations, tmp_path, name):
    path = tmp_path / "config.yml"
    text = load_config(name).to_yaml().encode()
    share = len(experiment_names())
    for i, damaged in enumerate(mutations(text)):
        if i % share != sorted(experiment_names()).index(name):
            continue
        path.write_bytes(damaged)
        try:
            config = load_config(path)
        except ConfigError as error:
            assert str(path) in str(error)  # noqa: PT017
        else:
            path.write_text(config.to_yaml(), encoding="utf-8")
            assert load_config(path) == config


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.dictionaries(st.text(), plain, max_size=4))
def test_written_values_are_read_back_by_both_versions(values):
    text = dump_yaml(values)
    assert parse_yaml(text.encode(), "text") == values
    assert yaml.safe_load(text) == values


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.text(alphabet=st.sampled_from("[]{}:,-?&*!|>'\"%@`#<=~ \n\tab01.eE+_"), max_size=40))
def test_any_text_is_read_or_named(text):
    try:
        parse_yaml(text, "text")
    except ConfigError as error:
        assert str(error).startswith("text has 1 fault: ")  # noqa: PT017


NUMBERS = [
    ("model.kernel.lambda", "1e300"),
    ("model.kernel.lambda", "-1"),
    ("model.z_dim", "5e9"),
    ("model.z_dim", "5000000000"),
    ("model.z_dim", "500000000"),
    ("model.z_dim", "0"),
    ("model.encoder.l_hidden", "[1000000, 1000000, 3]"),
    ("data.training.num_data", "1e11"),
    ("data.training.num_data", "100000000000"),
    ("data.training.noise_level", "1e300"),
    ("data.training.batch_size", "1e9"),
    ("data.training.batch_size", "1" + "0" * 30),
    ("data.training.graph.num_nn", "1000000"),
    ("data.training.graph.bs_nn", "99999999999"),
    ("optimizer.lr", "1e300"),
    ("optimizer.lr", ".inf"),
    ("optimizer.lr", "1e999"),
    ("optimizer.lr", "1:30"),
    ("training.num_epochs", "1_000"),
    ("training.num_epochs", "1" + "0" * 5000),
    ("seed", "4294967296"),
    ("seed", "x"),
    ("exp_name", "a" * 300),
    ("exp_name", "'a\\\0b'"),
    ("exp_name", '"\\ud800"'),
    ("exp_name", '"a\\nb"'),
]


@pytest.mark.parametrize(("key", "value"), NUMBERS)
def test_value_out_of_range_is_named_and_nothing_is_written(nrae, tmp_path, key, value):
    ended = nrae("train", NAME, f"--{key}={value}", "--logdir", tmp_path / "results")

    assert ended.code == 2
    assert f"{key}" in ended.err
    assert "Traceback" not in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options", [["--seed", "x"], ["--seed", "-1"], ["--trials", "0"], ["--device", "nonsense"]]
)
def test_search_with_a_bad_option_writes_nothing(nrae, tmp_path, options):
    points = tmp_path / "points.npy"
    np.save(points, np.random.default_rng(0).normal(size=(20, 2)))
    ended = nrae("tune", points, *options, "--logdir", tmp_path / "results")

    assert ended.code == 2
    assert "Traceback" not in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["points.npy"]


def test_the_console_script_names_a_broken_file(tmp_path):
    path = tmp_path / "broken.yml"
    path.write_bytes(BROKEN["latin 1"])
    command = [sys.executable, "-m", "nrae_geometric", "train", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)

    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert str(path) in ended.stderr

"""YAML 1.2: keys and plain values, by the rules of its core schema.

PyYAML follows YAML 1.1, where ``010`` is eight, ``1:30`` ninety, ``no`` false, ``1e-4`` a string
and ``2001-01-01`` a date. Here they are ten, a string, a string, a number and a string. Merge keys
``<<``, anchors and aliases are understood as before.

See chapter 10.3 of the `specification <https://yaml.org/spec/1.2.2/>`_.
"""

import codecs
import re
from typing import Any

import yaml

from nrae_geometric.configs.errors import ConfigError

MOST_BYTES = 1 << 20
_DEEPEST = 100
_MOST_VALUES = 100_000
_TAG = "tag:yaml.org,2002:"
_BOMS = {
    codecs.BOM_UTF8: "utf-8",
    # Before those of two bytes, with which they begin.
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
# The core schema, and the characters that its values begin with.
_RESOLVERS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
_PATTERNS = {name: re.compile(rf"(?:{pattern})\Z") for name, (pattern, _) in _RESOLVERS.items()}


def parse_yaml(text: str | bytes, source: str) -> Any:
    """Parses YAML to plain values; keys are strings, each given once.

    Args:
        text (str or bytes): The text. Bytes are UTF-8, or what their byte order mark says.
        source (str): What to call it in an error.

    Raises:
        ConfigError: If it is not valid YAML, or nested too deep or of too many values to be a
            configuration.
    """
    try:
        return yaml.load(_decoded(text), Loader=_Loader)
    except (yaml.YAMLError, UnicodeError) as error:
        reason = " ".join(str(error).replace('"<unicode string>", ', "").split())
        raise ConfigError(source, [f"not valid YAML: {reason}"]) from None


def dump_yaml(settings: dict[str, Any]) -> str:
    """Returns the text of keys and plain values, which readers of YAML 1.1 understand as well.

    Args:
        settings (dict): The nested keys and values.
    """
    return yaml.dump(settings, Dumper=_Dumper, sort_keys=False)


def _decoded(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    for mark, encoding in _BOMS.items():
        if text.startswith(mark):
            return text[len(mark) :].decode(encoding)
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise yaml.YAMLError(
            f"not in UTF-8 (byte {text[error.start]:#x} in line {line}); save it as such"
        ) from None


class _Loader(yaml.SafeLoader):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def get_single_node(self) -> yaml.Node | None:
        node = super().get_single_node()
        if node is not None:
            _check_size(node, {})
        return node

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise yaml.composer.ComposerError(
                None, None, f"nested more than {_DEEPEST} levels deep", self.peek_event().start_mark
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                raise yaml.composer.ComposerError(
                    None, None, "keys should be names; put quotes around this one", key.start_mark
                )
            if (key.tag, key.value) in seen:
                raise yaml.composer.ComposerError(
                    None, None, f"a key is given twice: {key.value[:40]!r}", key.start_mark
                )
            seen.add((key.tag, key.value))
        return node

    def construct_plain(self, node: yaml.ScalarNode) -> Any:
        kind, text = node.tag.removeprefix(_TAG), self.construct_scalar(node)
        if not _PATTERNS[kind].match(text):
            raise yaml.constructor.ConstructorError(
                None, None, f"{text[:40]!r} is no {kind}", node.start_mark
            )
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "float":
            return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        try:
            return int(text, base)
        except ValueError as error:  # of thousands of digits
            raise yaml.constructor.ConstructorError(
                None, None, "a number of too many digits", node.start_mark
            ) from error


class _Dumper(yaml.SafeDumper):
    """Puts quotes around strings that either version of YAML takes for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


# Of its own, so that neither the rules nor the types of YAML 1.1 are in force.
_Loader.yaml_implicit_resolvers = {}
_Loader.yaml_constructors = {}
for _name, (_, _starts) in _RESOLVERS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"{_TAG}{_name}", _PATTERNS[_name], _starts)
_CONSTRUCTORS: dict[str | None, str] = {
    **{f"{_TAG}{name}": "construct_plain" for name in ("null", "bool", "int", "float")},
    f"{_TAG}merge": "construct_yaml_str",  # where it is no key
    f"{_TAG}str": "construct_yaml_str",
    f"{_TAG}seq": "construct_yaml_seq",
    f"{_TAG}map": "construct_yaml_map",
    None: "construct_undefined",
}
for _tag, _method in _CONSTRUCTORS.items():
    _Loader.add_constructor(_tag, getattr(_Loader, _method))


def _check_size(node: yaml.Node, seen: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Returns the number of values that a node stands for, and their depth, aliases followed."""
    if id(node) in seen:
        found = seen[id(node)]
        if found is None:
            raise yaml.composer.ComposerError(None, None, "it contains itself", node.start_mark)
        return found
    seen[id(node)] = None
    size, depth = 1, 0
    for item in node.value if isinstance(node, yaml.CollectionNode) else ():
        item = item[1] if isinstance(node, yaml.MappingNode) else item
        item_size, item_depth = _check_size(item, seen)
        size, depth = size + item_size, max(depth, item_depth + 1)
    if size > _MOST_VALUES or depth > _DEEPEST:
        raise yaml.composer.ComposerError(
            None,
            None,
            f"more than {_MOST_VALUES:,} values, or nested more than {_DEEPEST} levels deep",
            node.start_mark,
        )
    seen[id(node)] = size, depth
    return size, depth

"""YAML that people write."""

import pytest

from controller_server.core.errors import AssistMimicError
from controller_server.core.yaml_file import parse_yaml


def test_a_name_given_twice_is_refused():
    """Refuse it with its line, on any level; the same name in two places and merged names are no such case."""
    for text, line in (("a: 1\nb: 2\na: 3\n", 3), ("x:\n  - {c: 1, c: 2}\n", 2)):
        with pytest.raises(AssistMimicError, match=rf"f.yaml, line {line}: .*given twice"):
            parse_yaml(text, "f.yaml")
    found = parse_yaml("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  a: 3\n", "f.yaml")
    assert found["y"] == {"a": 3, "b": 2}

"""The rules as data: which one is raised, and that each is complete. Their sentences are in test_refusals."""

import inspect
import string

import pytest

from convmatrix import ConvTranspose
from convmatrix.layers.rules import LEAST, RULES, SENTENCES, check

GROUPS = {"groups": 3, "name": "in_channels", "channels": 8, "remainder": 2}
BOTH = {"axis": 1, "input_dilation": 2, "padding_mode": "reflect", "padding": "same"}


def test_a_rule_is_violated_if_all_its_comparisons_hold():
    check("groups", GROUPS | {"remainder": 0})
    with pytest.raises(ValueError, match=r"^groups=3 does not divide in_channels=8 \(remainder 2\): every group needs"):
        check("groups", GROUPS)
    check("input_dilation", BOTH | {"input_dilation": 1})
    check("input_dilation", BOTH | {"padding_mode": "zeros", "padding": (1, 1)})


def test_the_first_of_two_violated_rules_is_raised():
    with pytest.raises(ValueError, match=r"^input_dilation 2 on axis 1 needs padding_mode 'zeros', got 'reflect'"):
        check("input_dilation", BOTH)
    with pytest.raises(ValueError, match=r"^padding 'same' needs input_dilation 1, got 2 on axis 1"):
        check("input_dilation", BOTH | {"padding_mode": "zeros"})


def test_the_right_side_may_be_the_name_of_a_value():
    names = {name for _, name, _, _ in string.Formatter().parse(RULES["output"][0].sentence) if name}
    values = dict.fromkeys(names, 4) | {"dilated_size": 1, "remainder": 0}
    check("output", values | {"output_padding": 3, "bound": 4})
    with pytest.raises(ValueError, match=r"^output_padding 4 on axis 4 is too large: .* = 4, since"):
        check("output", values | {"bound": 4})


def test_fields_are_arguments_of_the_layers():
    arguments = set(inspect.signature(ConvTranspose).parameters)
    assert {rule.field for rules in RULES.values() for rule in rules} <= arguments
    assert set(LEAST) <= arguments


def test_no_sentence_has_the_name_of_a_type():
    sentences = [*SENTENCES.values(), *(rule.sentence for rules in RULES.values() for rule in rules)]
    names = {name for sentence in sentences for _, name, _, _ in string.Formatter().parse(sentence) if name}
    assert "axis" in names
    assert not names & {"kind", "type", "dtype"}

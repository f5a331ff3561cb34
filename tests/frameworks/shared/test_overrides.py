"""Test the detection of overridden methods: of a class, of its bases, and of the object itself."""

import sys
from types import ModuleType

import pytest

from convmatrix.frameworks.legacy import mxnet
from convmatrix.frameworks.shared.overrides import base_of, comes_from, override_of, patch_of
from stand_ins import made


def test_packages_are_whole_names():
    assert comes_from(made("A", package="torch"), ["torch"])
    assert comes_from(made("A", package="torch.nn"), ["torch"])
    assert not comes_from(made("A", package="torchvision.ops"), ["torch"])
    assert not comes_from(eval("type('A', (), {})", {"type": type}), ["torch"])  # made by code without a module


def test_the_base_is_the_framework_s_where_there_is_one():
    genuine = made("Conv2d", package="torch.nn.modules.conv")
    same_name = made("Conv2d", (genuine,))
    other = made("Identity", (same_name,))
    assert base_of(other(), ["Conv2d", "Identity"], ["torch.nn"], ["torch"]) is genuine
    assert base_of(made("Identity")(), ["Conv2d", "Identity"], ["torch.nn"], ["torch"]).__name__ == "Identity"
    below_another = made("Identity", (made("Module", package="torch.nn"),))
    assert base_of(below_another(), ["Identity"], ["torch.nn"], ["torch"]) is None


def test_overrides_by_a_class_a_mixin_and_the_object():
    base = made("Conv2d", package="torch.nn", forward=True)
    owns = lambda cls: cls is base  # noqa: E731
    assert override_of(base(), ["forward"], owns) is None
    assert override_of(made("A", (base,))(), ["forward"], owns) is None
    assert override_of(made("A", (made("B", (base,), forward=True),))(), ["forward"], owns) == ("forward", "mine.B")
    mixin = made("Mixin", forward=True)
    assert override_of(made("A", (mixin, base))(), ["forward"], owns) == ("forward", "mine.Mixin")
    assert override_of(made("A", (base, mixin))(), ["forward"], owns) is None
    obj = base()
    obj.forward = obj.__call__ = print  # Python looks up __call__ in the class only
    assert override_of(obj, ["__call__", "forward"], owns) == ("forward", "the object")


def test_a_method_put_on_a_class_of_the_framework(monkeypatch):
    home = ModuleType("mxnet.gluon.nn")
    exec("class Block:\n    def forward(self, x): return x\nclass Conv1D(Block): pass", vars(home))
    here = lambda self, x: 2 * x  # noqa: E731
    here.__module__ = here.__name__ = "mxnet.gluon.nn"  # as functools.wraps copies them
    assert patch_of(home.Conv1D, ["forward"], ["mxnet"]) is None
    home.Block.forward = here
    assert patch_of(home.Conv1D, ["forward"], ["mxnet"]) is None  # a stand-in, which its module does not have
    monkeypatch.setitem(sys.modules, "mxnet.gluon.nn", home)
    message = patch_of(home.Conv1D, ["call", "forward"], ["mxnet"])
    assert message == f"mxnet.gluon.nn.Block was given a forward of {__name__}, which may compute anything"
    with pytest.raises(TypeError, match=f"^Conv1D: {message}: read the block where the class is MXNet's own$"):
        mxnet.from_model(home.Conv1D(), 3)
    home.Block.forward = print
    assert "a forward of builtins," in patch_of(home.Conv1D, ["forward"], ["mxnet"])


def test_a_method_that_is_named_again_is_inherited():
    base = made("Conv2d", package="torch.nn", forward=True)
    again = type("Again", (base,), {"forward": base.forward})
    other = type("Other", (base,), {"forward": made("Else", package="torch.nn", forward=True).forward})
    assert override_of(again(), ["forward"], lambda cls: cls is base) is None
    assert override_of(other(), ["forward"], lambda cls: cls is base).method == "forward"

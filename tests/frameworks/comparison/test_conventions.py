"""Test that every convention has a unique name, a sentence, a remedy and slots."""

from convmatrix.frameworks.comparison.conventions import conventions


def test_every_convention_is_complete():
    for ndim in (1, 2, 3, 4):
        table = conventions(ndim)
        assert len({one.name for one in table}) == len(table)
        assert all(one.sentence and one.remedy and one.slots for one in table)

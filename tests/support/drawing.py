"""Random choices for cases that are drawn with a seed, without Hypothesis."""

__all__ = ["AXES", "check_counts", "each", "picked"]

AXES = ("1 axes", "2 axes", "3 axes")
"""Names under which the numbers of axes of drawn cases are counted."""


def picked(rng, *options):
    """Return one of some values."""
    return options[rng.integers(len(options))]


def each(rng, count, most):
    """Return integers from 1 to `most`."""
    return tuple(int(n) for n in rng.integers(1, most + 1, count))


def check_counts(seen, *least):
    """Check for pairs of names and a number that each of the names was counted so often."""
    print(seen)
    for names, number in least:
        assert min(seen[name] for name in names) >= number, (names, seen)


def layer_or_none(call, seen, reasons, **kwargs):
    """Return the layer of a call; None if it raises a ValueError, whose reasons are counted."""
    try:
        return call(**kwargs)
    except ValueError as error:
        found = [reason for reason in reasons if reason in str(error)]
        if not found:
            raise
        seen.update(found)
        return None

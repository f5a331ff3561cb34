"""The script of the explorer's page: one module, joined from the files in ``js`` without any other program.

Each file is a module of its own to read and to edit. The script begins with what Python knows: the rules and the error
sentences of the layers, so that they are written once.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

from convmatrix.core.axis import PADDING_MODES, PADDING_NAMES
from convmatrix.layers.arguments import LONGEST_WORD
from convmatrix.layers.rules import LEAST, RULES, SENTENCES, SYNONYMS
from convmatrix.show.explorer.sentences import PAGE_ERRORS

__all__ = ["FILES", "LIMITS", "json_in_script", "rules", "script"]

FILES = ("numbers", "table", "links", "writer", "board", "boards", "controls", "explorer")
"""The files of the script, without their ending; each imports only from those before it."""

LIMITS = {"entries": 200_000, "positions": 60_000, "number": 1_000_000}
"""Most entries of a matrix and most positions of a map that are drawn, and the largest number of a setting."""

_NOT_NEEDED = re.compile(
    r"""
    ^import\ .*;\n            # all files are one module
    | ^\s*/\*\*(?:.|\n)*?\*/\n  # comments on lines of their own
    | ^\s*//.*\n
    | ^\s+                    # indentation, and empty lines
    """,
    re.MULTILINE | re.VERBOSE,
)


def rules() -> dict[str, Any]:
    """Collect what the script has to know from Python to validate settings, as values for JSON.

    Returns
    -------
    dict

    Examples
    --------
    >>> rules()["least"]["output_padding"]
    0
    """
    return {
        "names": PADDING_NAMES,
        "modes": PADDING_MODES,
        "least": LEAST,
        "rules": {step: [rule._asdict() for rule in all_of_step] for step, all_of_step in RULES.items()},
        "sentences": {**SENTENCES, **PAGE_ERRORS},
        "synonyms": SYNONYMS,
        "longest_word": LONGEST_WORD,
        "limits": LIMITS,
    }


@cache
def script() -> str:
    """Join the files of the script.

    Returns
    -------
    str
        A module without imports; comments that fill lines, and indentation, are left out to keep pages small.

    Examples
    --------
    >>> script().startswith("export const PYTHON = {"), "import " in script()
    (True, False)
    """
    folder = files("convmatrix.show.explorer").joinpath("js")
    texts = (folder.joinpath(f"{name}.js").read_text(encoding="utf-8") for name in FILES)
    return f"export const PYTHON = {json_in_script(rules())};\n" + "".join(_NOT_NEEDED.sub("", text) for text in texts)


def json_in_script(value: Any) -> str:
    r"""Write a value as JSON that cannot end the ``<script>`` it stands in.

    Returns
    -------
    str

    Examples
    --------
    >>> print(json_in_script("</script>"))
    "\u003c/script>"
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c")  # with which </script> and <!-- begin

"""The recipes of docs/scaling.md as code: what a reader copies is what is run."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def recipe(heading):
    """The Python of a section, compiled."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    (code,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return compile(code, f"{PAGE.name}: {heading}", "exec")


def run_recipe(heading):
    """Run the Python of a section, and give all its variables."""
    variables = {}
    exec(recipe(heading), variables)
    return variables

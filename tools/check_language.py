"""Find terms of a private dialect in identifiers, docstrings and comments: `python tools/check_language.py [PATH ...]`.

`tools/language.txt` has a line for each word: the word, where it is not wanted, and what to write in its place. A
program of `make lint`; it prints file, line, word and remedy, and fails if there are any.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LANGUAGE = Path(__file__).with_name("language.txt")
FOLDERS = ("convmatrix", "tests", "tools", "benchmarks", "figures", "docs")
PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""The parts of an identifier: `SameOutput` and `same_output` have two."""


class Rule(NamedTuple):
    """A word that is not wanted in some places, and its remedy; `unless` matches contexts in which it is fine."""

    places: frozenset[str]
    unless: re.Pattern[str] | None
    remedy: str


class Text(NamedTuple):
    """A piece of a file: what kind it is ("identifier" or "prose"), the line that it begins on, and its letters."""

    kind: str
    line: int
    content: str


def rules() -> dict[str, Rule]:
    """Read `language.txt`: word, places, remedy, and optionally a pattern of contexts, separated by tabs."""
    found = {}
    for line in LANGUAGE.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        word, places, remedy, *unless = line.split("\t")
        pattern = re.compile(unless[0], re.IGNORECASE) if unless else None
        found[word] = Rule(frozenset(places.split(",")), pattern, remedy)
    return found


def texts(source: str) -> Iterator[Text]:
    """All identifiers, docstrings and comments of a module; docstrings without their examples."""
    docstrings = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            # A docstring, also one that follows a constant.
            value = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                docstrings.add((value.lineno, value.col_offset))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield Text("prose", token.start[0], token.string)
        elif token.type == tokenize.STRING and token.start in docstrings:
            for number, line in enumerate(token.string.splitlines()):
                if not line.lstrip().startswith((">>>", "...")):
                    yield Text("prose", token.start[0] + number, line)
        elif token.type == tokenize.NAME:
            yield Text("identifier", token.start[0], token.string)
    # Before Python 3.12 the names in an f-string are no tokens.
    for string in (node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)):
        for node in ast.walk(string):
            if isinstance(node, ast.Name):
                yield Text("identifier", node.lineno, node.id)


def matches(text: Text, word: str, rule: Rule) -> bool:
    """Check whether a text has a word where it is not wanted."""
    if text.kind not in rule.places:
        return False
    if text.kind == "identifier":
        found = word in [part.lower() for part in PARTS.findall(text.content)] or word == text.content
    else:
        found = re.search(rf"(?<![\w`.]){re.escape(word)}(?![\w`])", text.content, re.IGNORECASE) is not None
    return found and not (rule.unless and rule.unless.search(text.content))


def main(arguments: list[str]) -> int:
    """Print all findings; 1 if there are any."""
    known, count = rules(), 0
    paths = [Path(argument) for argument in arguments] or [ROOT / folder for folder in FOLDERS]
    for path in paths:
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            source = file.read_text(encoding="utf-8")
            for text in texts(source):
                for word, rule in known.items():
                    if matches(text, word, rule):
                        count += 1
                        shown = file.relative_to(ROOT) if file.is_relative_to(ROOT) else file
                        print(f"{shown}:{text.line}: {text.kind} has {word!r}: write {rule.remedy}")
    print(f"{count} words to replace" if count else "no word to replace")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

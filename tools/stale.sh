#!/usr/bin/env bash
# Build the committed pages, figures and notebooks again in a copy, and compare it with the original, file by file.
set -euo pipefail
cd "$(dirname "$0")/.."

copy=build/stale
rm -rf "$copy"
mkdir -p "$copy/docs"

.venv/bin/python docs/build.py "$copy/docs"
diff -q docs/frameworks.md "$copy/docs/frameworks.md"
diff -q docs/migration.md "$copy/docs/migration.md"
diff -q docs/api.txt "$copy/docs/api.txt"

cp -r figures "$copy"
find "$copy/figures" -name '*.svg' -delete
.venv/bin/python "$copy/figures/build.py"
diff -rq -x __pycache__ figures "$copy/figures"

cp -r notebooks "$copy"
tools/execute_notebooks.sh "$copy"/notebooks/*.ipynb
diff -r -x .ipynb_checkpoints notebooks "$copy/notebooks"

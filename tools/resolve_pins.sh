#!/usr/bin/env bash
# Resolve constraints.txt again: the versions of a temporary environment when everything is installed into it.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=build/venv-pins
trap 'rm -rf "$environment"' EXIT
rm -rf "$environment"
"${PYTHON:-python3}" -m venv "$environment"
"$environment/bin/python" -m pip install -q --upgrade pip
# torch before all else, so that nothing that needs it can bring another build of it.
"$environment/bin/pip" install -q "$(grep -o -m 1 'torch==[0-9.]*' pyproject.toml)"
"$environment/bin/pip" install -q -e '.[notebook,scale]' hatchling editables \
  --group dev --group browser --group oracles --group peers --group pins
"$environment/bin/pip" freeze --all --exclude-editable | sed 's/+.*//' | tr 'A-Z_' 'a-z-' | LC_ALL=C sort > "$environment/pins"
grep '^#' constraints.txt | cat - "$environment/pins" > "$environment/new"
mv "$environment/new" constraints.txt

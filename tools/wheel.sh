#!/usr/bin/env bash
# Build the wheel into build/dist, install it in a temporary environment, and run what it brings.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=build/venv-wheel
trap 'rm -rf "$environment"' EXIT
rm -rf build/dist "$environment"
PIP_CONSTRAINT=constraints.txt .venv/bin/pyproject-build --outdir build/dist
tools/environment.sh --pip "$environment" constraints.txt build/dist/*.whl
"$environment/bin/python" -I -m convmatrix show --i 4 --k 3
"$environment/bin/convmatrix" --version
test -f "$environment"/lib/python*/site-packages/convmatrix/py.typed

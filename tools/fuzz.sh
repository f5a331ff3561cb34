#!/usr/bin/env bash
# Run the drawn tests on that many new random examples each: tools/fuzz.sh 2000; with the oracles where they are installed.
set -euo pipefail
cd "$(dirname "$0")/.."

parallel=(-n logical --dist=worksteal)
drawn=(-m hypothesis --hypothesis-profile=fuzz)
export FUZZ_EXAMPLES=$1
.venv/bin/pytest "${parallel[@]}" "${drawn[@]}" --ignore=tests/oracles
FUZZ_EXAMPLES=1000000 .venv/bin/pytest "${parallel[@]}" --full tests/test_hostile.py
[ ! -e .venv-oracles/ready ] || .venv-oracles/bin/pytest "${parallel[@]}" "${drawn[@]}" tests/oracles

#!/usr/bin/env bash
# Run the benchmarks with these options, beside the peers that are packages where `make peers-env` has installed them.
set -euo pipefail
cd "$(dirname "$0")/.."

environment=.venv
[ ! -e .venv-peers/ready ] || environment=.venv-peers
# One thread, as the tables say.
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
"$environment/bin/python" -m benchmarks "$@"

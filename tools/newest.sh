#!/usr/bin/env bash
# Run what any version has to pass, $PORTABLE, on the newest versions there are, in a temporary environment, with
# $NEWEST_PYTHON if that is set.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra tests <<< "$PORTABLE"
environment=build/venv-newest
trap 'rm -rf "$environment"' EXIT
rm -rf "$environment"
echo "Setting up $environment: the newest versions" >&2
PYTHON=${NEWEST_PYTHON:-$PYTHON} tools/environment.sh "$environment" - -e . --group unit
"$environment/bin/pytest" "${tests[@]}"

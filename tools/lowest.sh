#!/usr/bin/env bash
# Run what any version has to pass, $PORTABLE, on the lowest versions allowed, those of .venv-lowest.
set -euo pipefail
cd "$(dirname "$0")/.."

read -ra tests <<< "$PORTABLE"
.venv-lowest/bin/pytest "${tests[@]}"

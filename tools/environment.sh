#!/usr/bin/env bash
# Make a virtual environment and install into it, quietly; where that fails, print the output of the installer and a remedy.
#
#   tools/environment.sh [--pip] FOLDER PINS [ARGUMENT ...]
#
# FOLDER  the environment; made with $PYTHON unless it is there
# PINS    a file of constraints, or - for none
# The arguments are those of `pip install`; without any, the environment is made and nothing is installed. uv does both
# where it is found, unless --pip says that it must not.
set -euo pipefail

: "${PYTHON:=python3}"
uv=$(command -v uv || true)
if [ "$1" = --pip ]; then
  uv=
  shift
fi
folder=$1
pins=$2
shift 2

log=$(mktemp)
trap 'rm -f "$log"' EXIT

fail() {
  echo >&2
  tail -n 30 "$log" >&2
  echo >&2
  echo "Setting up $folder failed: $1." >&2
  echo "The installer's message is above. Installing needs a network. Try another Python, as in 'make PYTHON=python3.12', or" >&2
  echo "start over with 'make clean'." >&2
  exit 1
}

run() {
  "$@" > "$log" 2>&1
}

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> "$log" ||
  fail "$PYTHON is not there, or older than 3.11 ($("$PYTHON" --version 2> /dev/null || echo 'no version'))"

if [ ! -x "$folder/bin/python" ] || { [ -z "$uv" ] && [ ! -x "$folder/bin/pip" ]; }; then
  if [ -n "$uv" ]; then
    run uv venv --allow-existing --python "$PYTHON" "$folder" || fail "uv could not make the environment"
  else
    run "$PYTHON" -m venv "$folder" ||
      fail "$PYTHON could not make an environment (on Debian and Ubuntu it needs the package python3-venv)"
    # --group needs pip 25.1.
    run "$folder/bin/python" -m pip install --disable-pip-version-check --upgrade -c constraints.txt pip ||
      fail "pip could not be upgraded (without a network, nothing can be installed)"
  fi
fi
[ $# -gt 0 ] || exit 0

constraints=
[ "$pins" = - ] || constraints="-c $pins --build-constraint constraints.txt"
# What is compiled when it is first imported need not be compiled now. shellcheck disable=SC2086
if [ -n "$uv" ]; then
  run uv pip install --python "$folder/bin/python" $constraints "$@"
else
  run "$folder/bin/python" -m pip install --no-compile --progress-bar off $constraints "$@"
fi || fail "$(basename "${uv:-pip}") could not install '$*'"

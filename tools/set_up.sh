#!/usr/bin/env bash
# Set up one stage of an environment, and leave its stamp: tools/set_up.sh .venv/test. The Makefile knows their order.
set -euo pipefail
cd "$(dirname "$0")/.."

stamp=$1
folder=${stamp%/*}
pins=${PINS:-constraints.txt}

install() {
  echo "Setting up $folder: $1" >&2
  tools/environment.sh "$folder" "$pins" "${@:2}"
}

# With pip, and torch before all else: so nothing that needs torch can bring another build of it.
install_beside_torch() {
  echo "Setting up $folder: torch and other packages to compare with" >&2
  tools/environment.sh --pip "$folder" constraints.txt "$(grep '^torch==' constraints.txt)"
  tools/environment.sh --pip "$folder" constraints.txt -e . --group unit --group "$1"
}

case $stamp in
  .venv/package) install "the package" -e . ;;
  .venv/test) install "tests" --group test ;;
  .venv/dev) install "checks" --group dev ;;
  .venv/lab) install "JupyterLab" -e '.[notebook]' ;;
  .venv/browser) install "playwright and JupyterLab" -e '.[notebook]' --group browser ;;
  .venv-oracles/ready) install_beside_torch oracles ;;
  .venv-peers/ready) install_beside_torch peers ;;
  .venv-lowest/ready)
    pins=build/constraints-lowest.txt
    mkdir -p build
    grep -vE '^(numpy|scipy|matplotlib|pyparsing)==' constraints.txt > "$pins"
    install "the lowest versions allowed" -e . --group lowest
    ;;
  *)
    echo "$0 knows no stamp '$stamp'" >&2
    exit 2
    ;;
esac
touch "$stamp"

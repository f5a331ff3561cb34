#!/usr/bin/env bash
# Record again the results of a framework that cannot be installed together with the others: tools/record_oracle.sh mxnet.
set -euo pipefail
cd "$(dirname "$0")/.."

# Exact versions, so that the same bytes come out.
case $1 in
  tensorflow) packages=(tensorflow-cpu==2.21.0 keras==3.15.1 numpy==2.4.6) ;;
  theano) packages=(aesara==2.9.4 numpy==1.26.4 scipy==1.12.0) ;;
  mxnet) packages=(mxnet==1.9.1 numpy==1.23.5) ;;
  *)
    echo "$0 records tensorflow, theano or mxnet, not '$1'" >&2
    exit 2
    ;;
esac

environment=build/venv-record-$1
trap 'rm -rf "$environment"' EXIT
rm -rf "$environment"
echo "Setting up $environment: ${packages[*]}" >&2
tools/environment.sh --pip "$environment" - "${packages[@]}"
export AESARA_FLAGS=cxx= MXNET_STORAGE_FALLBACK_LOG_VERBOSE=0 TF_CPP_MIN_LOG_LEVEL=2
"$environment/bin/python" "tests/oracles/record_$1.py"

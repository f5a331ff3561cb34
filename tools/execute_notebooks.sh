#!/usr/bin/env bash
# Execute notebooks in place, with the same bytes on every run: tools/execute_notebooks.sh FILE ...
set -euo pipefail
cd "$(dirname "$0")/.."

# No times, no widget state, no version of Python, each stream in one piece.
.venv/bin/jupyter-nbconvert --to notebook --execute --inplace --log-level=WARN \
  --ExecutePreprocessor.record_timing=False --ExecutePreprocessor.store_widget_state=False \
  --NotebookExporter.preprocessors=nbconvert.preprocessors.CoalesceStreamsPreprocessor \
  --ClearMetadataPreprocessor.enabled=True --ClearMetadataPreprocessor.clear_cell_metadata=False \
  --ClearMetadataPreprocessor.preserve_nb_metadata_mask='{"kernelspec", ("language_info", "name")}' \
  "$@"

#!/usr/bin/env bash
# Runs the tests of the weights with every line of huggingface_hub that is in use, each in a virtual
# environment over the present one.
set -euo pipefail
cd "$(dirname "$0")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for client in ${*:-0.30 0.36 1 2}; do
    python -m venv "$scratch/$client"
    python="$scratch/$client/bin/python"
    own=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' >"$own/present.pth"
    "$python" -m pip install --quiet --ignore-installed "huggingface_hub==$client.*" 2>"$scratch/log" ||
        { cat "$scratch/log"; exit 1; } # pip warns of what the present environment has
    "$python" -c 'import huggingface_hub; print(f"== huggingface_hub {huggingface_hub.__version__}")'
    "$python" -m pytest --quiet tests/models/weights/test_{faults,fetch,hub,publish,search,store}.py \
        tests/models/conversion/test_trunks.py
done

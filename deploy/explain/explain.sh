#!/bin/sh
# Runs explain in a separate virtual environment, which is created at the first run. Exit codes are the program's:
# 0 open, 1 blocked, 3 unknown, 64 wrong usage. A virtual environment that can't be made is 69.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
venv=$folder/.venv
if ! cmp -s "$folder/requirements.txt" "$venv/installed"; then
    { python3 -m venv --clear "$venv" &&
        "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --requirement "$folder/requirements.txt" &&
        cp "$folder/requirements.txt" "$venv/installed"; } >&2 || exit 69
fi
PYTHONPATH=$folder${PYTHONPATH:+:$PYTHONPATH} exec "$venv/bin/python" -m explain "$@"

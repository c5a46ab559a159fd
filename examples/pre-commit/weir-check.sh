#!/usr/bin/env bash
# Checks each file that is named, by its text alone: nothing is read of what a gateway on this machine has recorded. Warnings are
# shown and pass. A folder whose files are one configuration is named by any file of it: entry: weir-check.sh --folder conf.d
set -uo pipefail
if [[ ${1:-} == --folder ]]; then set -- "$2"; fi
worst=0
for file in "$@"; do
  "${WEIR:-weir}" check --no-recording "$file" || { code=$?; ((code > worst)) && worst=$code; }
done
exit "$worst"

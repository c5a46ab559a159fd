#!/usr/bin/env bash
# Applies FILE to the gateway behind the socket ADMIN for AUTHOR, with the first line of REASON; for a pipeline. What became of it
# is printed as JSON. Ends with weir's own code: 0 it is live, 1 it is wrong, 3 it hurt before and was taken back, 4 it is
# held, 5 nobody is there or somebody else was faster. Only a gateway that is busy is asked again, six times at most: the text of
# whoever is told "stale" was made for something else than what runs, and a text that hurt hurts again.
set -euo pipefail
: "${FILE:=gateway.yaml}" "${ADMIN:?the admin socket}" "${AUTHOR:?who}" "${REASON:?why}"
base=()
if [[ -n ${BASE:-} ]]; then base=(--base "$BASE"); fi

for pause in 1 2 4 8 16 0; do
  code=0
  answer=$("${WEIR:-weir}" apply "$FILE" --admin "$ADMIN" --author "$AUTHOR" --reason "${REASON%%$'\n'*}" "${base[@]}" -o json) || code=$?
  if ((code != 5)) || [[ $answer != *'"busy":true'* ]] || ((pause == 0)); then break; fi
  sleep "${PAUSE:-$pause}"
done
if [[ -n $answer ]]; then printf '%s\n' "$answer"; fi
exit "$code"

#!/usr/bin/env bash
# Applies FILE to the gateway behind the socket ADMIN for AUTHOR, with the first line of REASON; for a pipeline. What became of it
# is printed as JSON. Ends with weir's own code: 0 it is live, 1 it is wrong or could not be carried out, 3 it would hurt or hurt,
# somebody stopped it, or its text was refused or taken back, 4 it was given up for want of data or not confirmed, 5 nobody is there,
# pipelines are frozen, or somebody else was faster. It waits until the change is live: 14 minutes by the stages that hold without a
# line, up to 15 more for each that is held; the runner's timeout must allow it. Only a gateway that is busy is asked again, six times
# at most: the text of whoever is told "stale" was made for something else than what runs, and a text that hurt hurts again.
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

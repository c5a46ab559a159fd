#!/usr/bin/env bash
# Lays a program out anew: blocks and functions in the order in which they were seen to run, what never ran apart from them.
#   tools/lay_out.sh LLVM-BOLT PROGRAM SEEN.gz      PROGRAM is replaced; what was linked stays beside it, as PROGRAM.linked
# SEEN is of a program that was a little different: functions that have changed since are matched block by block. Where it cannot be
# done the program stays as it was linked, which is the same but for its speed.
set -euo pipefail
bolt=$1 program=$2 seen=$3
profile=$(mktemp)
trap 'rm -f "$profile" "$program.laid"' EXIT
rm -f "$program.linked"
gzip -dc "$seen" >"$profile"
if told=$("$bolt" "$program" -o "$program.laid" -data="$profile" -infer-stale-profile -reorder-blocks=ext-tsp -reorder-functions=hfsort \
          -split-functions -split-all-cold -split-eh -icf=1 -update-debug-sections 2>&1) && "$program.laid" --version >/dev/null; then
  mv "$program" "$program.linked"
  mv "$program.laid" "$program"
else
  echo "$told" | tail -20 >&2
  echo "warning: $program stays as it was linked" >&2
fi

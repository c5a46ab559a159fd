#!/usr/bin/env bash
# ./dev run, after the build: two sample upstreams, weir before them on examples/quickstart/gateway.yaml, the curl lines
# to try, then weir's own line per request. Ctrl-C stops all three, each by its own process id.
set -euo pipefail
weir=build/release/weir
config=examples/quickstart/gateway.yaml
pids=()
stop() {
  local pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
}
trap stop EXIT
trap 'exit 130' INT TERM

build/release/sample_upstream 127.0.0.1:9001 catalog-1 & pids+=($!)
build/release/sample_upstream 127.0.0.1:9002 catalog-2 & pids+=($!)

# The lines to try are those of the configuration file itself, where they stand as comments: "#   curl ...".
echo
echo "weir on $config. Try in another terminal:"
sed -n 's/^# *\(curl .*\)$/  \1/p' "$config"
echo
echo "One line per request follows; Ctrl-C stops everything."
"$weir" run -c "$config" --live "$@" & pids+=($!)
# The gateway's own end is the end of the run, its exit code ours.
wait "${pids[2]}"

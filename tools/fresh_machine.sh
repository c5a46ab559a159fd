#!/usr/bin/env bash
# Proves the README on a machine that has nothing: a bare Debian 12 in a folder (debootstrap, chroot) with git and a
# network, where the two commands are run from a clean clone of HEAD. Needs root and debootstrap; takes 20 to 40 minutes.
#   tools/fresh_machine.sh [FOLDER] [COMMAND...]     default: build/fresh-machine, then ./dev test and ./dev run
# In the chroot there is no systemd, as in a container. What was mounted is unmounted at the end; the folder stays.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$(realpath -m "${1:-build/fresh-machine}")
shift || true

[[ -e $root/etc/debian_version ]] || debootstrap --variant=minbase --include=git,ca-certificates bookworm "$root" http://deb.debian.org/debian
rm -rf "$root/root/weir"
git clone -q --no-hardlinks . "$root/root/weir"
cp /etc/resolv.conf "$root/etc/resolv.conf"

mounted=()
cleanup() {
  local place
  for place in "${mounted[@]}"; do umount "$place"; done
}
trap cleanup EXIT
mount -t proc proc "$root/proc" && mounted+=("$root/proc")
mount -t tmpfs tmpfs "$root/dev" && mounted+=("$root/dev")
for node in null zero full random urandom tty; do
  touch "$root/dev/$node" && mount --bind "/dev/$node" "$root/dev/$node" && mounted=("$root/dev/$node" "${mounted[@]}")
done
mkdir "$root/dev/shm" "$root/dev/pts" && ln -s /proc/self/fd "$root/dev/fd"

inside() { chroot "$root" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb bash -c "cd /root/weir && $1"; }

if (($#)); then
  inside "$*"
  exit
fi
inside './dev test'
# ./dev run does not end by itself: it is given until its first answer, then a TERM (a shell's background job
# ignores INT).
inside '
  ./dev run >run.log 2>&1 & run=$!
  until curl -sf http://127.0.0.1:8080/catalog/items; do
    sleep 1
    kill -0 $run 2>/dev/null || { cat run.log; exit 1; }
  done
  kill $run; wait $run || true
  cat run.log
'

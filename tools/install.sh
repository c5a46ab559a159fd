# Sourced by ./dev. ensure_packages GROUP...: makes sure that the Debian packages of these groups (tools/packages.txt)
# are installed. Says what it will install before it does. With everything present it needs neither root nor a network.

missing_packages() {
  local group package
  while read -r group package; do
    [[ " $* " == *" $group "* ]] || continue
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
  done < <(grep -v '^#' tools/packages.txt) | sort -u
}

ensure_packages() {
  local missing as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  echo "weir needs ${#missing[@]} Debian packages that are not installed here ($*):" >&2
  printf '%s ' "${missing[@]}" | fold -s -w 96 | sed 's/^/  /' >&2
  echo >&2
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "Not root and no sudo: ask an administrator to run" >&2
      echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing them with apt-get. Servers among them are for tests only: none is started." >&2
  "${as_root[@]}" bash -euo pipefail -s -- "${missing[@]}" <<'ROOT'
export DEBIAN_FRONTEND=noninteractive
# Debian starts a server when it is installed unless this file says no; it is here only during the installation.
policy=/usr/sbin/policy-rc.d
if [[ ! -e $policy ]]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
log=$(mktemp)
quietly() { "$@" </dev/null >"$log" 2>&1 || { tail -n 40 "$log" >&2; exit 1; }; }
quietly apt-get update
quietly apt-get install -y --no-install-recommends "$@"
rm -f "$log"
# Nor shall they start at the next boot.
if [[ -d /run/systemd/system ]]; then
  for package in "$@"; do
    case $package in
      nginx | haproxy | prometheus) systemctl disable --quiet "$package" ;;
      nghttp2-proxy) systemctl disable --quiet nghttpx ;;
    esac
  done
fi
ROOT
}

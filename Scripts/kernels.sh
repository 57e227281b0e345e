#!/usr/bin/env bash
# Fetches Debian's kernels by a stable name, with apt, into a cache outside the repository.
#
#   kernels.sh         lists the names it knows, one a line
#   kernels.sh NAME    prints the path of that kernel's image and nothing else on standard output
#
# A cached image is used as it is and needs no network; to fetch a newer one, delete its directory.
set -euo pipefail

# shellcheck source=Scripts/debian.sh
. "$(dirname "$0")/debian.sh"

say() { echo "kernels: $*" >&2; }
fail() { say "$*"; exit 1; }

# The name, the kernel's series, the flavour, and the suites of Debian that carry it.
table() {
  cat <<'TEXT'
debian-6.1-cloud 6.1 cloud-amd64 bookworm bookworm-security
debian-6.1 6.1 amd64 bookworm bookworm-security
debian-5.10-cloud 5.10 cloud-amd64 bullseye bullseye-security
debian-5.10 5.10 amd64 bullseye bullseye-security
debian-6.12-cloud 6.12 cloud-amd64 bookworm-backports bookworm-security
debian-6.12 6.12 amd64 bookworm-backports bookworm-security
TEXT
}

# The image of that name in the cache, the newest if there are several; nothing if there is none.
cached() {
  [ ! -d "$1" ] || find "$1" -maxdepth 1 -type f -name 'vmlinuz-*' | sort -V | tail -n 1
}

fetch() {
  local name=$1 series=$2 flavour=$3 tool pattern package image directory found work
  shift 3
  directory=$cache/$name
  found=$(cached "$directory")
  if [ -n "$found" ]; then echo "$found"; return; fi

  for tool in apt-get apt-cache dpkg-deb tar; do
    command -v "$tool" >/dev/null || fail "$name is not in $directory, and fetching it needs $tool"
  done
  [ -r "$keyring" ] || fail "no $keyring: install debian-archive-keyring"
  mkdir -p "$directory" || fail "cannot write to the cache $directory"
  # Beside its final place, so that the last step is a rename within one file system.
  work=$(mktemp -d "$cache/.$name.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP

  private_apt "$work" "$@"
  say "reading Debian's lists ($*)"
  (cd "$work" && apt-get update -q) >&2 || fail "cannot read Debian's lists for $* (no network, or the suite has moved)"
  pattern="^linux-image-${series//./\\.}\\.[0-9]+(-[0-9]+|\\+deb[0-9]+)-$flavour-unsigned\$"
  # A mirror may list the newest package after it has dropped the file (Debian 11 is past its support), so try the next.
  found=
  for package in $(apt-cache pkgnames linux-image- | grep -E "$pattern" | sort -rV); do
    say "fetching $package"
    if (cd "$work" && apt-get download -q "$package") >&2; then found=$package; break; fi
  done
  [ -n "${package-}" ] || fail "no package matches $pattern in $*"
  [ -n "$found" ] || fail "the mirror lists packages for $name but has none of their files"
  # The image alone: the modules beside it take twenty times its room.
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz-*' >&2 ||
    fail "cannot unpack $package"
  image=$(cached "$work/boot")
  [ -n "$image" ] || fail "$package holds no boot/vmlinuz-*"
  found=$directory/$(basename "$image")
  mv -f "$image" "$found" || fail "cannot write $found"
  echo "$found"
}

cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/limen}/kernels
case $cache in /*) ;; *) fail "the cache's path must be absolute: $cache" ;; esac

case $# in
  0) table | cut -d ' ' -f 1 ;;
  1)
    row=$(table | awk -v name="$1" '$1 == name')
    if [ -z "$row" ]; then
      say "unknown kernel '$1'; known are: $(table | cut -d ' ' -f 1 | paste -s -d ' ')"
      exit 2
    fi
    # shellcheck disable=SC2086
    fetch $row
    ;;
  *) say "usage: ./dev kernels [NAME]"; exit 2 ;;
esac

#!/usr/bin/env bash
# Fetches Debian's kernels for amd64 by name, with apt, into a cache outside the repository.
#
#   kernels.sh         lists the names of all that Debian's suites carry now, one a line
#   kernels.sh NAME    prints the path of that kernel's image and nothing else on standard output
#
# A name is `debian-`, then a version as in `uname -r` (6.1.0-57, 6.12.117+deb12; without +debN, the newest of that version) or a series
# (6.12), for its newest kernel, then `-cloud` or `-rt` for these flavours. `-dbg` behind it all means the vmlinux with symbols instead of
# the image: some hundred megabytes to fetch, for a series that of the image in the cache.
#
# What is cached is used as it is and needs no network; to fetch a newer kernel of a series, delete its directory.
set -euo pipefail

# shellcheck source=Scripts/debian.sh
. "$(dirname "$0")/debian.sh"

say() { echo "kernels: $*" >&2; }
fail() { say "$*"; exit 1; }

# Where Debian's kernels for amd64 are to be had.
suites=(
  bullseye bullseye-security bookworm bookworm-security bookworm-backports
  trixie trixie-security trixie-backports forky sid
)

# Sets `packages` to the names of all that may hold a kernel: from 6.19 the image is in linux-binary-*. The lists stay in the cache, as
# reading all of them again takes longer than fetching a kernel.
read_lists() {
  local tool
  for tool in apt-get apt-cache dpkg-deb tar flock; do
    command -v "$tool" >/dev/null || fail "reading Debian's lists needs $tool"
  done
  [ -r "$keyring" ] || fail "no $keyring: install debian-archive-keyring"
  mkdir -p "$lists" || fail "cannot write to the cache $cache"
  private_apt "$lists" "${suites[@]}"
  exec {lock}>"$lists/lock"
  flock "$lock"
  say "reading Debian's lists (${suites[*]})"
  (cd "$lists" && apt-get update -q) >&2 ||
    fail "cannot read Debian's lists (no network, or a suite has moved)"
  packages=$(apt-cache pkgnames linux-image- && apt-cache pkgnames linux-binary-)
  exec {lock}>&-
}

# Prints the releases (`uname -r`) that have an image or, with -dbg, a vmlinux with symbols, the oldest first.
releases() {
  case "${1-}" in
    -dbg) sed -nE 's/^linux-image-([0-9]+\.[0-9]+\.[0-9].*-amd64)-dbg$/\1/p' ;;
    *) sed -nE '/-dbg$/d; s/^linux-(image|binary-unsigned|binary)-([0-9]+\.[0-9]+\.[0-9].*-amd64)(-unsigned)?$/\2/p' ;;
  esac <<<"$packages" | sort -uV
}

# Reads releases and prints their names here.
names() {
  sed -E 's/^/debian-/; s/-amd64$//'
}

list() {
  read_lists
  releases | sed -E 's/^([0-9]+\.[0-9]+)\..*(-cloud|-rt)-amd64$/\1\2/; s/^([0-9]+\.[0-9]+)\..*-amd64$/\1/' | sort -uV | names
  releases | names
  releases -dbg | names | sed 's/$/-dbg/'
}

# The image of that name in the cache, the newest if there are several; nothing if there is none.
cached() {
  [ ! -d "$1" ] || find "$1" -maxdepth 1 -type f -name 'vmlinu[xz]-*' | sort -V | tail -n 1
}

# Fetches one package into the directory $1 and unpacks nothing of it but the kernel, whose path it prints: below boot, usr/lib/modules or
# usr/lib/debug. The modules beside it take twenty times its room. A mirror may list a package after it has dropped the file; then it
# prints nothing.
unpack() {
  local work=$1 package=$2
  say "fetching $package"
  (cd "$work" && apt-get download -q "$package") >&2 || return 0
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -x -C "$work" --wildcards --no-anchored 'vmlinu[xz]*' >&2 ||
    fail "$package holds no kernel, or cannot be unpacked"
  rm -f "$work/$package"_*.deb
  find "$work" -type f -name 'vmlinu[xz]*' | head -n 1
}

fetch() {
  local name=$1 version=$2 flavour=$3 debug=$4 directory=$cache/$1 found pattern candidates release package image work
  found=$(cached "$directory")
  if [ -n "$found" ]; then echo "$found"; return; fi

  case "$version" in
    *.*.*) pattern="^${version//[.+]/\\&}(\\+deb[0-9.]+)?$flavour-amd64\$" ;;
    *) pattern="^${version//./\\.}\\.[0-9]+(-[0-9][0-9a-z.]*|\\+deb[0-9.]+)?$flavour-amd64\$" ;;
  esac
  # The symbols of a series are those of its image in the cache, or they would not fit it.
  found=$(cached "$cache/${name%-dbg}")
  if [ -n "$debug" ] && [ -n "$found" ]; then
    release=$(basename "$found")
    release=${release#vmlinuz-}
    pattern="^${release//[.+]/\\&}\$"
  fi
  read_lists
  candidates=$(releases "$debug" | grep -E "$pattern" | tac || true)
  [ -n "$candidates" ] || fail "Debian's suites have no $name now; ./dev kernels lists what they have"

  # Beside its final place, so that the last step is a rename within one file system.
  work=$(mktemp -d "$cache/.$name.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP
  for release in $candidates; do
    for package in linux-image-"$release"-{dbg,unsigned} linux-{binary,binary-unsigned,image}-"$release"; do
      [ "${package%-dbg}$debug" = "$package" ] && grep -qxF -- "$package" <<<"$packages" || continue
      found=$(unpack "$work" "$package")
      [ -n "$found" ] || continue
      mkdir -p "$directory" || fail "cannot write to the cache $cache"
      image=$directory/$([ -n "$debug" ] && echo vmlinux || echo vmlinuz)-$release
      mv -f "$found" "$image" || fail "cannot write $image"
      echo "$image"
      return
    done
  done
  fail "the mirror lists packages for $name but has none of their files"
}

cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/limen}/kernels
case $cache in /*) ;; *) fail "the cache's path must be absolute: $cache" ;; esac
lists=$cache/.lists

case $# in
  0) list ;;
  1)
    if [[ ! $1 =~ ^debian-([0-9]+\.[0-9]+(\.[0-9][0-9a-z.+]*(-[0-9][0-9a-z.]*)?)?)(-cloud|-rt)?(-dbg)?$ ]]; then
      say "'$1' names no kernel: debian-SERIES or debian-VERSION, then -cloud or -rt, then -dbg; ./dev kernels lists them"
      exit 2
    fi
    fetch "$1" "${BASH_REMATCH[1]}" "${BASH_REMATCH[4]}" "${BASH_REMATCH[5]}"
    ;;
  *) say "usage: ./dev kernels [NAME]"; exit 2 ;;
esac

#!/usr/bin/env bash
# Debian's Xen, 4.17 of Debian 12 or 4.20 of Debian 13, and a PV guest run as its dom0 kernel under QEMU's TCG.
#
#   xen.sh [VERSION]                prints the hypervisor's path and nothing else on standard output; fetched once, by apt,
#                                   into the cache outside the repository; without a version it is 4.17
#   xen.sh [VERSION] run IMAGE PROFILE [WORD ...]
#                                   boots it with IMAGE as dom0's kernel and WORDs as its command line, on a processor of intel,
#                                   amd, skylake or zen3; prints the guest's lines, those that begin with LIMEN, and why Xen stopped
#
# To fetch a newer hypervisor, delete its directory in the cache. LIMEN_XEN_LOG names a file for everything that Xen prints.
# LIMEN_XEN_IMAGE names a hypervisor to run in place of Debian's. LIMEN_XEN_INITRD names an initramfs for dom0; then all lines that are not
# Xen's own are the guest's. With LIMEN_XEN_GDB, the path of a socket, QEMU's gdb stub listens there and the processor waits for it.
# LIMEN_XEN_MEMORY gives dom0 other than 64 MiB, LIMEN_XEN_FEATURES the processor more, as `,+fsgsbase`. LIMEN_XEN_SECONDS bounds it all.
set -euo pipefail
# shellcheck source=Scripts/debian.sh
. "$(dirname "$0")/debian.sh"

say() { echo "xen: $*" >&2; }
fail() { say "$*"; exit 1; }
usage() { say 'usage: ./dev xen [4.17|4.20] [run IMAGE intel|amd|skylake|zen3 [WORD ...]]'; exit 2; }

fetch() {
  local tool work lock
  [ ! -s "$image" ] || return 0
  for tool in apt-get dpkg-deb tar gzip; do
    command -v "$tool" >/dev/null || fail "$package is not in $cache, and fetching it needs $tool"
  done
  [ -r "$keyring" ] || fail "no $keyring: install debian-archive-keyring"
  mkdir -p "$cache" || fail "cannot write to the cache $cache"
  # Who comes while another fetches waits for it.
  exec {lock}>"$cache/.lock" || fail "cannot write to the cache $cache"
  flock "$lock"
  [ ! -s "$image" ] || { exec {lock}>&-; return 0; }
  work=$(mktemp -d "$cache/.fetch.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP
  private_apt "$work" "${suites[@]}"
  say "fetching $package"
  (cd "$work" && apt-get update -q) >&2 || fail "cannot read Debian's lists for ${suites[*]} (no network, or the suite has moved)"
  (cd "$work" && apt-get download -q "$package") >&2 || fail "apt cannot fetch $package"
  dpkg-deb --fsys-tarfile "$work/$package"_*.deb | tar -xO --wildcards './boot/xen-*.gz' | gzip -dc >"$work/xen" ||
    fail "cannot unpack $package"
  mv -f "$work/xen" "$image" || fail "cannot write $image"
  rm -rf "$work"
  exec {lock}>&-
}

run() {
  local guest=$1 initrd=${LIMEN_XEN_INITRD:-} stub=() processor line ended deadline
  local memory=${LIMEN_XEN_MEMORY:-64} log=${LIMEN_XEN_LOG:-/dev/null}
  [ -r "$guest" ] || fail "cannot read $guest"
  [ -z "$initrd" ] || [ -r "$initrd" ] || fail "cannot read $initrd"
  [ -z "${LIMEN_XEN_GDB:-}" ] || stub=(-gdb "unix:$LIMEN_XEN_GDB,server=on,wait=off" -S)
  # Without SMAP: QEMU 7.2's IRET at CPL 3 reads the user's stack as the kernel would.
  case "$2" in
    amd) processor=qemu64,vendor=AuthenticAMD ;;
    intel) processor=qemu64,vendor=GenuineIntel,-svm ;;
    # TCG drops what it has not; MONITOR Limen's parts have not.
    skylake) processor=Skylake-Client-v3,-smap,-monitor ;;
    zen3) processor=EPYC-Milan,-smap,-monitor ;;
    *) usage ;;
  esac
  shift 2
  command -v qemu-system-x86_64 >/dev/null || fail 'needs qemu-system-x86_64: ./dev setup'
  # Xen says that it stops, and then spins or waits. xpti=no: on Intel's processors Xen would keep its own mappings out of the guest's
  # page tables, which a guest can tell by the P bit of a page fault's error code alone. nmi=dom0: an NMI that QEMU's monitor raises is
  # dom0's. Without the buffer Xen drops output.
  coproc MACHINE {
    exec qemu-system-x86_64 -accel tcg -cpu "$processor${LIMEN_XEN_FEATURES:-}" -m $((memory < 256 ? 512 : memory * 2)) -nodefaults -display none \
      -serial stdio -monitor none -no-reboot "${stub[@]}" -kernel "$image" -initrd "$guest${*:+ $*}${initrd:+,$initrd}" \
      -append "console=com1 com1=115200,8n1 dom0_mem=${memory}M dom0_max_vcpus=1 watchdog=0 nmi=dom0 xpti=no noreboot \
        serial_tx_buffer=1M" \
      </dev/null 2>/dev/null
  }
  # By SIGKILL, as whoever started this may have blocked the others.
  # shellcheck disable=SC2064
  trap "kill -KILL $MACHINE_PID 2>/dev/null || true" EXIT
  : >"$log"
  deadline=$((SECONDS + ${LIMEN_XEN_SECONDS:-60}))
  ended=
  while [ -z "$ended" ] && [ $SECONDS -lt $deadline ]; do
    line=
    IFS= read -r -t 5 line <&"${MACHINE[0]}" || [ -n "$line" ] || { kill -0 "$MACHINE_PID" 2>/dev/null && continue || break; }
    line=${line%$'\r'}
    printf '%s\n' "$line" >>"$log"
    case "$line" in
      *'LIMEN '*) echo "LIMEN ${line##*LIMEN }" ;;
      *' crashed: '*) echo 'XEN crashed'; ended=1 ;;
      *'halting machine'* | *'ebooting machine'* | *' ACPI S5 state'*) ended=1 ;;
      *'Manual reset required'*) break ;;
      '(XEN) '*) ;;
      *) [ -z "$initrd" ] || printf '%s\n' "$line" ;;
    esac
  done
  [ -n "$ended" ] || fail 'Xen did not stop in time, or QEMU failed'
}

cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/limen}/xen
case $cache in /*) ;; *) fail "the cache's path must be absolute: $cache" ;; esac

version=4.17
case "${1-}" in [0-9]*) version=$1; shift ;; esac
case $version in
  4.17) suites=(bookworm bookworm-security) ;;
  4.20) suites=(trixie trixie-security) ;;
  *) usage ;;
esac
package=xen-hypervisor-$version-amd64
image=$cache/xen-$version-amd64

case "${1-}" in
  '') fetch; echo "$image" ;;
  run)
    [ $# -ge 3 ] || usage
    shift
    if [ -n "${LIMEN_XEN_IMAGE:-}" ]; then image=$LIMEN_XEN_IMAGE; else fetch; fi
    [ -r "$image" ] || fail "cannot read $image"
    run "$@"
    ;;
  *) usage ;;
esac

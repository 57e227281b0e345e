#!/usr/bin/env bash
# Repeats Documentation/Findings/linux-rt-xen-deferred-qs.md in Limen: whether Debian's 6.12 with PREEMPT_RT comes to a shell as a Xen PV guest,
# as it is, and with the two calls taken out by which xen_evtchn_do_upcall opens a section of RCU's and closes it.
#
#   linux-rt-xen-deferred-qs.sh [WORD ...]    boots with each of the words on the kernel's command line, which moves everything a little
#
# Exit status: 0 no boot of the kernel as it is comes to the shell, and each of the mended one does; 1 otherwise.
set -euo pipefail
here=$(dirname "$0")
limen=${LIMEN:-$here/../../.build/release/limen}
say() { echo "linux-rt-xen-deferred-qs: $*" >&2; }
[ -x "$limen" ] || { say "no $limen: ./dev build makes it"; exit 1; }
[ -x /bin/busybox ] || { say 'no /bin/busybox: install busybox-static'; exit 1; }
command -v zstd >/dev/null || { say 'needs zstd'; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# extract IMAGE FILE: the ELF file in a bzImage that is packed by zstd; payload_offset and payload_length of the boot protocol say where it is.
extract() {
  python3 - "$1" >"$work/payload" <<'PY'
import struct, sys
image = open(sys.argv[1], "rb").read()
setup = (image[0x1F1] or 4) + 1
offset, length = struct.unpack_from("<II", image, 0x248)
start = setup * 512 + offset
# The last four bytes say how long it is unpacked.
sys.stdout.buffer.write(image[start : start + length - 4])
PY
  zstd -dqc "$work/payload" >"$2"
}

# mend FILE: CALL __rcu_read_lock; MOV RBP, RSP; JMP; CMPB $0, (RBX); JE, and behind the UD2 of a BUG_ON CALL __rcu_read_unlock; XOR EAX, EAX.
mend() {
  python3 - "$1" <<'PY'
import re, sys
image = bytearray(open(sys.argv[1], "rb").read())
opens = re.compile(rb"\xe8....\x48\x89\xe5\xeb\x05\x80\x3b\x00\x74.\xc6\x03\x00", re.S)
closes = re.compile(rb"\x0f\x0b(\xe8....)\x31\xc0\x65\xff\x05", re.S)
places = [m.start() for m in opens.finditer(image)]
if len(places) != 1:
    sys.exit(f"{len(places)} places look like xen_evtchn_do_upcall, and not one")
close = closes.search(image, places[0], places[0] + 128)
if not close:
    sys.exit("no call closes the section")
for place in places[0], close.start(1):
    image[place : place + 5] = bytes.fromhex("0f1f440000")
open(sys.argv[1], "wb").write(image)
PY
}

# boot IMAGE WORD: shell, or where it was stopped.
boot() {
  "$limen" boot "$1" --platform xen-pv --profile amd --append "$2" --limit 7000 </dev/null >"$work/console" 2>"$work/complaint" || true
  if grep -q BusyBox "$work/console"; then echo shell; else sed -n 's/.*stopped after [0-9]* million instructions at /stopped at /p' "$work/complaint" | sed 's/ after .*//'; fi
}

[ $# -gt 0 ] || set -- x=1 'x=2 y=3' z aaaa bbbbbbbb quiet
extract "$("$here/../kernels.sh" debian-6.12-rt)" "$work/vmlinux"
cp "$work/vmlinux" "$work/mended"
mend "$work/mended"
status=0
for word in "$@"; do
  before=$(boot "$work/vmlinux" "$word")
  after=$(boot "$work/mended" "$word")
  echo "$word: $before; without the two calls: $after"
  case $before in shell | '') status=1 ;; esac
  [ "$after" = shell ] || status=1
done
exit $status

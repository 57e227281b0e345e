#!/usr/bin/env bash
# Repeats Documentation/Findings/xen-bhi-dis-s-boot-cpu.md in Limen: whether the boot processor's entries into Xen set
# IA32_SPEC_CTRL.BHI_DIS_S, with Debian's hypervisor as it is, and with a copy whose default_xen_spec_ctrl has the bit from the beginning.
#
#   xen-bhi-dis-s-boot-cpu.sh [VERSION ...]    4.17 and 4.20, or those named
#
# Exit status: 0 each hypervisor lacks it and each mended copy does not; 1 otherwise.
set -euo pipefail
here=$(dirname "$0")
limen=${LIMEN:-$here/../../.build/release/limen}
say() { echo "xen-bhi-dis-s-boot-cpu: $*" >&2; }
[ -x "$limen" ] || { say "no $limen: ./dev build makes it"; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# mend FILE: `orl $0x400, disp(%rip)` is bhi_calculations() alone, and its operand default_xen_spec_ctrl: bit 10 of what it starts with.
mend() {
  python3 - "$1" <<'PY'
import re, struct, sys
image = bytearray(open(sys.argv[1], "rb").read())
places = [m.start() for m in re.finditer(rb"\x81\x0d....\x00\x04\x00\x00", image, re.S)]
if len(places) != 1:
    sys.exit(f"{len(places)} instructions set bit 10 of a variable, and not one")
at = places[0] + 10 + struct.unpack_from("<i", image, places[0] + 2)[0]
if struct.unpack_from("<I", image, at)[0] != 0:
    sys.exit("the variable does not start as 0")
struct.pack_into("<I", image, at, 0x400)
open(sys.argv[1], "wb").write(image)
PY
}

# verdict IMAGE: held or violated, of history-cleared.
verdict() {
  "$limen" check design:complete --platform xen --hypervisor "$1" --profile raptor-lake --crossing int80 --event nmi \
    --posture normal --no-witnesses 2>"$work/complaint" >"$work/report" || [ $? = 1 ] || { cat "$work/complaint" >&2; exit 1; }
  if grep -q '\[history-cleared\]' "$work/report"; then echo violated; elif grep -q ': held$' "$work/report"; then echo held; else echo unclear; fi
}

[ $# -gt 0 ] || set -- 4.17 4.20
status=0
for version in "$@"; do
  image=$("$here/../xen.sh" "$version")
  cp "$image" "$work/mended"
  mend "$work/mended" || { say "$version: cannot be mended"; exit 1; }
  before=$(verdict "$image")
  after=$(verdict "$work/mended")
  echo "Xen $version: history-cleared $before; with BHI_DIS_S in default_xen_spec_ctrl from the beginning $after"
  [ "$before $after" = 'violated held' ] || status=1
done
exit $status

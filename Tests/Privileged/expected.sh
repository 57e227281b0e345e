#!/bin/sh
# Prints what an image must print: QEMU's line, unless `exceptions/IMAGE.txt` lists the manual's: expected.sh IMAGE PROFILE
# With a third argument `check`, instead complains about entries that name no line, or that QEMU agrees with.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exceptions=$here/exceptions/$(basename "$1").txt
[ -f "$exceptions" ] || exceptions=/dev/null
"$here/run-qemu.sh" "$1" "$2" | tr -d '\r' | awk -v profile="$2" -v mode="${3:-print}" -v exceptions="$exceptions" '
  BEGIN {
    while ((getline line < exceptions) > 0) {
      if (line ~ /^#/ || line == "") continue
      if (line ~ /^(intel|amd) /) {
        if (index(line, profile " ") != 1) continue
        sub(/^[a-z]+ /, "", line)
      }
      name = line; sub(/: .*/, "", name)
      if (name in expected) print "twice: " name
      expected[name] = line
    }
  }
  {
    name = $0; sub(/: .*/, "", name)
    if (name in expected) {
      if (mode == "check" && expected[name] == $0) print "QEMU agrees: " $0
      used[name] = 1
    }
    if (mode == "print") print (name in expected) ? expected[name] : $0
  }
  END { if (mode == "check") for (name in expected) if (!(name in used)) print "names no line: " name }'

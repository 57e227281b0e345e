#!/bin/sh
# Prints what an image must print: QEMU's lines, except for the cases in `exceptions/IMAGE.txt`, which lists the manual's: expected.sh IMAGE PROFILE
# A case that logs several events is replaced whole. What QEMU cannot run at all is written down in `expected/IMAGE.txt`.
# With a third argument `check`, complains about entries that name no case or that QEMU meets.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exceptions=$here/exceptions/$(basename "$1").txt
[ -f "$exceptions" ] || exceptions=/dev/null
whole=$here/expected/$(basename "$1").txt
if [ -f "$whole" ]; then
  grep -v '^#' "$whole" | grep -v "^$([ "$2" = amd ] && echo intel || echo amd) " | sed "s/^$2 //"
  exit
fi
"$here/run-qemu.sh" "$1" "$2" | tr -d '\r' | awk -v profile="$2" -v mode="${3:-print}" -v exceptions="$exceptions" '
  function case_of(line) { sub(/: .*/, "", line); sub(/\.([0-9a-f]+|end)$/, "", line); return line }
  function finish() {
    if (current in expected) {
      if (mode == "check" && expected[current] == actual) print "QEMU agrees: " current
      used[current] = 1
      if (mode == "print") printf "%s", expected[current]
    } else if (mode == "print") printf "%s", actual
    actual = ""
  }
  BEGIN {
    while ((getline line < exceptions) > 0) {
      if (line ~ /^#/ || line == "") continue
      if (line ~ /^(intel|amd|skylake|zen3) /) {
        if (index(line, profile " ") != 1) continue
        sub(/^[a-z0-9]+ /, "", line)
      }
      expected[case_of(line)] = expected[case_of(line)] line "\n"
    }
  }
  {
    if (case_of($0) != current) finish()
    current = case_of($0)
    actual = actual $0 "\n"
  }
  END { finish(); if (mode == "check") for (name in expected) if (!(name in used)) print "names no case: " name }'

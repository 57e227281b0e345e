#!/usr/bin/env bash
# Builds a program of Scripts/history as the only one of an initramfs and boots it: history.sh NAME KERNEL [OPTION OF LIMEN BOOT ...]. The lines
# that it prints are all that is printed, for five minutes at most. Documentation/History.md says what they mean.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

[ $# -ge 2 ] && [ -r "$here/history/$1.c" ] || { echo "history: history.sh NAME KERNEL [OPTION ...]; names: $(cd "$here/history" && echo *.c | sed 's/\.c//g')" >&2; exit 2; }
resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
tools=$resources/../../bin
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tools/clang" --target=x86_64-unknown-linux-gnu -O1 -Wall -Wextra -Werror -ffreestanding -fno-pic -fno-stack-protector -mno-red-zone \
  -mgeneral-regs-only -c "$here/history/$1.c" -o "$work/init.o"
"$tools/ld.lld" -static --build-id=none -z noexecstack -o "$work/init" "$work/init.o"
# The newc format of cpio(5).
python3 - "$work" <<'PYTHON'
import sys

work = sys.argv[1]


def entry(name, mode, data=b"", device=(0, 0)):
    fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


with open(f"{work}/init", "rb") as file:
    program = file.read()
with open(f"{work}/initrd", "wb") as file:
    file.write(entry("dev", 0o40755) + entry("dev/console", 0o20600, device=(5, 1)))
    file.write(entry("init", 0o100755, program) + entry("TRAILER!!!", 0))
PYTHON
limen=${LIMEN:-$here/../.build/release/limen}
timeout 300 "$limen" boot "$2" --initrd "$work/initrd" "${@:3}" </dev/null | tr -d '\r' | grep -a -E '^(int|signal|done)|Kernel panic|segfault'

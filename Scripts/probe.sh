#!/usr/bin/env bash
# Builds the probe with the Swift toolchain's own clang and linker, and packs it as the only program of an initramfs:
# .build-probe/probe.elf and .build-probe/probe.cpio. The same sources and toolchain give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

# Asked of the compiler, as swiftc on PATH may be a version manager's proxy.
resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
tools=$resources/../../bin
for tool in clang ld.lld; do
  [ -x "$tools/$tool" ] || { echo "probe: the Swift toolchain has no $tool in $tools" >&2; exit 1; }
done
out=.build-probe
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

flags=(--target=x86_64-unknown-linux-gnu -std=gnu17 -O2 -g0 -Wall -Wextra -Werror -Wno-unused-command-line-argument
  -ffreestanding -fno-pic -fno-stack-protector -fno-asynchronous-unwind-tables -mno-red-zone -mgeneral-regs-only)
objects=()
for source in Probe/*.S Probe/*.c; do
  object="$work/$(basename "$source").o"
  "$tools/clang" "${flags[@]}" -c "$source" -o "$object"
  objects+=("$object")
done
# A fixed address above the first pages and below 2 GiB: 32-bit code and absolute operands reach everything.
"$tools/ld.lld" -static --build-id=none --image-base=0x10000000 -z noexecstack -o "$work/probe.elf" "${objects[@]}"

# The newc format of cpio(5): a header of 13 fields of eight hexadecimal digits, the name, the bytes, each padded to
# four.
written=0
inode=0
pad() { while ((written % 4)); do printf '\0'; written=$((written + 1)); done; }
# entry NAME MODE LINKS RDEV_MAJOR RDEV_MINOR [FILE]
entry() {
  local name=$1 size=0
  [ $# -lt 6 ] || size=$(stat -c %s "$6")
  [ "$name" = TRAILER!!! ] || inode=$((inode + 1))
  local number=$inode
  [ "$name" != TRAILER!!! ] || number=0
  printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
    "$number" "$2" 0 0 "$3" 0 "$size" 0 0 "$4" "$5" $((${#name} + 1)) 0 "$name"
  written=$((written + 110 + ${#name} + 1))
  pad
  if [ $# -ge 6 ]; then
    cat "$6"
    written=$((written + size))
    pad
  fi
}
{
  entry dev $((0040755)) 2 0 0
  entry dev/console $((0020600)) 1 5 1
  entry init $((0100755)) 1 0 0 "$work/probe.elf"
  entry TRAILER!!! 0 1 0 0
} >"$work/probe.cpio"

# Renamed into place, so that two builds at once never show half a file.
mv "$work/probe.elf" "$work/probe.cpio" "$out/"

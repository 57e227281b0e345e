#!/usr/bin/env bash
# Builds the reference kernel with the Swift toolchain alone, swiftc in Embedded mode, clang and ld.lld:
# .build-reference/oracle.elf. The same sources and toolchain give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/../ReferenceKernel"

resources=$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
tools=$resources/../../bin
for tool in clang ld.lld; do
  [ -x "$tools/$tool" ] || { echo "reference-kernel: the Swift toolchain has no $tool in $tools" >&2; exit 1; }
done
out=../.build-reference
mkdir -p "$out"
work=$(mktemp -d "$out/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
target=x86_64-unknown-none-elf

objects=()
for source in */*.S; do
  object=$work/$(echo "$source" | tr / -).o
  "$tools/clang" --target=$target -c "$source" -o "$object"
  objects+=("$object")
done
sed -n -E 's/^ *(SNIPPET|ONE|ONE32) ([a-z0-9_]+).*/SNIPPET(\2)/p' Observations/*.S >"$work/snippets.h"
# Neither SSE nor a red zone in a kernel; without the stack protector and with one section a function, nothing asks for a heap.
swiftc -target $target -enable-experimental-feature Embedded -swift-version 6 -wmo -parse-as-library -Osize \
  -warnings-as-errors -Xfrontend -function-sections -Xfrontend -disable-stack-protector -Xcc -mno-red-zone -Xcc -mno-sse \
  -Xcc -mno-mmx -Xcc -fno-pic -Xcc "-I$work" -import-objc-header kernel.h -c ./*.swift */*.swift -o "$work/swift.o"
"$tools/ld.lld" -nostdlib -static -z max-page-size=4096 --no-rosegment --gc-sections --build-id=none -T link.ld -o "$work/oracle.elf" \
  "${objects[@]}" "$work/swift.o"
mv "$work/oracle.elf" "$out/"

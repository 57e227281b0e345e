#!/usr/bin/env bash
# Builds the reference kernel and the Xen oracle with the Swift toolchain alone, swiftc in Embedded mode, clang and ld.lld. The same
# sources and toolchain give the same bytes. Into .build-reference go
#
#   oracle.elf                    ../XenOracle, the guest whose log says what Xen does
#   designs.txt, designs/*.elf    the kernel with each of Designs/list
#   specimens.txt, specimens      the kernel with each of ../Specimens, defective and fixed, and their pages
#   kernel.o, kernel.ld, include  what a design is linked with, and what its assembly includes
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

# Neither SSE nor a red zone in a kernel; without the stack protector and with one section a function, nothing asks for a heap.
embedded=(-target $target -enable-experimental-feature Embedded -swift-version 6 -wmo -parse-as-library -Osize -warnings-as-errors
  -Xfrontend -function-sections -Xfrontend -disable-stack-protector -Xcc -mno-red-zone -Xcc -mno-sse -Xcc -mno-mmx -Xcc -fno-pic)
link=(-nostdlib -static -z max-page-size=4096 --no-rosegment --gc-sections --build-id=none --strip-debug)

# assemble OBJECT SOURCE [FLAG ...]
assemble() { "$tools/clang" --target=$target "${@:3}" -c "$2" -o "$1"; }

# objects LIST SOURCE ...: assembles each and adds its object to the array LIST.
objects() {
  local -n list=$1
  local source object
  shift
  for source in "$@"; do
    object=$work/$(echo "$source" | tr / -).o
    assemble "$object" "$source" -DIRQ_TRACING
    list+=("$object")
  done
}

oracle=()
of=../XenOracle
objects oracle Shared/Memory.S $of/Start/*.S $of/Thresholds/*.S $of/Observations/*.S
sed -n -E 's/^ *(SNIPPET|ONE|ONE32) ([a-z0-9_]+).*/SNIPPET(\2)/p' $of/Observations/*.S >"$work/snippets.h"
swiftc "${embedded[@]}" -Xcc "-I$work" -import-objc-header $of/kernel.h -c $of/*.swift Shared/Hypercalls.swift $of/Xen/*.swift \
  $of/Observations/*.swift -o "$work/swift.o"
"$tools/ld.lld" "${link[@]}" -T $of/link.ld -o "$work/oracle.elf" "${oracle[@]}" "$work/swift.o"

kernel=()
objects kernel Kernel/Start/*.S Kernel/Traps/*.S Shared/Memory.S
swiftc "${embedded[@]}" -import-objc-header Kernel/bridge.h -c Kernel/*.swift Shared/Hypercalls.swift -o "$work/kernel-swift.o"
"$tools/ld.lld" -r -o "$work/kernel.o" "${kernel[@]}" "$work/kernel-swift.o"

# threshold IMAGE SOURCE [FLAG ...]: the kernel with the threshold in SOURCE.
threshold() {
  assemble "$work/threshold.o" "${@:2}"
  "$tools/ld.lld" "${link[@]}" -T Kernel/kernel.ld -o "$1" "$work/kernel.o" "$work/threshold.o"
}

mkdir "$work/designs" "$work/specimens" "$work/include"
cp Kernel/threshold.h "$work/include/"
# So that a design of somebody's own can share parts of these.
cp -r Designs "$work/include/designs"
cp -r Parts "$work/include/parts"
cp Kernel/kernel.ld "$work/"
while read -r design flags; do
  # shellcheck disable=SC2086
  threshold "$work/designs/${design/:/.}.elf" "Designs/${design%%:*}/Entry.S" -IKernel "-I$work/include" $flags
  echo "$design" >>"$work/designs.txt"
done <Designs/list
for folder in ../Specimens/*/; do
  specimen=$(basename "$folder")
  threshold "$work/specimens/$specimen.elf" "${folder}Defective.S" "-I$work/include"
  threshold "$work/specimens/$specimen.fixed.elf" "${folder}Fixed.S" "-I$work/include"
  cp "${folder}Defective.S" "$work/specimens/$specimen.S"
  echo "$specimen" >>"$work/specimens.txt"
done
LC_ALL=C sort -o "$work/specimens.txt" "$work/specimens.txt"
rm -rf "$out/designs" "$out/specimens" "$out/include"
mv "$work"/{oracle.elf,kernel.o,kernel.ld,designs.txt,designs,specimens.txt,specimens,include} "$out/"

#!/bin/sh
# Builds the images of Tests/Privileged with the Swift toolchain's clang and ld.lld: privileged.sh [BUILD_DIR [IMAGE ...]]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
source=$root/Tests/Privileged
build=${1:-$root/.build-privileged}
[ $# -gt 0 ] && shift
mkdir -p "$build/objects"
toolchain=$(dirname "$(readlink -f "$(command -v swift)")")
compile() {
  "$toolchain/clang" --target=x86_64-unknown-none-elf -c -ffreestanding -fno-pic -fno-pie -mno-red-zone \
    -mgeneral-regs-only -O1 -Wall -Wextra -Werror -Wno-unused-command-line-argument -fno-stack-protector \
    -fno-asynchronous-unwind-tables -I "$source/runtime" "$1" -o "$2"
}
for file in boot.S stubs.S user.S record.c; do compile "$source/runtime/$file" "$build/objects/runtime-$file.o"; done
[ $# -gt 0 ] || set -- $(cd "$source/images" && ls -- *.S | sed 's/\.S$//')
for image; do
  compile "$source/images/$image.S" "$build/objects/$image.o"
  "$toolchain/ld.lld" -nostdlib -static -z max-page-size=4096 --no-rosegment -T "$source/image.ld" \
    -o "$build/$image" "$build/objects/"runtime-*.o "$build/objects/$image.o"
done

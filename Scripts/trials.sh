#!/usr/bin/env bash
# What the comparison of trials needs, into .build-trials; only `./dev bench` does.
#
#   trial.elf, trial.bin  Benchmarks/Trials/Trial.S, whole and its code alone
#   unicorn               Benchmarks/Trials/Unicorn.c with Unicorn 2.1.4, whose wheel is fetched once from PyPI into the cache outside
#                         the repository; Debian's, 2.0.1, takes twice as long for the same trials
set -euo pipefail
cd "$(dirname "$0")/.."
version=2.1.4
cache=${XDG_CACHE_HOME:-$HOME/.cache}/limen/unicorn-$version
out=.build-trials
mkdir -p "$out"

if [ ! -s "$cache/unicorn/lib/libunicorn.so.2" ]; then
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  python3 -m pip download -q --no-deps --only-binary :all: --dest "$work" "unicorn==$version" >&2
  python3 -m zipfile -e "$work"/unicorn-*.whl "$work"
  rm -f "$work"/*.whl
  rm -rf "$cache"
  mv "$work" "$cache"
fi

gcc -nostdlib -static -no-pie -Wl,-Ttext=0x100000,-e,start,--build-id=none,--no-warn-rwx-segments -o "$out/trial.elf" \
  Benchmarks/Trials/Trial.S
objcopy -O binary --only-section=.text "$out/trial.elf" "$out/trial.bin"
gcc -O2 -Wall -I "$cache/unicorn/include" -o "$out/unicorn" Benchmarks/Trials/Unicorn.c "$cache/unicorn/lib/libunicorn.so.2" \
  -Wl,-rpath,"$cache/unicorn/lib"
echo "$out"

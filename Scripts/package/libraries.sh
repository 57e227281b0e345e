#!/usr/bin/env bash
# Leaves archives of the C libraries that limen is linked with in .build-package/libraries, so that a linker that is told of this folder
# first takes nothing from the system's. Debian's -dev packages have archives of all but Zydis; it is compiled from the source
# package of the very version whose headers are installed. Of Zycore, on which Zydis rests, it needs headers alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

out=.build-package/libraries
mkdir -p "$out"
system=/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
for name in lzma z zstd lz4 nettle dw elf; do install -m 644 "$system/lib$name.a" "$out/"; done

version=$(dpkg-query -W -f='${source:Version}' libzydis-dev)
if [ -r "$out/libZydis.a" ] && [ "$(cat "$out/zydis-version" 2>/dev/null)" = "$version" ]; then exit; fi

# shellcheck source=Scripts/debian.sh
. Scripts/debian.sh
work=$(mktemp -d .build-package/zydis.XXXXXX)
trap 'rm -rf "$work"' EXIT
work=$PWD/$work
# The suite that the version comes from, wherever this machine's is: its sources alone are read.
for suite in bookworm trixie forky sid; do
  private_apt "$work" "$suite"
  sed -i 's/^deb /deb-src /' "$work/sources.list"
  echo "package: looking for the source of zydis $version in $suite" >&2
  (cd "$work" && apt-get update -q && apt-get source -q --download-only --only-source "zydis=$version") >&2 && break
done
archive=$(find "$work" -maxdepth 1 -name 'zydis_*.orig.tar.*' -print -quit)
[ -n "$archive" ] || { echo "package: Debian's archive has no source of zydis $version" >&2; exit 1; }
mkdir "$work/source" "$work/objects"
tar -xf "$archive" -C "$work/source" --strip-components=1

tools=$(dirname "$(swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')")/../bin
for source in "$work"/source/src/*.c; do
  "$tools/clang" -O2 -fPIC -DNDEBUG -DZYAN_STATIC_BUILD -DZYDIS_STATIC_BUILD "-I$work/source/include" "-I$work/source/src" \
    "-ffile-prefix-map=$work/source=zydis" -c "$source" -o "$work/objects/$(basename "$source" .c).o"
done
"$tools/llvm-ar" rcsD "$work/libZydis.a" "$work"/objects/*.o
mv "$work/libZydis.a" "$out/"
echo "$version" >"$out/zydis-version"

#!/usr/bin/env bash
# Packs what .build-package has of limen, with the probe and the reference kernel, as a Debian package and as an archive with the same
# tree. Prints the paths of both. `./dev package` builds first.
#
#   usr/bin/limen              linked with Swift's runtime and every library but the C and C++ ones
#   usr/lib/limen              probe.elf, and `reference`, which is .build-reference
#   usr/share                  manual pages, completions, documentation
#
# The program finds lib/limen from where it lies itself, so the archive's tree may stand anywhere.
set -euo pipefail
cd "$(dirname "$0")/.."
umask 022

fail() { echo "package: $*" >&2; exit 1; }
limen=${1:-.build-package/release/limen}
[ -x "$limen" ] || fail "no $limen: ./dev package builds it"
[ -r .build-probe/probe.elf ] || fail 'no .build-probe/probe.elf: ./dev build'
[ -r .build-reference/designs.txt ] || fail 'no .build-reference: ./dev build'

# The number, and what it was built from, as `limen --version` says it: limen 0.1.0, commit 0123456789ab-dirty, build ...
said=$("$limen" --version)
number=$(sed -nE 's/^limen ([0-9.]+),.*/\1/p' <<<"$said")
commit=$(sed -nE 's/.*, commit ([0-9a-z-]+),.*/\1/p' <<<"$said")
[ -n "$number" ] && [ -n "$commit" ] || fail "the build names no commit: $said"
export SOURCE_DATE_EPOCH
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct "${commit%-dirty}")
day=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%d)
version=$number+git${day//-/}.${commit//-/.}

out=.build-package/packages
work=$(mktemp -d .build-package/tree.XXXXXX)
trap 'rm -rf "$work"' EXIT
root=$work/root
usr=$root/usr
mkdir -p "$out" "$usr/bin" "$usr/lib/limen" "$usr/share/man/man1" "$usr/share/doc/limen/examples" "$usr/share/lintian/overrides"

install -m 755 "$limen" "$usr/bin/limen"
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$usr/bin/limen"
install -m 644 .build-probe/probe.elf "$usr/lib/limen/"
mkdir "$usr/lib/limen/reference"
cp -r .build-reference/{designs,designs.txt,specimens,specimens.txt,include,kernel.ld,kernel.o} "$usr/lib/limen/reference/"
find "$usr/lib/limen" -type f -exec chmod 644 {} +

"$limen" --experimental-dump-help | Scripts/package/manual.py "$usr/share/man/man1" "$day"
gzip -9n "$usr"/share/man/man1/*.1
completion() { mkdir -p "$(dirname "$usr/share/$2")"; "$limen" --generate-completion-script "$1" >"$usr/share/$2"; }
completion bash bash-completion/completions/limen
# It is read by a shell, and never run.
sed -i '1{/^#!/d}' "$usr/share/bash-completion/completions/limen"
completion zsh zsh/vendor-completions/_limen
completion fish fish/vendor_completions.d/limen.fish

doc=$usr/share/doc/limen
install -m 644 Scripts/package/copyright "$doc/"
cp README.md "$doc/"
cp -r Documentation "$doc/"
gzip -9nc CHANGELOG.md >"$doc/CHANGELOG.md.gz"
awk '/^```asm$/ { inside = 1; next } /^```$/ { inside = 0 } inside' Documentation/Designs.md >"$doc/examples/my-entry.S"
[ -s "$doc/examples/my-entry.S" ] || fail 'Documentation/Designs.md has no design of one'\''s own'
find "$doc" -type f -exec chmod 644 {} +
maintainer="${DEBFULLNAME:-The Limen authors} <${DEBEMAIL:-limen@localhost.localdomain}>"
{
  printf 'limen (%s) unstable; urgency=medium\n\n  * Built from commit %s.\n\n' "$version" "$commit"
  printf ' -- %s  %s\n' "$maintainer" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
install -m 644 Scripts/package/lintian-overrides "$usr/share/lintian/overrides/limen"

# What the program asks of the C and C++ libraries, as the symbols that it takes from them say.
mkdir "$work/debian"
printf 'Source: limen\n\nPackage: limen\nArchitecture: amd64\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O root/usr/bin/limen | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || fail 'dpkg-shlibdeps found nothing'
mkdir "$root/DEBIAN"
cat >"$root/DEBIAN/control" <<TEXT
Package: limen
Version: $version
Architecture: amd64
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$usr" | cut -f1)
Depends: $depends
Recommends: clang, lld, busybox-static
Section: devel
Priority: optional
Description: Explorer of kernels' entry and exit code
 Limen executes the threshold of an x86-64 kernel, the few hundred instructions
 between user mode and the kernel's C code, in a precise machine of its own. It
 makes every event that can happen there happen, at every instruction, on bare
 metal and as a Xen PV guest, and says whether the kernel survives, with the
 shortest run that shows it if it does not.
 .
 clang and lld assemble and link designs of one's own (limen check my-entry.S);
 busybox-static is the shell that a booted kernel finds. Nothing else needs
 them.
TEXT
(cd "$root" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +

# Of xz; LIMEN_PACKAGE_LEVEL=1 is quick, for a trial.
level=${LIMEN_PACKAGE_LEVEL:-6}
deb=$out/limen_${version}_amd64.deb
rm -f "$out"/limen_*.deb "$out"/limen-*.tar.xz
dpkg-deb --root-owner-group -Zxz "-z$level" --build "$root" "$deb" >&2
name=limen-$version-amd64
tar -C "$usr" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --transform "s,^\.,$name," \
  --exclude=./share/lintian -c . | xz "-$level" >"$out/$name.tar.xz"
lintian --fail-on error,warning --allow-root "$deb" >&2
printf '%s\n' "$PWD/$deb" "$PWD/$out/$name.tar.xz"

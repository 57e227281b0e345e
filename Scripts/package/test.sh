#!/usr/bin/env bash
# Installs the package that ./dev package left in clean roots of other systems and has its program do there what the documentation says.
#
#   ./dev package test [SUITE ...]     bookworm, trixie, noble (Ubuntu 24.04), jammy; alone, the first three
#
# A root is what debootstrap makes (minbase) and is kept packed in the cache; every test unpacks its own, in which apt installs the package
# with what it depends on and recommends. There is no Swift in it. Everything that is said there is kept in
# .build-package/transcripts; what a run says must be the same on every system, and what the checkout's pages say.
# With LIMEN_PACKAGE_TEST=lean, apt is told to install clang, lld and busybox-static without what these recommend in turn.
# With LIMEN_BLESS=1 the first system's commands are written into Documentation/Packages.md. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() { echo "package test: $*" >&2; exit 1; }
say() { echo "package test: $*" >&2; }
[ "$(id -u)" = 0 ] || fail 'needs root, for chroot'
deb=$(echo .build-package/packages/limen_*_amd64.deb)
[ -r "$deb" ] || fail 'no package: ./dev package makes it'
archive=$(echo .build-package/packages/limen-*-amd64.tar.xz)
suites=("$@")
[ $# -gt 0 ] || suites=(bookworm trixie noble)
kernel=$(Scripts/kernels.sh debian-6.1-cloud)
cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/limen}/roots
transcripts=.build-package/transcripts
mkdir -p "$cache" "$transcripts"
# shellcheck source=Scripts/debian.sh
. Scripts/debian.sh

# base SUITE: its packed root, made where it is not there.
base() {
  local suite=$1 packed=$cache/$1.tar options=() script=$1 origin root
  [ -r "$packed" ] && { echo "$packed"; return; }
  root=$(mktemp -d "$cache/$suite.XXXXXX")
  case $suite in
    noble | jammy)
      origin=http://archive.ubuntu.com/ubuntu
      options=(--components=main,universe)
      if [ -r /usr/share/keyrings/ubuntu-archive-keyring.gpg ]; then
        options+=(--keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg)
      else
        say "this machine has no key of Ubuntu's: the root of $suite is made from an archive that nobody vouches for"
        options+=(--no-check-gpg)
      fi
      # Ubuntu's suites are all made alike, and an older debootstrap has no name for the newest.
      script=gutsy
      ;;
    *) origin=$(mirror main) ;;
  esac
  say "making a root of $suite"
  debootstrap --variant=minbase "${options[@]}" "$suite" "$root" "$origin" "$script" >"$root.log" 2>&1 ||
    { tail -5 "$root.log" >&2; rm -rf "$root"; fail "debootstrap of $suite: see $root.log"; }
  rm -f "$root"/var/cache/apt/archives/*.deb
  tar -C "$root" -cf "$packed.new" .
  mv "$packed.new" "$packed"
  rm -rf "$root" "$root.log"
  echo "$packed"
}

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

# inside COMMAND: in the root, in a mount and process namespace of its own, so that nothing of it is left. Standard input is empty.
inside() {
  unshare --mount --pid --fork bash -c '
    mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
      exec chroot "$1" /usr/bin/env -i HOME=/root PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 TERM=dumb COLUMNS=120 \
        DEBIAN_FRONTEND=noninteractive sh -c "cd /root && $2"' inside "$work" "$1" </dev/null
}

# shown EXPECTED_STATUS COMMAND: runs it, and appends it and what it said on standard output to the transcript.
shown() {
  local status=0
  printf '    $ %s\n' "$2" >>"$transcript"
  inside "$2" >"$work/said" 2>"$work/complained" || status=$?
  sed 's/^\(.\)/    \1/' "$work/said" >>"$transcript"
  echo >>"$transcript"
  [ "$status" = "$1" ] || { cat "$work/said" "$work/complained" >&2; fail "$suite: $2: status $status instead of $1"; }
}

# common TRANSCRIPT: without what is each system's own: where its tools lie, and the image that its clang and LLD make of a design.
common() { sed -E '/clang and LLD|busybox/d; s/(\.S: sha256) [0-9a-f]+/\1/' "$1"; }

# abridged TRANSCRIPT: of each command the first 24 lines and the last two.
abridged() {
  awk '
    function finish(  i) {
      while (count && lines[count] == "") count--
      for (i = 1; i <= count; i++)
        if (count <= 27 || i <= 24 || i > count - 2) print lines[i]
        else if (i == 25) print "    ... (" count - 26 " lines)"
      if (count) print ""
      count = 0
    }
    /^    \$ / { finish() }
    { lines[++count] = $0 }
    END { finish() }' "$1"
}

first=
for suite in "${suites[@]}"; do
  packed=$(base "$suite")
  work=$(mktemp -d "$cache/test.XXXXXX")
  tar -C "$work" -xf "$packed"
  cp /etc/resolv.conf /etc/hosts "$work/etc/"
  [ ! -r /etc/apt/apt.conf ] || cp /etc/apt/apt.conf "$work/etc/apt/"
  cp "$deb" "$kernel" "$work/root/"
  transcript=$transcripts/$suite.md
  : >"$transcript"

  say "$suite: apt install ./$(basename "$deb")"
  # Nobody keeps this root: nothing need reach the disk.
  echo force-unsafe-io >"$work/etc/dpkg/dpkg.cfg.d/test"
  wanted=(-q -y "./$(basename "$deb")")
  [ "${LIMEN_PACKAGE_TEST-}" != lean ] || wanted+=(--no-install-recommends clang lld busybox-static)
  inside "apt-get update -q && apt-get install ${wanted[*]}" >"$transcripts/$suite.apt" 2>&1 ||
    { tail -20 "$transcripts/$suite.apt" >&2; fail "$suite: the package cannot be installed"; }
  inside '! command -v swift && ! command -v swiftc' >&2 || fail "$suite has Swift: it is no clean root"
  inside 'test -s /usr/share/doc/limen/copyright && for page in limen limen-check; do zcat /usr/share/man/man1/$page.1.gz | grep -q "^.SH NAME"; done' ||
    fail "$suite: no manual pages (or a root that is told to have none)"
  inside 'bash -c ". /usr/share/bash-completion/completions/limen; complete -p limen"' >/dev/null || fail "$suite: no completion for bash"

  say "$suite: its commands"
  shown 0 'limen --version'
  shown 0 'limen doctor'
  shown 0 "limen check $(basename "$kernel") --crossing syscall64"
  inside 'cp /usr/share/doc/limen/examples/my-entry.S . && grep -v "^ *swapgs" my-entry.S >without-swapgs.S'
  shown 0 'limen check my-entry.S'
  shown 1 'limen check without-swapgs.S --platform bare-metal --crossing syscall64 --no-witnesses'
  printf '    $ limen thread\n' >>"$transcript"
  inside 'limen thread 2>/dev/null' >"$work/said" || fail "$suite: limen thread: status $?"
  head -20 "$work/said" | sed 's/^\(.\)/    \1/' >>"$transcript"
  printf '    ... %s lines, those of Documentation/Thread.md\n\n' "$(wc -l <"$work/said")" >>"$transcript"
  diff Documentation/Thread.md "$work/said" >&2 || fail "$suite: limen thread says another page than Documentation/Thread.md"

  # The archive, unpacked where nothing of the package is left.
  inside 'apt-get remove -q -y limen' >/dev/null 2>&1 || fail "$suite: the package cannot be removed"
  inside '! command -v limen && test ! -e /usr/lib/limen' || fail "$suite: the package leaves something behind"
  mkdir "$work/opt/limen"
  tar -C "$work/opt/limen" --strip-components=1 -xf "$archive"
  inside '/opt/limen/bin/limen check my-entry.S --crossing syscall64 --posture normal 2>/dev/null && ln -s /opt/limen/bin/limen /usr/local/bin/ && limen list designs' >/dev/null ||
    fail "$suite: the archive's program does not work"

  if [ -z "$first" ]; then first=$suite; else
    diff <(common "$transcripts/$first.md") <(common "$transcript") >&2 ||
      fail "$suite says something else than $first"
  fi
  rm -rf "$work"
  work=
  say "$suite: holds"
done

if [ "${LIMEN_BLESS-}" = 1 ]; then
  page=Documentation/Packages.md
  {
    sed '/^<!-- What follows/q' "$page"
    printf '\n%s\n\n' "In a clean root of $first, with what apt installed beside it. The package has $(stat -c %s "$deb") bytes, the archive $(stat -c %s "$archive"), the program $(dpkg-deb --fsys-tarfile "$deb" | tar -tv ./usr/bin/limen | awk '{ print $3 }')."
    abridged "$transcripts/$first.md"
  } | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >"$page.new"
  mv "$page.new" "$page"
fi

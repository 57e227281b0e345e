#!/usr/bin/env bash
# Builds the kernel's own x86 selftests and packs them as an initramfs, outside the repository.
#
#   selftests.sh                        prints the path of the initramfs and nothing else on standard output
#   selftests.sh qemu VENDOR [KERNEL]   runs it under QEMU with a processor of intel or amd; the console on standard output
#
# The programs are those of tools/testing/selftests/x86 in Debian's linux-source-6.1; which of them, and what real
# processors answer, is Tests/ExplorerTests/Selftests.expected. None of their text enters the repository. A cached
# source is used as it is; to fetch a newer one, delete its directory.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "selftests: $*" >&2; }
fail() { say "$*"; exit 1; }

list=Tests/ExplorerTests/Selftests.expected
# Seconds of the guest's time that one program may take; the slowest wait a few seconds on purpose.
limit=120

# All that the programs include, below the root of the kernel's source.
parts=(tools/testing/selftests/x86 tools/testing/selftests/kselftest.h arch/x86/include/asm/desc_defs.h)

fetch() {
  [ ! -d "$cache/source" ] || return 0
  local work part
  work=$(mktemp -d "$cache/.source.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP
  say 'fetching linux-source-6.1'
  if ! (cd "$work" && apt-get -o APT::Sandbox::User=root download -q linux-source-6.1) >&2; then
    if [ "$(id -u)" = 0 ]; then apt-get update -qq >&2; else sudo apt-get update -qq >&2; fi
    (cd "$work" && apt-get download -q linux-source-6.1) >&2 || fail 'apt cannot fetch linux-source-6.1'
  fi
  mkdir "$work/tree"
  dpkg-deb --fsys-tarfile "$work"/linux-source-6.1_*.deb | tar -xO ./usr/src/linux-source-6.1.tar.xz |
    tar -xJ -C "$work/tree" --strip-components=1 "${parts[@]/#/linux-source-6.1/}"
  for part in "${parts[@]}"; do [ -e "$work/tree/$part" ] || fail "linux-source-6.1 holds no $part"; done
  # Of two fetches at once the first wins.
  mv -T "$work/tree" "$cache/source" 2>/dev/null || [ -d "$cache/source" ] || fail "cannot write $cache/source"
  rm -rf "$work"
}

# compile NAME_64|NAME_32 OUTPUT: as the selftests' Makefile does, but static, so that they need nothing of the guest.
compile() {
  local name=${1%_*} bits=${1##*_} extra=() linking=(-static -no-pie)
  case "$1" in
    sysret_ss_attrs_64) extra=(thunks.S) ;;
    ptrace_syscall_32) extra=(raw_syscall_helper_32.S) ;;
    test_syscall_vdso_32) extra=(thunks_32.S) ;;
    check_initial_reg_state_*) extra=(-Wl,-ereal_start) ;;
    # These ask the dynamic linker for the vDSO.
    test_vsyscall_* | vdso_restorer_*) linking=(-no-pie) ;;
  esac
  (cd "$cache/source/tools/testing/selftests/x86" &&
    gcc "-m$bits" -s -o "$2" -O2 -std=gnu99 -pthread -w -DCAN_BUILD_32 -DCAN_BUILD_64 "${linking[@]}" \
      "$name.c" "${extra[@]}" -ldl -lm)
}

# The first program of the initramfs. `selftests=NAME,NAME` on the kernel's command line runs those alone.
init() {
  cat <<TEXT
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
[ -n "\$selftests" ] || selftests=$(names | paste -s -d ,)
for name in \$(echo "\$selftests" | tr , ' '); do
  echo "LIMEN-SELFTEST \$name begin"
  (cd /tmp && timeout -s KILL $limit /selftests/\$name </dev/null 2>&1)
  echo "LIMEN-SELFTEST \$name exit \$?"
done
echo LIMEN-SELFTEST all done
poweroff -f
TEXT
}

names() { sed -e 's/#.*//' "$list" | awk 'NF { print $1 }'; }

build() {
  local name tool busybox work
  [ ! "$archive" -nt "$list" ] || [ ! "$archive" -nt Scripts/selftests.sh ] || return 0
  for tool in gcc busybox dpkg-deb; do command -v "$tool" >/dev/null || fail "needs $tool: ./dev setup"; done
  mkdir -p "$cache" || fail "cannot write to the cache $cache"
  fetch
  work=$(mktemp -d "$cache/.root.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP
  mkdir -p "$work"/root/{bin,dev,proc,sys,tmp,selftests,lib64,lib/x86_64-linux-gnu}
  for name in $(names); do compile "$name" "$work/root/selftests/$name" || fail "$name does not compile"; done
  # For the programs above that are not static.
  cp -L "$(gcc -m64 -print-file-name=libc.so.6)" "$work/root/lib/x86_64-linux-gnu/"
  cp -L /lib64/ld-linux-x86-64.so.2 "$work/root/lib64/"
  cp -L "$(gcc -m32 -print-file-name=libc.so.6)" /lib/ld-linux.so.2 "$work/root/lib/"
  busybox=$(command -v busybox)
  cp -L "$busybox" "$work/root/bin/busybox"
  init >"$work/root/init"
  chmod 755 "$work/root/init"
  find "$work/root" -exec touch -h -d @0 {} +
  (cd "$work/root" && find . -mindepth 1 | LC_ALL=C sort | busybox cpio -o -H newc -R 0:0) >"$work/selftests.cpio" 2>"$work/log" ||
    { cat "$work/log" >&2; fail 'cannot pack the initramfs'; }
  mv -f "$work/selftests.cpio" "$archive"
  rm -rf "$work"
}

# Without SMAP: QEMU 7.2's IRET at CPL 3 reads the user's stack as the kernel would.
emulate() {
  local processor kernel
  case "$1" in
    intel) processor=qemu64,vendor=GenuineIntel,-svm,+smep,+fsgsbase,+rdtscp,+pdpe1gb ;;
    amd) processor=EPYC,-smap ;;
    *) say "the vendor is intel or amd, not $1"; exit 2 ;;
  esac
  kernel=${2:-$(Scripts/kernels.sh debian-6.1-cloud)}
  exec qemu-system-x86_64 -accel tcg -cpu "$processor" -m 512 -nographic -no-reboot -kernel "$kernel" \
    -initrd "$archive" -append "console=ttyS0 panic=-1 quiet ${SELFTESTS:+selftests=$SELFTESTS}" </dev/null
}

cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/limen}/selftests
case $cache in /*) ;; *) fail "the cache's path must be absolute: $cache" ;; esac
archive=$cache/selftests.cpio

case "${1-}" in
  '') build; echo "$archive" ;;
  qemu) shift; [ $# -ge 1 ] || { say 'usage: ./dev selftests qemu intel|amd [KERNEL]'; exit 2; }; build; emulate "$@" ;;
  *) say 'usage: ./dev selftests [qemu intel|amd [KERNEL]]'; exit 2 ;;
esac

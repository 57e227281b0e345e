#!/usr/bin/env bash
# Repeats Documentation/Findings/xen-pv-syscall-flags.md on real Xen under QEMU: what a PV guest's kernel finds in RFLAGS at the first
# instruction behind a SYSCALL of its user, with Debian's hypervisor as it is, and with a copy that has another register in the
# three instructions that hold the flag mask.
#
#   xen-pv-syscall-flags.sh [VERSION ...]    4.17 and 4.20, or those named
#
# Exit status: 0 each hypervisor gives the kernel the user's DF and each mended copy does not; 1 otherwise. The guest is
# .build-reference/oracle.elf, its cases `flags/syscall-all-*` (XenOracle/Observations/Flags.swift): the user sets all flags that
# it may, and the kernel's stack is at five places.
set -euo pipefail
here=$(dirname "$0")
guest=$here/../../.build-reference/oracle.elf
say() { echo "xen-pv-syscall-flags: $*" >&2; }
[ -r "$guest" ] || { say 'no .build-reference/oracle.elf: ./dev reference builds it'; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP

# replace FILE PATTERN OFFSET BYTE: one byte, at an offset into the one place where the pattern is.
replace() {
  local places
  mapfile -t places < <(LC_ALL=C grep -obUaP "$2" "$1" | cut -d : -f 1)
  [ ${#places[@]} = 1 ] || return 1
  # shellcheck disable=SC2059
  printf "$4" | dd of="$1" bs=1 seek=$((places[0] + $3)) conv=notrunc status=none
}

# mend FILE: EBP for ESI in switch_to_kernel (xen/arch/x86/x86_64/entry.S). create_bounce_frame leaves RBP alone, and so does what it
# calls; a release build has no other use for it there.
mend() {
  # mov $~X86_EFLAGS_DF, %esi; test %rax, %rax
  replace "$1" '\xbe\xff\xfb\xff\xff\x48\x85\xc0' 0 '\xbd' &&
    # lea TBF_EXCEPTION(, %rcx, TBF_INTERRUPT), %ecx; or $~0, %esi
    replace "$1" '\x8d\x0c\xcd\x01\x00\x00\x00\x83\xce\xff' 8 '\xcd' &&
    # and %esi, UREGS_eflags(%rsp)
    replace "$1" '\x21\xb4\x24\x90\x00\x00\x00' 1 '\xac'
}

# observe VERSION IMAGE HOW: boots it, prints what the guest saw, and succeeds if the user's DF was in no kernel's flags.
observe() {
  local line user flags stack leaks=0 cases=0
  LIMEN_XEN_IMAGE=$2 LIMEN_XEN_LOG=$work/log "$here/../xen.sh" "$1" run "$guest" amd >"$work/guest"
  echo "$(sed -n 's/^(XEN) \(Xen version [^(]*([^)]*)\).*/\1/p' "$work/log" | head -n 1), $3"
  # LIMEN flags/syscall-all-0.user: syscall RIP CS/mask RFLAGS RSP SS rcx= r11= -> mask= RFLAGS RSP CS SS rcx= r11=
  while read -r line; do
    # shellcheck disable=SC2086
    set -- $line
    user=$((16#$6)) flags=$((16#${13})) stack=${14}
    cases=$((cases + 1))
    printf '  RFLAGS of the user %05x, frame at %-5s  RFLAGS of the kernel %03x%s\n' $user "$stack" $flags \
      "$([ $((flags & 1024)) = 0 ] || echo '  DF')"
    [ $((flags & 1024)) = 0 ] || leaks=$((leaks + 1))
  done < <(grep -F 'LIMEN flags/syscall-all-' "$work/guest")
  [ $cases = 5 ] || { say "the guest printed $cases cases and not 5"; exit 1; }
  [ $leaks = 0 ]
}

[ $# -gt 0 ] || set -- 4.17 4.20
status=0
for version in "$@"; do
  image=$("$here/../xen.sh" "$version")
  if observe "$version" "$image" 'as it is'; then
    echo "  the user's DF does not reach the kernel: not repeated"
    status=1
  fi
  cp "$image" "$work/mended"
  if ! mend "$work/mended"; then
    echo '  its code is not the one that is known: not mended'
    status=1
  elif ! observe "$version" "$work/mended" 'with the mask in EBP'; then
    echo "  the user's DF still reaches the kernel"
    status=1
  fi
done
exit $status

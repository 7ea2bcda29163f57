#!/usr/bin/env bash
# Checks what the environment needs from the operating system and says what is missing.
# On Debian and Ubuntu, run as root, it installs what is missing.
set -euo pipefail

python=${PYTHON:-python3}
missing=()
packages=()

# need WHAT PACKAGE CHECK...: the check must succeed, or Debian's PACKAGE brings WHAT.
need() {
    local what=$1 package=$2
    shift 2
    if ! "$@" >/dev/null 2>&1; then
        missing+=("$what")
        packages+=("$package")
    fi
}

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Python 3.11 or newer is needed; '$python' is not. Name one: make test PYTHON=python3.12" >&2
    exit 1
fi
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
need "virtual environments for $python" "python$version-venv" "$python" -c 'import venv, ensurepip'

[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
else
    printf 'Missing on this machine: %s\n' "${missing[@]}" >&2
    echo "On Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi

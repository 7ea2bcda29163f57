#!/usr/bin/env bash
# Checks what the environment needs from the operating system and says what is missing.
# On Debian and Ubuntu, run as root, it installs what is missing. With `tests`, also what they need.
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

# The viewer's tests open real windows, on a screen of their own; macOS and Windows bring what Qt wants.
if [ "${1:-}" = tests ] && [ "$(uname -s)" = Linux ]; then
    need "a screen for the viewer's tests (Xvfb)" xvfb command -v Xvfb
    libraries=$(PATH="$PATH:/sbin:/usr/sbin" ldconfig -p)
    has() { grep -qF "$1 " <<<"$libraries"; }
    while read -r library package; do
        need "$library, which Qt wants" "$package" has "$library"
    done <<'LIBRARIES'
libEGL.so.1 libegl1
libGL.so.1 libgl1
libOpenGL.so.0 libopengl0
libxkbcommon-x11.so.0 libxkbcommon-x11-0
libxcb-cursor.so.0 libxcb-cursor0
libxcb-icccm.so.4 libxcb-icccm4
libxcb-image.so.0 libxcb-image0
libxcb-keysyms.so.1 libxcb-keysyms1
libxcb-randr.so.0 libxcb-randr0
libxcb-render-util.so.0 libxcb-render-util0
libxcb-shape.so.0 libxcb-shape0
libxcb-xinerama.so.0 libxcb-xinerama0
libdbus-1.so.3 libdbus-1-3
libfontconfig.so.1 libfontconfig1
LIBRARIES
fi

[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    apt-get update
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${packages[@]}"
else
    printf 'Missing on this machine: %s\n' "${missing[@]}" >&2
    echo "On Debian or Ubuntu: sudo apt-get install ${packages[*]}" >&2
    exit 1
fi

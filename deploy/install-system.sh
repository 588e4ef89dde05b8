#!/usr/bin/env bash
# Sees to it that what deploy/system-packages.txt lists is there, and prints the Python interpreter to use.
#
# A package is missing only when its probe fails: Python may well come from elsewhere than Debian.
# As root with apt-get the missing ones are installed; otherwise this stops and prints the one command that does.
# Standard output: the interpreter, one line. All else goes to standard error. Exit 1: something is still missing.
set -euo pipefail

list="$(dirname "$0")/system-packages.txt"

find_python() { # the first interpreter that is new enough; "python3" when there is none
    local name
    for name in python3 python3.13 python3.12 python3.11; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo python3
}

missing() { # the packages whose probe fails, one a line
    local package probe
    PYTHON="$(find_python)"
    export PYTHON
    while IFS='|' read -r package probe _; do
        package="${package// /}"
        if [[ -z "$package" || "$package" == \#* ]]; then continue; fi
        if ! bash -c "$probe" </dev/null >/dev/null 2>&1; then echo "$package"; fi
    done <"$list"
}

mapfile -t lacking < <(missing)
if ((${#lacking[@]} > 0)); then
    if [[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null; then
        echo "installing: ${lacking[*]}" >&2
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq </dev/null >&2
        apt-get install -y -qq --no-install-recommends "${lacking[@]}" </dev/null >&2
    else
        echo "These system packages are missing: ${lacking[*]}. This installs them:" >&2
        echo "    sudo apt-get update && sudo apt-get install -y ${lacking[*]}" >&2
        exit 1
    fi
    mapfile -t lacking < <(missing)
fi

python="$(find_python)"
if [[ " ${lacking[*]-} " == *" python3 "* ]]; then
    echo "Guitu needs Python 3.11 or later as python3; found: $("$python" --version 2>&1 || true)" >&2
    exit 1
elif ((${#lacking[@]} > 0)); then
    echo "Still missing after the install: ${lacking[*]}. $python may come from elsewhere than Debian and lack it." >&2
    exit 1
fi
echo "$python"

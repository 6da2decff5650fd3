#!/usr/bin/env bash
# Packs the nexus-bridge that was built for a target: `pack.sh <target> <folder>` writes
# `<folder>/nexus-bridge-<target>.tar.gz`, or `.zip` for Windows, with the program and the licence.
set -euo pipefail
target=$1
folder=$2
built=${CARGO_TARGET_DIR:-target}/$target/release
mkdir -p "$folder"
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
cp LICENSE "$staged/"
case $target in
  *-windows-*)
    cp "$built/nexus-bridge.exe" "$staged/"
    output=$(cd "$folder" && pwd -W 2>/dev/null || pwd)
    (cd "$staged" && 7z a -tzip "$output/nexus-bridge-$target.zip" nexus-bridge.exe LICENSE >/dev/null)
    ;;
  *)
    cp "$built/nexus-bridge" "$staged/"
    tar -czf "$folder/nexus-bridge-$target.tar.gz" -C "$staged" nexus-bridge LICENSE
    ;;
esac

#!/usr/bin/env bash
# Makes a folder of packed programs ready to be published: `finish.sh <folder> <address of the files>` writes the
# installation scripts, which get the address and the SHA-256 of every file, and SHA256SUMS.
set -euo pipefail
folder=$1
address=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "$folder"
sums=$(sha256sum nexus-bridge-*)
# The scripts bring the checksums along, so a file that was exchanged later is refused.
for script in install.sh install.ps1; do
  while IFS= read -r line; do
    case $line in
      *@SHA256SUMS@*) printf '%s\n' "$sums" ;;
      *) printf '%s\n' "${line//@ADDRESS@/$address}" ;;
    esac
  done <"$here/$script" >"$script"
done
sha256sum nexus-bridge-* install.sh install.ps1 >SHA256SUMS

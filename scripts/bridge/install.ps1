# Installs nexus-bridge for the user who runs it, on Windows:
#
#   irm @ADDRESS@/install.ps1 | iex
#
# The program goes to %LOCALAPPDATA%\Programs\nexus-bridge, or to the folder in NEXUS_BRIDGE_FOLDER. No rights of an
# administrator are needed. A file whose SHA-256 is not the one below is not installed.

& {
  $ErrorActionPreference = 'Stop'
  $address = if ($env:NEXUS_BRIDGE_ADDRESS) { $env:NEXUS_BRIDGE_ADDRESS } else { '@ADDRESS@' }
  $folder = if ($env:NEXUS_BRIDGE_FOLDER) { $env:NEXUS_BRIDGE_FOLDER } else { Join-Path $env:LOCALAPPDATA 'Programs\nexus-bridge' }
  $checksums = @'
@SHA256SUMS@
'@

  # Windows on ARM runs programs for x64.
  $file = 'nexus-bridge-x86_64-pc-windows-msvc.zip'
  $line = $checksums -split "`r?`n" | Where-Object { $_ -match "^([0-9a-f]{64}) [ *]$([regex]::Escape($file))$" }
  if (-not $line) { throw "There is no $file in this release." }
  $expected = $line.Substring(0, 64)

  $work = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid())
  New-Item -ItemType Directory -Path $work | Out-Null
  try {
    $download = Join-Path $work $file
    Invoke-WebRequest -UseBasicParsing -Uri "$address/$file" -OutFile $download
    $actual = (Get-FileHash -Algorithm SHA256 $download).Hash.ToLowerInvariant()
    if ($actual -ne $expected) { throw "The SHA-256 of $file is $actual, not $expected." }
    Expand-Archive -Path $download -DestinationPath $work
    New-Item -ItemType Directory -Force -Path $folder | Out-Null
    Move-Item -Force (Join-Path $work 'nexus-bridge.exe') (Join-Path $folder 'nexus-bridge.exe')
  } finally {
    Remove-Item -Recurse -Force $work
  }
  Write-Output "Installed $(Join-Path $folder 'nexus-bridge.exe')"
  if (($env:PATH -split ';') -notcontains $folder) {
    Write-Output "$folder is not on your PATH: add it, or call the program by its full name."
  }
}

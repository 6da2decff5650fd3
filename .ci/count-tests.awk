# Sums what the test runners say of themselves (cargo test, cargo nextest, node --test, unittest), as
# "<passed> <failed> <unreliable>". Unreliable tests failed, and passed when their file was run once more
# (scripts/lib/test-files.mjs, test-crates.mjs); they count as passed too.
{ gsub(/\033\[[0-9;]*m/, "") }
/^test result: / {
  if (!repeats) passed += $4
  failed += $6
  if (repeats) { passed -= $6; unreliable -= $6 }
}
/^ *Summary .* tests? run: / {
  for (i = 2; i <= NF; i++) {
    if ($i ~ /^passed/) passed += $(i - 1)
    if ($i ~ /^failed/) failed += $(i - 1)
  }
}
/^(ℹ|#) pass [0-9]+$/ { if (!repeats) passed += $3 }
/^(ℹ|#) (fail|cancelled) [0-9]+$/ {
  failed += $3
  if (repeats) { passed -= $3; unreliable -= $3 }
}
/^Failed files, once more: / { repeats = 1; passed += failed; unreliable += failed; failed = 0 }
# unittest names the number that ran, and on a line of its own those that failed.
/^Ran [0-9]+ tests? in / { passed += $2 }
/^FAILED \(/ {
  for (i = 2; i <= NF; i++)
    if (split($i, part, "=") == 2 && part[1] ~ /^[(]?(failures|errors)$/) { failed += part[2]; passed -= part[2] }
}
END { print passed + 0, failed + 0, unreliable + 0 }

# The names of the tests that failed in the output of cargo test, node --test and unittest, and what kept a runner from its tests; each
# once, and at most ten.
{ gsub(/\033\[[0-9;]*m/, ""); name = "" }
/^test .* \.\.\. FAILED/ { name = $0; sub(/ \.\.\. FAILED.*/, "", name) }
/^ *✖ / && !/^ *✖ failing tests:/ { name = $0; sub(/^ *✖ /, "", name); sub(/ \([0-9.]+ms\)$/, "", name) }
/^(FAIL|ERROR): / { name = $0 }
/^error: could not compile|process didn't exit successfully/ { name = $0; sub(/^ +/, "", name) }
name != "" && !(name in seen) && count < 10 { seen[name]; count++; print substr(name, 1, 200) }

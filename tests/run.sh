#!/bin/sh
# Runs test programs one after the other; each gets a directory of its own and a time limit. The last line
# is the sum: "N passed, N failed".
set -u
BUILD=${BUILD:-build}
passed=0 failed=0
export LC_ALL=C.UTF-8 TZ=UTC CMOCKA_MESSAGE_OUTPUT=STDOUT
for t in "$@"; do
    log=$BUILD/$(basename "$t").log
    if timeout -k 5 "${TEST_SECONDS:-240}" "$t" >"$log" 2>&1 </dev/null; then
        passed=$((passed + 1))
        printf '  ok    %s\n' "${t#"$BUILD"/}"
    else
        failed=$((failed + 1))
        printf '  FAIL  %s\n' "${t#"$BUILD"/}"
        tail -n 40 "$log"
    fi
done
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]

#!/bin/sh
# Checks beyond the compiler. What isn't installed is skipped, with words.
set -u
bad=0
have() {
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "lint: $1 isn't installed: $2 skipped"
    return 1
}
if have clang-tidy "C checks"; then
    for file in src/*.c src/*/*.c; do
        clang-tidy --quiet --warnings-as-errors='*' "$file" -- -std=c11 -D_GNU_SOURCE \
            -D_XOPEN_SOURCE_EXTENDED=1 -Isrc -I"${BUILD:-build}/gen" -DVERSION='"lint"' \
            -DPREFIX='"/usr/local"' 2>/dev/null || bad=1
    done
fi
if have shellcheck "shell scripts"; then
    shellcheck tools/*.sh tests/*.sh .ci/run || bad=1
    shellcheck -s bash completions/infoscreen-tui.bash || bad=1
fi
if have mandoc "the manual"; then
    mandoc -Tlint -W warning infoscreen-tui.1 || bad=1
fi
if have codespell "spelling"; then
    codespell -q 3 --ignore-words tools/codespell-words src tests/*/*.c tests/*.sh tools docs ./*.md infoscreen-tui.1 || bad=1
fi
[ "$bad" -eq 0 ] && echo "lint: clean"
exit "$bad"

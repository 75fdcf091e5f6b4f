#!/bin/sh
# pot.sh FILE: collects what is to be translated. The same sources give the same file: sorted, undated.
set -eu
mkdir -p "$(dirname "$1")"
find src -name '*.[ch]' | LC_ALL=C sort | xargs xgettext --language=C --from-code=UTF-8 \
    --keyword=_ --keyword=N_ --keyword=P_:1,2 --flag=err_set:3:c-format --flag=note:5:c-format \
    --sort-output --no-location --package-name=infoscreen-tui --copyright-holder='The infoscreen-tui authors' \
    -o - | sed '/^"POT-Creation-Date:/d' >"$1.new"
mv "$1.new" "$1"

#!/bin/sh
# Every string a person reads has its German: nothing missing, nothing fuzzy, formats alike.
set -u
BUILD=${BUILD:-build}
if ! command -v xgettext >/dev/null 2>&1; then
    echo "catalogs: gettext isn't installed: not checked"
    exit 0
fi
sh tools/pot.sh "$BUILD/infoscreen-tui.pot" || exit 1
msgfmt -c -o /dev/null po/de.po || exit 1
msgcmp po/de.po "$BUILD/infoscreen-tui.pot" || exit 1
echo "catalogs: complete"

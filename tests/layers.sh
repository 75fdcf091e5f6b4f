#!/bin/sh
# The walls between the rooms: who may include whom, and which library belongs to which room.
set -u
bad=0
complain() {
    printf '%s\n' "$1"
    bad=1
}
# check ROOM PATTERN WHY: no file of the room may match.
check() {
    room=$1 pattern=$2 why=$3
    hits=$(grep -nE "$pattern" -r "src/$room" --include='*.c' --include='*.h' 2>/dev/null | grep -v 'layers: allowed')
    [ -z "$hits" ] || complain "$hits
  ^ $why"
}
rooms() { # ROOM ALLOWED-ROOMS…: any other room's header is refused
    room=$1
    shift
    allowed=$(printf '%s|' "$room" "$@")
    hits=$(grep -nE '^#include "(base|core|broker|store|ui|cli|sim)/' -r "src/$room" | grep -vE "#include \"(${allowed%|})/")
    [ -z "$hits" ] || complain "$hits
  ^ src/$room may include only: $room $*"
}
bad=0
rooms base
rooms core base
rooms broker core base
rooms store core base
rooms ui core base
rooms cli store broker core base
rooms sim broker core base
library() { # HEADER-PATTERN ROOM-WHERE-IT-IS-ALLOWED…
    pattern=$1
    shift
    hits=$(grep -nE "^#include <$pattern" -r src)
    for room in "$@"; do hits=$(printf '%s\n' "$hits" | grep -v "^src/$room/"); done
    [ -z "$hits" ] || complain "$hits
  ^ only in: $*"
}
library 'mosquitto|mqtt_protocol' broker
library 'sqlite3' store
library '(curses|ncurses|term\.h|ncursesw)' ui
library 'cjson' core broker # the wire; Mosquitto's own JSON of accounts
library 'uuid/' core
library 'openssl/' base broker # digests and random bytes; TLS
library 'ini\.h' base
library 'utf8proc' base
check core '(clock_gettext|clock_gettime|gettimeofday|[^_a-z]time\(|fopen|open\(|pthread_|getenv|setlocale)' 'the core has no clock, no I/O, no threads, no locale'
if [ "$bad" -eq 0 ]; then echo "layers: clean"; fi
exit "$bad"

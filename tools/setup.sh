#!/bin/sh
# Installs what building, running and testing need, through the system's package manager; costs nothing
# when all is there. Works as root or with sudo, on a bare machine too.
set -eu

# What is needed | how to see that it is there | apt | dnf | pacman | apk | brew
# "h:" a header, "c:" a command, "l:" a library file that no header shows, "p:" a Python module of the system's Python.
table() {
    cat <<'EOF'
make|c:make|make|make|make|make|make
compiler|c:cc|gcc|gcc|gcc|gcc|gcc
libc headers|h:stdio.h|libc6-dev|glibc-devel|glibc|musl-dev|-
ncurses|h:ncurses.h|libncurses-dev|ncurses-devel|ncurses|ncurses-dev|ncurses
libmosquitto|h:mosquitto.h|libmosquitto-dev|mosquitto-devel|mosquitto|mosquitto-dev|mosquitto
sqlite3|h:sqlite3.h|libsqlite3-dev|sqlite-devel|sqlite|sqlite-dev|sqlite
cJSON|h:cjson/cJSON.h|libcjson-dev|cjson-devel|cjson|cjson-dev|cjson
libuuid|h:uuid/uuid.h|uuid-dev|libuuid-devel|util-linux-libs|util-linux-dev|ossp-uuid
inih|h:ini.h|libinih-dev|inih-devel|libinih|inih-dev|inih
utf8proc|h:utf8proc.h|libutf8proc-dev|utf8proc-devel|libutf8proc|utf8proc-dev|utf8proc
libcrypto|h:openssl/evp.h|libssl-dev|openssl-devel|openssl|openssl-dev|openssl@3
gettext|c:msgfmt|gettext|gettext|gettext|gettext|gettext
Mosquitto|c:mosquitto|mosquitto|mosquitto|mosquitto|mosquitto|mosquitto
Mosquitto's clients|c:mosquitto_pub|mosquitto-clients|mosquitto|mosquitto|mosquitto-clients|mosquitto
openssl|c:openssl|openssl|openssl|openssl|openssl|openssl
terminal descriptions|t:xterm-256color|ncurses-base|ncurses-base|ncurses|ncurses-terminfo-base|ncurses
cmocka|h:cmocka.h|libcmocka-dev|libcmocka-devel|cmocka|cmocka-dev|cmocka
libvterm|h:vterm.h|libvterm-dev|libvterm-devel|libvterm|libvterm-dev|libvterm
Python|c:python3|python3|python3|python|python3|python
strace|c:strace|strace|strace|strace|strace|-
paho|p:paho.mqtt.client|python3-paho-mqtt|python3-paho-mqtt|python-paho-mqtt|py3-paho-mqtt|-
EOF
}

PATH=$PATH:/usr/sbin:/usr/local/sbin

system_python() {
    if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else echo python3; fi
}

has_header() {
    for dir in /usr/include /usr/local/include /opt/homebrew/include /usr/include/*-linux-*; do
        [ -e "$dir/$1" ] && return 0
    done
    return 1
}

is_there() { # PROBE
    case $1 in
    c:*) command -v "${1#c:}" >/dev/null 2>&1 ;;
    h:*) has_header "${1#h:}" ;;
    t:*) for dir in /lib/terminfo /usr/share/terminfo /usr/lib/terminfo /etc/terminfo; do
             [ -e "$dir/x/${1#t:}" ] && return 0
         done
         return 1 ;;
    p:*) "$(system_python)" -c "import ${1#p:}" >/dev/null 2>&1 ;;
    esac
}

find_manager() {
    for m in apt-get dnf pacman apk brew; do
        if command -v "$m" >/dev/null 2>&1; then
            echo "$m"
            return
        fi
    done
    echo "setup: no package manager found (apt-get, dnf, pacman, apk, brew): install by hand:" >&2
    table | cut -d'|' -f1 >&2
    exit 1
}

missing() { # COLUMN: package names of what isn't there
    table | while IFS='|' read -r _what probe apt dnf pacman apk brew; do
        is_there "$probe" && continue
        case $1 in
        apt-get) echo "$apt" ;;
        dnf) echo "$dnf" ;;
        pacman) echo "$pacman" ;;
        apk) echo "$apk" ;;
        brew) echo "$brew" ;;
        esac
    done | grep -v '^-$' | sort -u | tr '\n' ' '
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

install() { # MANAGER PACKAGES…
    manager=$1
    shift
    case $manager in
    apt-get)
        as_root apt-get update -q
        # RUNLEVEL=1: in a chroot the broker's package must not start a broker of its own
        as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@"
        ;;
    dnf) as_root dnf install -y "$@" ;;
    pacman) as_root pacman -S --needed --noconfirm "$@" ;;
    apk) as_root apk add "$@" ;;
    brew) brew install "$@" ;;
    esac
}

# Nothing to do is decided before a package manager is looked for.
if table | (while IFS='|' read -r _what probe _rest; do is_there "$probe" || exit 1; done); then
    echo "setup: all is there"
    exit 0
fi
manager=$(find_manager)
packages=$(missing "$manager")
echo "setup: installing: $packages"
# shellcheck disable=SC2086 # one word per package
install "$manager" $packages
left=$(missing "$manager")
if [ -n "$left" ]; then
    echo "setup: still missing: $left" >&2
    exit 1
fi

#!/bin/sh
# Commands that mean something else in a guest of the local Azure, or that it has not; it is called by their names.

name=${0##*/}
waiting=/run/vmops-shutdown

refuse() {
    echo "$name: $1" >&2
    exit "${2:-1}"
}

as_root() { # there is one user, and that is root
    while [ $# -gt 0 ]; do
        case $1 in
        -u | --user)
            [ "$(id -u "$2" 2>/dev/null)" = 0 ] || refuse "a guest of the local Azure has no other user than root: $2"
            shift
            ;;
        -g | -p | -C | -r | -t | -T | -U | -D | -R | -h | --group | --prompt) shift ;;
        -l | -v | -k | -K) exit 0 ;;
        --) shift && break ;;
        -*) ;;
        *=*) export "$1" ;;
        *) break ;;
        esac
        shift
    done
    [ $# -gt 0 ] || set -- "${SHELL:-/bin/sh}"
    exec "$@"
}

later() { # minutes, signal
    (sleep $(($1 * 60)) && kill -s "$2" 1) </dev/null >/dev/null 2>&1 &
    echo $! >$waiting
}

shut_down() {
    signal=USR2 minutes=1
    for word; do
        case $word in
        -r | --reboot) signal=USR1 ;;
        -c) kill "$(cat $waiting)" && exit ;;
        -k) exit 0 ;;
        now) minutes=0 ;;
        +[0-9]*) minutes=${word#+} ;;
        [0-9]*:*) refuse "give minutes, as in +5" ;;
        esac
    done
    [ "$minutes" = 0 ] && kill -s $signal 1 || later "$minutes" $signal
}

service() {
    for word; do
        case $word in
        reboot | kexec) exec kill -s USR1 1 ;;
        poweroff | halt) exec kill -s USR2 1 ;;
        esac
    done
    refuse "a guest of the local Azure has no services"
}

case $name in
sudo) as_root "$@" ;;
shutdown) shut_down "$@" ;;
reboot) kill -s USR1 1 ;;
poweroff | halt) kill -s USR2 1 ;;
systemctl) service "$@" ;;
*) refuse "a guest of the local Azure has no package manager: it has what this host has in /usr" 100 ;;
esac

#!/bin/sh
# The first process of a guest. It takes in the dead, and ends all others when it is asked to.
# Its exit code says what is to come: 81, the guest boots again; 82, it stays off.

finish() {
    trap '' USR1 USR2 PWR
    echo "going down"
    sleep 0.3 # whoever asked over SSH has an answer before the connection goes
    kill -TERM -1 2>/dev/null
    tenths=50
    while set -- /proc/[0-9]* && [ $# -gt 1 ] && [ "$tenths" -gt 0 ]; do
        sleep 0.1
        tenths=$((tenths - 1))
    done
    kill -KILL -1 2>/dev/null
    exit "$code"
}

first_boot() {
    mkdir -p /var/lib/vmops /var/log
    if [ -e /var/lib/vmops/first-boot ] && mkdir /var/lib/vmops/first-boot-begun 2>/dev/null; then
        (cd / && /var/lib/vmops/first-boot) >>/var/log/cloud-init-output.log 2>&1
        echo "first boot ended with $?:"
        cat /var/log/cloud-init-output.log
    fi
    : >/run/vmops/ready
}

trap 'code=81; finish' USR1
trap 'code=82; finish' USR2 PWR
echo "$(uname -n) is up"
: >/run/vmops/up
first_boot </dev/null &
while :; do
    sleep 2147483647 &
    wait $!
done

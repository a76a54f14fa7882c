#!/usr/bin/env bash
# A PostgreSQL server of its own for a test, on a socket in a folder, never on a port.
#   tests/postgres.sh start FOLDER   print its URL; exit 77 when the server is not installed
#   tests/postgres.sh stop FOLDER    stop it and remove the folder
set -euo pipefail

bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || exit 77
folder=$2

server() { # as root through the package's user, since the server refuses root
  if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi
}

case $1 in
  start)
    mkdir -p "$folder"
    [ "$(id -u)" != 0 ] || chown postgres "$folder"
    server "$bin/initdb" -D "$folder/data" -U neap -A trust -E UTF8 --no-sync >"$folder/log" 2>&1
    server "$bin/pg_ctl" -D "$folder/data" -l "$folder/server.log" -w -s \
      -o "-k '$folder' -c listen_addresses='' -c fsync=off" start >/dev/null 2>&1 </dev/null
    echo "postgresql:///postgres?host=$folder&user=neap"
    ;;
  stop)
    server "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop || true
    rm -rf "$folder"
    ;;
  *) exit 2 ;;
esac

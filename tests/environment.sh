# shellcheck shell=bash
# What the tests and the benchmark need and a fresh machine lacks: tools in target/tools, and a PostgreSQL that is
# thrown away. To be sourced, from the top of the checkout, under `set -euo pipefail`. Silent when all is there.

TOOLS=$PWD/target/tools
export PATH="$TOOLS/bin:$HOME/.cargo/bin:$PATH"

# Installs Debian packages as root, with `apt-get update` only when it is needed; says what to do for others.
debian_install() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing here, please install: $*" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -y -qq --no-install-recommends "$@" ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }
}

# The tools of tests/tools.txt, in a folder of their own: version and contents are fixed there.
tools_install() {
  local wanted=$TOOLS/.tools.txt
  cmp -s tests/tools.txt "$wanted" && return
  rm -rf "${TOOLS:?}"
  python3 -m venv "$TOOLS" 2>/dev/null || { debian_install python3-venv && python3 -m venv "$TOOLS"; }
  "$TOOLS/bin/python3" -m pip install --quiet --require-hashes --requirement tests/tools.txt
  cp tests/tools.txt "$wanted"
}

# Spectral, for the OpenAPI document: version and contents are fixed in tests/openapi/package-lock.json.
spectral_install() {
  local folder=$TOOLS/openapi
  cmp -s tests/openapi/package-lock.json "$folder/.installed" && return
  command -v npm >/dev/null || debian_install nodejs npm
  mkdir -p "$folder"
  cp tests/openapi/package.json tests/openapi/package-lock.json "$folder/"
  npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
  cp tests/openapi/package-lock.json "$folder/.installed"
}

compiler_install() {
  command -v cc >/dev/null || debian_install build-essential
}

# The newest PostgreSQL server here. Debian keeps its programs out of PATH.
postgres_programs() {
  local initdb
  initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -n 1)
  [ -n "$initdb" ] || initdb=$(command -v initdb) || return 1
  dirname "$(readlink -f "$initdb")"
}

postgres_install() {
  postgres_programs >/dev/null || debian_install postgresql
}

# The hardware module of the tests: SoftHSM 2, and the sqlite3 program, whose backup is searched for identifiers.
module_install() {
  [ -e /usr/lib/softhsm/libsofthsm2.so ] || debian_install softhsm2
  command -v sqlite3 >/dev/null || debian_install sqlite3
}

# A port of the loopback address that nobody listens on, nor on the next two, which the demo takes as well.
free_port() {
  python3 - <<'PYTHON'
import socket
while True:
    with socket.socket() as first, socket.socket() as second, socket.socket() as third:
        first.bind(("127.0.0.1", 0))
        port = first.getsockname()[1]
        try:
            second.bind(("127.0.0.1", port + 1))
            third.bind(("127.0.0.1", port + 2))
        except (OSError, OverflowError):
            continue
    print(port)
    break
PYTHON
}

# PostgreSQL refuses to run as root; then it runs as Debian's `postgres`, or as `nobody`.
as_postgres() {
  local user=postgres
  if [ "$(id -u)" != 0 ]; then
    "$@"
  else
    id postgres >/dev/null 2>&1 || user=nobody
    (cd / && runuser -u "$user" -- "$@")
  fi
}

# Makes and starts a PostgreSQL in an empty folder of its own, on a free port of the loopback address, without TLS
# and passwords, with commits as durable as in production (the gateway refuses a database that may lose them).
# Arguments: the folder; then further settings, `name = value`.
postgres_start() {
  local folder=$1 programs
  programs=$(postgres_programs)
  shift
  free_port >"$folder/port"
  [ "$(id -u)" != 0 ] || chown -R "$(as_postgres id -u)" "$folder"
  chmod 0755 "$folder"
  as_postgres "$programs/initdb" --pgdata="$folder/data" --username=doelpoort --auth=trust \
    --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  {
    echo "listen_addresses = '127.0.0.1'"
    echo "port = $(<"$folder/port")"
    echo "unix_socket_directories = '$folder'"
    echo "max_connections = 400"
    [ $# = 0 ] || printf '%s\n' "$@"
  } | as_postgres tee -a "$folder/data/postgresql.conf" >/dev/null
  as_postgres "$programs/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait --silent start ||
    { cat "$folder/log" >&2; return 1; }
}

# For a trap: harmless where nothing was started.
postgres_stop() {
  local folder=$1
  if [ -f "$folder/data/postmaster.pid" ]; then
    as_postgres "$(postgres_programs)/pg_ctl" --pgdata="$folder/data" --mode=immediate --silent stop || true
  fi
  rm -rf "$folder"
}

# The server in a folder, as the gateway is told it; `/` and a database follow.
postgres_url() {
  echo "postgres://doelpoort@127.0.0.1:$(<"$1/port")"
}

# The same by the server's socket, as a program on the same machine reaches it.
postgres_socket_url() {
  echo "postgres://doelpoort@${1//\//%2F}:$(<"$1/port")"
}

# SQL as superuser of the server in a folder: the folder, then psql's arguments.
postgres_sql() {
  local folder=$1
  shift
  "$(postgres_programs)/psql" --no-psqlrc --quiet --set=ON_ERROR_STOP=1 \
    --host=127.0.0.1 --port="$(<"$folder/port")" --username=doelpoort --dbname=postgres "$@"
}

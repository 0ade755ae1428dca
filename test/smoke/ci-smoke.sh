#!/usr/bin/env bash
#
# A cluster from nothing to nothing, as a CI job would have it: create it, verify it, write and read ten thousand keys,
# lose a primary without warning, find every key again, verify, destroy. Needs bash and rkv; copy it, and put your own
# tests in the middle.
#
#   ci-smoke.sh [PORT]        first of six ports, 7000 when left out; the bus takes the same ports + 10000
#
#   RKV       how to call rkv, "npx rkv" when unset
#   ENGINE    bundled (default), redis, valkey, or the path of a server
#   KEYS      how many keys, 10000 when unset
#
set -euo pipefail

readonly port=${1:-7000}
readonly keys=${KEYS:-10000}
read -r -a rkv <<<"${RKV:-npx rkv}"

# A home of its own: whatever clusters this machine has stay as they are, and nothing is left behind.
RKV_HOME=$(mktemp -d "${TMPDIR:-/tmp}/rkv-smoke.XXXXXX")
export RKV_HOME
export RKV_CLUSTER=smoke

say() { printf '\n== %s\n' "$*" >&2; }

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

clean_up() {
  local status=$?
  trap - EXIT
  if [ "$status" -ne 0 ] && [ -d "$RKV_HOME/$RKV_CLUSTER" ]; then
    # The cluster may be half there: what can be shown is shown, and no failure here hides the first one.
    "${rkv[@]}" cluster status >&2 || true
    "${rkv[@]}" node logs -n 15 >&2 || true
  fi
  if [ -d "$RKV_HOME/$RKV_CLUSTER" ]; then "${rkv[@]}" cluster destroy --yes --quiet || true; fi
  rm -rf "$RKV_HOME"
  exit "$status"
}
trap clean_up EXIT
# Without these two a Ctrl-C or a cancelled job would leave the servers running.
trap 'exit 130' INT
trap 'exit 143' TERM

# Commands, one a line, go through one connection that follows redirections.
write_keys() {
  local i
  for ((i = 0; i < keys; i++)); do printf 'SET key:%d value:%d\n' "$i" "$i"; done |
    "${rkv[@]}" cli -c -p "$1" | sort | uniq -c
}
read_keys() {
  local i
  for ((i = 0; i < keys; i++)); do printf 'GET key:%d\n' "$i"; done | "${rkv[@]}" cli -c -p "$1"
}
expected_values() {
  local i
  for ((i = 0; i < keys; i++)); do printf 'value:%d\n' "$i"; done
}

say 'create'
"${rkv[@]}" cluster create --port "$port" --engine "${ENGINE:-bundled}" --timeout 60

say 'verify'
"${rkv[@]}" verify --wait 10

say "write $keys keys"
written=$(write_keys "$port")
[ "$(echo "$written" | awk '$2 == "OK" { print $1 }')" = "$keys" ] || fail "not every SET was answered with OK: $written"

say "read $keys keys"
read_keys "$port" | cmp - <(expected_values) || fail 'a key was not read as it was written'

say 'lose a primary'
# Replication runs behind: only what has reached a replica survives its primary.
"${rkv[@]}" wait synced --timeout 30
"${rkv[@]}" node kill "$port"
"${rkv[@]}" wait served --timeout 60

say "find $keys keys again"
read_keys "$((port + 1))" | cmp - <(expected_values) || fail 'a key is gone or changed after the failover'

say 'a dead node is not overlooked'
status=0
"${rkv[@]}" verify >/dev/null || status=$?
[ "$status" -eq 3 ] || fail "verify ended with $status while a node was dead; expected 3"

say 'bring it back, verify'
"${rkv[@]}" node start "$port" --timeout 30
"${rkv[@]}" verify --wait 30 --fail-on warning

say 'destroy'
"${rkv[@]}" cluster destroy --yes
[ ! -e "$RKV_HOME/$RKV_CLUSTER" ] || fail "files are left in $RKV_HOME/$RKV_CLUSTER"
if "${rkv[@]}" cli -p "$port" -t 2 PING >/dev/null 2>&1; then fail "something still answers at port $port"; fi

say 'all well'

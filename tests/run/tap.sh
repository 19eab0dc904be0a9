# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Shared by the shell tests: a work folder, and TAP.  To be sourced.
#
#	check NAME COMMAND...	one test: passes if the command succeeds, and shows its output otherwise
#	skip NAME REASON	one test that cannot run here
#	expect STATUS COMMAND...	succeeds if the command exits with STATUS; its output is in $work/out and $work/err
#	said PATTERN		succeeds if the standard error of the last expect matches PATTERN
#	check_refused NAME STATUS PATTERN COMMAND...	three tests: the command exits with STATUS, its standard error
#				matches PATTERN, and it prints nothing
#	schema NAME FILE	succeeds if the file is a JSON document as schema/coco-NAME.json describes it
#	finish			prints the plan and ends the script
set -u
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${COCO_VECTORS:=$top_srcdir/../shared/vectors}"
export LC_ALL=C

work=$(mktemp -d "${TMPDIR:-/tmp}/coco-test.XXXXXX") || exit 99
tap_n=0
tap_bad=0
tap_pids=()

tap_end() {
	local p

	for p in "${tap_pids[@]}"; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	rm -rf "$work"
}
trap tap_end EXIT

check() {
	local name=$1

	shift
	tap_n=$((tap_n + 1))
	if "$@" >"$work/tap" 2>&1; then
		echo "ok $tap_n - $name"
	else
		tap_bad=1
		echo "not ok $tap_n - $name"
		sed 's/^/# /' "$work/tap"
	fi
}

schema() { /usr/bin/python3 "$top_srcdir/tests/run/schema.py" "$1" "$2"; }

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

expect() {
	local want=$1 got=0

	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
	[ "$got" = "$want" ] && return
	echo "status $got, not $want: $*"
	cat "$work/out" "$work/err"
	return 1
}

said() {
	grep -q -e "$1" "$work/err" && return
	echo "standard error does not say '$1':"
	cat "$work/err"
	return 1
}

check_refused() {
	local name=$1 status=$2 pattern=$3

	shift 3
	check "refused: $name" expect "$status" "$@"
	check "refused: $name: is said" said "$pattern"
	check "refused: $name: prints nothing" test ! -s "$work/out"
}

# background COMMAND...: run it in the background, and end it with the test.
background() {
	"$@" &
	tap_pids+=($!)
}

# appears FILE PID: wait until FILE exists.  Fails if PID ends first.
appears() {
	until [ -e "$1" ]; do
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.05
	done
}

# Start two doubles of a server with the files in www: at $clear, and over TLS at $tls.  Their logs and the certificate
# are beside www.
key_servers() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout tls.key -out tls.crt -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null || exit 99
	cat tls.crt tls.key >tls.pem
	background "$top_srcdir/tests/double/key-server" --port-file port --log log www
	appears port "${tap_pids[-1]}" || exit 99
	background "$top_srcdir/tests/double/key-server" --port-file tls-port --tls tls.pem --log tls-log www
	appears tls-port "${tap_pids[-1]}" || exit 99
	# shellcheck disable=SC2034 # both are for the test
	clear=http://127.0.0.1:$(cat port) \
	tls=https://127.0.0.1:$(cat tls-port)
}

finish() {
	echo "1..$tap_n"
	exit "$tap_bad"
}

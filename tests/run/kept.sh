#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cocod in an initrd, then cocod in a system with another configuration: what the initrd judged by still counts, or
# nothing is released.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP cocod answers root only"; exit 0; }

luks=736869e5-84f0-4973-92ec-06879ce3da0b
policy=$(printf '[Policy]\nmeasurement=%096d' 1)
lax=$(printf '[Policy]\nmeasurement=%096d' 2)
cococtl=("$top_builddir/cococtl" --socket="$work/api")
kept=$work/run/gate
mkdir -p "$work/dir" "$work/run"
printf 'correct horse' >"$work/dir/$luks"

# tree NAME [FILE CONTENT]...: make a new configuration.
tree() {
	local at=$work/$1

	shift
	rm -rf "$at"
	mkdir -p "$at/etc/cocod"
	while [ $# -gt 0 ]; do
		printf '%s\n' "$2" >"$at/etc/$1"
		shift 2
	done
	sed -i "1a SecretDirectory=$work/dir" "$at/etc/cocod/cocod.conf"
}
initrd() { tree initrd initrd-release ID=test "$@"; }
system() { tree system "$@"; }

# boot NAME: start cocod with that configuration.  Its status is in $work/status.
boot() {
	end TERM
	rm -f "$work/api" "$work/crypt"
	"$top_srcdir/tests/double/activate" "$work" "$top_builddir/cocod" --config-root="$work/$1" >"$work/log" 2>&1 &
	pid=$!
	tap_pids+=("$pid")
	appears "$work/crypt" "$pid"
	status
}
status() {
	# Wait until the verification ends: there is no TEE here, or its evidence is of another VM.
	for _ in $(seq 100); do
		"${cococtl[@]}" status --json >"$work/status" && ! grep -q '"verifying"' "$work/status" && return
		sleep 0.1
	done
	return 1
}
end() {
	[ -n "${pid-}" ] || return
	kill "-$1" "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	pid=
}
json() { /usr/bin/python3 -c "import json,sys; d=json.load(open('$work/status')); g=d['gate']; i=d['initrd']; sys.exit(0 if ($1) else repr(d))"; }
in_log() { grep -q -e "$1" "$work/log" || { cat "$work/log"; return 1; }; }
same() { cmp "$work/before" "$kept"; }
# closed: the gate is closed, and not a byte is released.
closed() { json "not g['open'] and g['state'] == 'closed'" && ! "${cococtl[@]}" secrets get luks >"$work/out" 2>/dev/null && ! [ -s "$work/out" ]; }
fresh() {
	end TERM
	rm -rf "$work/run"
	mkdir "$work/run"
}

none=$(printf '[Cocod]\nRequire=none')
plain='[Cocod]'

# ---- nothing decided ----
system cocod/cocod.conf "$none"
boot system
check "without an initrd's decision the system's counts" json "g['open'] and i is None"
check "... and it leaves none" test ! -e "$kept"

# ---- an initrd with a policy ----
initrd cocod/cocod.conf "$plain" cocod/attest.conf "$policy"
boot initrd
check "an initrd with a policy is closed here" closed
check "... and keeps what it judges by" json "i['here'] and i['require'] == 'evidence' and i['differs'] == [] and g['require_reason'] == 'the default, because there is an attest.conf'"
check "... the policy's digest" json "i['policy_sha256'] == '$(sha256sum <"$work/initrd/etc/cocod/attest.conf" | cut -d ' ' -f 1)' and i['trust_sha256'] is None"
check "... for root alone" test "$(stat -c '%a %u' "$kept")" = "600 0"
check "... in text, too" bash -c "'${cococtl[0]}' '${cococtl[1]}' status | grep 'Initrd: this is one; kept for the system after it: Require=evidence'"
fresh
boot initrd
end KILL
check "killed before a verdict, it is kept" test -s "$kept"
cp "$kept" "$work/before"
printf 'coco' >"$work/run/gate.Xy12ab"

system cocod/cocod.conf "$plain" cocod/attest.conf "$policy"
boot system
check "a system with the same configuration" json "i and not i['here'] and i['differs'] == [] and i['require'] == 'evidence' and i['verdict'] is None"

attack() {
	local name=$1 differs=$2

	shift 2
	system "$@"
	boot system
	check "$name: closed" closed
	check "$name: evidence is wanted" json "g['require'] == 'evidence'"
	check "$name: the difference is in the status" json "i['differs'] == $differs"
	check "$name: and an error in the journal" in_log "This system's configuration is not the initrd's, whose policy holds beside it: $(tr -d "[]'" <<<"$differs")"
	check "$name: in text" bash -c "'${cococtl[0]}' '${cococtl[1]}' status | grep 'ERROR: what the initrd judged by holds beside'"
	check "$name: what is kept is as it was" same
	boot system
	check "$name: after a restart again" json "not g['open'] and i['differs'] == $differs"
	check "$name: and what is kept is as it was" same
}
attack "Require=none" "['Require']" cocod/cocod.conf "$none" cocod/attest.conf "$policy"
check "... it is the initrd's decision" json "g['require_reason'] == 'decided in the initrd'"
attack "Require=none and no policy" "['Require', 'attest.conf']" cocod/cocod.conf "$none"
attack "Require=attested" "['Require']" cocod/cocod.conf "$(printf '[Cocod]\nRequire=attested')" cocod/attest.conf "$policy"
attack "another policy" "['attest.conf']" cocod/cocod.conf "$plain" cocod/attest.conf "$lax"
system cocod/cocod.conf "$plain"
: >"$work/system/etc/cocod/attest.conf"
boot system
check "an empty policy: closed" closed
check "... evidence is wanted all the same" json "g['require'] == 'evidence' and i['differs'] == ['Require', 'attest.conf']"
attack "other roots" "['attest.trust']" cocod/cocod.conf "$plain" cocod/attest.conf "$policy" cocod/attest.trust "$(printf '%064d' 0)"
attack "a root that says it is an initrd" "['Require']" initrd-release ID=host cocod/cocod.conf "$none" cocod/attest.conf "$policy"
check "... is not believed" json "not i['here']"
attack "BindPolicy=yes alone" "['BindPolicy']" cocod/cocod.conf "$(printf '[Cocod]\nBindPolicy=yes')" cocod/attest.conf "$policy"

# ---- the kept file is damaged ----
system cocod/cocod.conf "$none"
spoil() {
	local name=$1 words=$2

	shift 2
	end TERM
	rm -rf "$kept"
	cp -p "$work/before" "$kept"
	"$@"
	boot system
	check "$name: closed" closed
	check "$name: and why" json "'$words' in g['reason'] and '$kept' in g['reason'] and i is None"
	boot initrd
	check "$name: an initrd does not go on either" json "not g['open'] and '$words' in g['reason']"
	boot system
	check "$name: nor a second restart" closed
}
# shellcheck disable=SC2329 # called by spoil
as_folder() { rm "$kept" && mkdir "$kept"; }
# shellcheck disable=SC2329
as_link() { mv "$kept" "$work/elsewhere" && ln -s "$work/elsewhere" "$kept"; }
# shellcheck disable=SC2329
as_fifo() { rm "$kept" && mkfifo -m 600 "$kept"; }
spoil "cut off" malformed truncate -s -1 "$kept"
spoil "empty" malformed truncate -s 0 "$kept"
spoil "with more behind it" malformed truncate -s +1 "$kept"
spoil "oversized" "too large" truncate -s 1M "$kept"
spoil "a folder" "is not a file of mode 0600" as_folder
spoil "a link" "it is a link" as_link
spoil "a FIFO" "is not a file of mode 0600" as_fifo
spoil "another owner" "is not a file of mode 0600" chown 65534 "$kept"
spoil "another mode" "is not a file of mode 0600" chmod 644 "$kept"
spoil "a mode that root may not read" "is not a file of mode 0600" chmod 000 "$kept"
spoil "a second name" "alone" ln -f "$kept" "$work/second"
spoil "another version" malformed sed -i 's/^cocogat1/cocogat2/' "$kept"

# ---- other initrds ----
fresh
initrd cocod/cocod.conf "$none"
boot initrd
check "an initrd with Require=none is open, and keeps that" json "g['open'] and i['here'] and i['require'] == 'none' and i['policy_sha256'] is None"
boot system
check "... a system with the same is open" json "g['open'] and g['state'] == 'not-required' and i['differs'] == []"
system cocod/cocod.conf "$plain" cocod/attest.conf "$policy"
boot system
check "... one with a policy adds that" json "not g['open'] and g['require'] == 'evidence' and i['differs'] == ['Require', 'attest.conf'] and 'initrd' not in g['reason']"
fresh
initrd cocod/cocod.conf "$plain"
boot initrd
check "an initrd without a policy is closed here" json "not g['open'] and g['require'] == 'attested' and i['require'] == 'attested'"
boot system
check "... a system's policy does not accept in its name" closed
check "... and says what to do" json "'put the file into the initrd' in g['reason'] and i['differs'] == ['Require', 'attest.conf']"
system cocod/cocod.conf "$none"
boot system
check "... nor does Require=none" closed
fresh
initrd cocod/cocod.conf "$(printf '[Cocod]\nRequire=nobody')"
boot initrd
check "an initrd with an error is closed" closed
boot system
check "... and the system too, which says where the error was" json "not g['open'] and 'the configuration in the initrd had errors' in g['reason'] and 'cocod.conf:3' in g['reason']"
fresh
initrd cocod/cocod.conf "$none"
mkdir "$work/initrd/etc/cocod/attest.conf"
boot initrd
check "an initrd whose policy cannot be read is closed" json "not g['open'] and 'attest.conf' in g['reason']"
check "... and keeps nothing" test ! -e "$kept"

# ---- without OpenSSL, which is loaded when there is something to hash ----
if ! ldd "$top_builddir/cocod" | grep -q libcrypto; then
	mkdir "$work/broken"
	echo 'not a library' >"$work/broken/libcrypto.so.3"
	without() { LD_LIBRARY_PATH=$work/broken boot "$1"; }
	fresh
	initrd cocod/cocod.conf "$none"
	without initrd
	check "an initrd without a policy needs no OpenSSL" json "g['open']"
	check "... and releases secrets" expect 0 "${cococtl[@]}" secrets get luks
	system cocod/cocod.conf "$none"
	without system
	check "... nor does its system" json "g['open'] and i['differs'] == []"
	fresh
	initrd cocod/cocod.conf "$none" cocod/attest.conf "$policy"
	without initrd
	check "an initrd with a policy that cannot be hashed is closed" closed
	check "... and says why" json "'OpenSSL cannot be loaded' in g['reason'] and 'libcrypto.so.3' in g['reason']"
	check "... and keeps nothing" test ! -e "$kept"
	boot initrd
	check "with OpenSSL it is as it was" json "g['open']"
	cp "$kept" "$work/before"
	system cocod/cocod.conf "$none" cocod/attest.conf "$policy"
	without system
	check "a system that cannot check what the initrd judged by is closed" closed
	check "... and says why" json "'what the initrd judged by is lost' in g['reason'] and 'OpenSSL cannot be loaded' in g['reason']"
	check "... and what is kept is as it was" same
	boot system
	check "with OpenSSL it is open again" json "g['open'] and i['differs'] == []"
fi
finish

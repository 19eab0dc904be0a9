#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The verbs of coco-broker that do without its server: init, backup, restore, audit, migrate, from outside.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
broker=$top_builddir/coco-broker
seed=$top_builddir/tests/run/broker-seed
# A store is refused on some file systems that /tmp may be on.
at=$work/at
if [ -w /dev/shm ]; then
	at=$(mktemp -d /dev/shm/coco-broker-cli.XXXXXX) || exit 99
	trap 'rm -rf "$at"; tap_end' EXIT
fi
mkdir -p "$at" && chmod 700 "$at" && cd "$at" || exit 99

# on FOLDER VERB...: with the settings in FOLDER.
on() {
	local folder=$1

	shift
	"$broker" --config="$at/$folder/coco-broker.conf" "$@"
}
# made FOLDER: a broker with a store of its own beside it.
made() {
	on "$1" init --name kbs.example.org --recovery-key "$at/$1.paper" >/dev/null &&
		sed -i "s|^Address=.*|Address=sqlite:$at/$1.store/store|" "$1/coco-broker.conf" && mkdir -m 700 "$1.store"
}
secret() {
	printf '[snp]\nmeasurement=%s\ncovers=firmware,kernel,initrd,cmdline\n[Release]\nRelease=once\nPer=launch\n' "$(printf '1%.0s' {1..96})" >policy
	printf '%s' "$3" >value
	"$seed" "$1/coco-broker.conf" "$2" policy value
}
keys_of() { (cd "$1" && sha256sum master.key identity.key identity.pem recovery.copy coco-broker.conf); }
mode_is() { test "$(stat -c %a "$2")" = "$1"; }

# ---- init ----
check "init makes a broker" expect 0 on a init --name kbs.example.org --recovery-key "$at/a.paper"
cp "$work/out" said
check "init says what a guest needs" grep -qx '    Url=https://kbs.example.org:8443' said
check "init says which command writes it there" grep -qx '    cococtl broker set --url https://kbs.example.org:8443 --identity identity.pem' said
check "init does not print the recovery key" bash -c "! grep -qF -f '$at/a.paper' said"
for file in master.key identity.key recovery.copy; do
	check "$file is its owner's alone" mode_is 600 "a/$file"
done
check "the recovery key is its owner's alone" mode_is 600 a.paper
check "the master key has 32 bytes" test "$(stat -c %s a/master.key)" = 32
check "serve --check is content" expect 0 on a serve --check
keys_of a >before
check_refused "init over a broker" 1 'master.key, the master key, is there already' on a init --name other --recovery-key "$at/other.paper"
check "nothing of it is changed" cmp before <(keys_of a)
check "there is no key that opens nothing" test ! -e other.paper
touch there
check_refused "a recovery key over a file" 1 'there, a recovery key, is there already' on b init --name kbs --recovery-key "$at/there"
check "nothing is left of it" test -z "$(ls b)"
check_refused "a name with a newline" 1 'is not a name' on b init --name $'a\nTokenKey=/x' --recovery-key "$at/b.paper"
check_refused "no place for the recovery key" 1 'There is no terminal' on b init --name kbs
check "no place beside the JSON, on a terminal neither" expect 1 script -qec "'$broker' --config='$at/b/coco-broker.conf' init --name kbs --json" /dev/null
check "... which is said, and nothing else" bash -c "grep -q 'With --json .*give --recovery-key=FILE' '$work/out' && test \$(wc -l <'$work/out') = 1"
check "nothing is left of these" test -z "$(ls b)"
check "init in JSON" expect 0 on j init --name 2001:db8::1 --recovery-key "$at/j.paper" --json
check "which is as its schema says" schema broker-init "$work/out"
check "it has the URL, the identity and each file that was made" /usr/bin/python3 -c 'import json, os, sys
d, at = json.load(open(sys.argv[1])), sys.argv[2]
assert d["url"] == "https://[2001:db8::1]:8443" and d["identity"] == at + "/j/identity.pem" and d["recovery_key"] == at + "/j.paper", d
assert sorted(d["files"]) == sorted([at + "/j/" + name for name in os.listdir(at + "/j")] + [at + "/j.paper"]), d' "$work/out" "$at"
check "and no recovery key" bash -c "! grep -qF -f '$at/j.paper' '$work/out'"

check_refused "a secret with a policy that nobody has made yet" 1 "There is no 'vm1.conf': 'cococtl attest policy --from-bundle FILE' makes" \
	"$broker" secret add default/luks/vm1 --policy vm1.conf - </dev/null

# ---- backup, restore ----
sed -i "s|^Address=.*|Address=sqlite:$at/a.store/store|" a/coco-broker.conf
mkdir -m 700 a.store
check "a secret is in the store" secret a kbs/disk/root 'the value'
check "a backup is made" expect 0 on a backup "$at/whole"
check "it is its owner's alone" mode_is 600 whole
check "the secret is not to be read in it" bash -c '! grep -aq "the value" whole'
check "nor is the master key" python3 -c "import base64,sys; sys.exit(base64.b64encode(open('a/master.key','rb').read())[:40] in open('whole','rb').read())"
cp whole kept
check_refused "a backup over a file" 1 'whole is there already' on a backup "$at/whole"
check "the file is as it was" cmp whole kept
mv a/recovery.copy copy
check_refused "a backup without a recovery key" 1 'There is no recovery key' on a backup "$at/none"
made c
cp c/recovery.copy a/recovery.copy
check_refused "a backup with the recovery key of another broker" 1 'of another master key' on a backup "$at/none"
check "neither leaves a file" test ! -e none
mv copy a/recovery.copy
check_refused "a backup to a full disk" 1 'is there already\|No space' on a backup /dev/full

# A bare machine: the file and what was on paper.
mv a a.lost
mv a.store a.store.lost
for n in 1 30 500 "$(($(stat -c %s whole) - 1))"; do
	head -c "$n" whole >short
	check_refused "a backup cut to $n bytes" 1 'is cut short' on a restore "$at/short" --recovery-key "$at/a.paper"
done
sed 's/"coco-broker-store":1/"coco-broker-store":2/' whole >changed
check_refused "a backup that somebody changed" 1 'Somebody changed the backup' on a restore "$at/changed" --recovery-key "$at/a.paper"
check_refused "the wrong recovery key" 1 'does not open the backup' on a restore "$at/whole" --recovery-key "$at/c.paper"
tr 2-7 3-8 <a.paper >mistyped
check_refused "a recovery key that is mistyped" 1 'Group [0-9]* of the recovery key is mistyped' on a restore "$at/whole" --recovery-key "$at/mistyped"
check "nothing is made of these" test ! -e a -a ! -e a.store
tr 'A-Z\n' 'a-z ' <a.paper | tr -d - >typed
check "restore needs the file and the paper alone" expect 0 on a restore "$at/whole" --recovery-key "$at/typed"
check "a restored broker has what it had" cmp <(keys_of a) <(keys_of a.lost)
check "its keys are its owner's alone" mode_is 600 a/master.key
check "it starts" expect 0 on a serve --check
check "its store says that it was restored" bash -c "grep -aq coco/restored a.store/store*"
check "another backup of it is made" expect 0 on a backup "$at/second"
check_refused "restore over a store" 1 'is not empty' on a restore "$at/whole" --recovery-key "$at/a.paper"
check "the keys stay" cmp <(keys_of a) <(keys_of a.lost)
check_refused "restore over another broker" 1 'master.key, the master key, is there already' on c restore "$at/whole" --recovery-key "$at/a.paper"

# ---- audit ----
made d
check "two secrets are in the store" bash -c "$(declare -f secret); seed=$seed; secret d kbs/disk/root one && secret d kbs/disk/home two"
check "the audit log is good" expect 0 on d audit verify
cp "$work/out" verified
head=$(grep -o '[0-9a-f]\{64\}' verified)
check "it has a line for each" grep -q '^seed: 2 lines from batch 1 on' verified
check "and a verdict" grep -qx 'Good: each line follows the one before' verified
check "as JSON too" expect 0 on d audit verify --json
check "which is as its schema says" schema broker-audit-verify "$work/out"
check "and has the same" bash -c "grep -q '\"result\": *\"good\"' '$work/out' && grep -q '\"instance\": *\"seed\", *\"lines\": *2, *\"from\": *1' '$work/out' && grep -q $head '$work/out'"
check "it goes through its head" expect 0 on d audit verify --expect "$head"
check "and not through another" expect 1 on d audit verify --expect "$(printf '2%.0s' {1..64})"
check "what is no head is said" expect 64 on d audit verify --expect 12
check "it is exported" expect 0 on d audit export "$at/export"
check "the export is good without the store" expect 0 on nothing audit verify --file "$at/export" --expect "$head"
check "to standard output too" expect 0 on d audit export
check "which is the same" cmp "$work/out" "$at/export"
check "and to a terminal" bash -c "script -qec \"'$broker' --config='$at/d/coco-broker.conf' audit export\" /dev/null | tr -d '\r' | cmp - '$at/export'"
check "a full disk is no success" bash -c "! '$broker' --config='$at/d/coco-broker.conf' audit export >/dev/full 2>'$work/err' && grep -q 'standard output' '$work/err'"
check_refused "an export over a file" 1 'export cannot be made' on d audit export "$at/export"
sed '1s/disk.home\|disk.root/disk\/other/' export >changed
check "a line that was changed is found" expect 1 on nothing audit verify --file "$at/changed"
sed 1d export >changed
check "a line that is missing is found" expect 1 on nothing audit verify --file "$at/changed"
check "in JSON" expect 1 on nothing audit verify --json --file "$at/changed"
check "with what is wrong" bash -c "grep -q '\"result\": *\"broken\"' '$work/out' && grep -q '\"problems\": *\[ *{ *\"instance\": *\"seed\"' '$work/out'"
check "that has a schema too" schema broker-audit-verify "$work/out"
head -n 1 export >changed
check "an end that was cut off is found" expect 1 on nothing audit verify --file "$at/changed" --expect "$head"
head -c 100 export >changed
check "and is the verdict" grep -qx 'BROKEN: see the errors' "$work/out"
check "nothing is empty" expect 0 on nothing audit verify --file /dev/null
check "which is said" grep -qx 'Empty: there is no line' "$work/out"
check "half a line is found" expect 1 on nothing audit verify --file "$at/changed"
check_refused "a file that is not there" 1 'cannot be read' on nothing audit verify --file "$at/no-file"
check "a checkpoint is made" expect 0 on d audit checkpoint
cp "$work/out" checkpoint
check "a third secret" secret d kbs/disk/swap three
sed 's/"checkpoint":[0-9]*/"checkpoint":2/' checkpoint >changed
check_refused "a checkpoint that was changed" 1 'Another key signed\|not one of the chain' on d audit trim "$at/changed"
check "the log is as it was" bash -c "'$broker' --config='$at/d/coco-broker.conf' audit verify | grep -q 'seed: 3 lines from batch 1 on'"
check "the log is cut to the checkpoint" expect 0 on d audit trim "$at/checkpoint"
check "it is good, and begins later" bash -c "'$broker' --config='$at/d/coco-broker.conf' audit verify | grep -q 'seed: [12] lines from batch [23] on'"
check "with another identity the checkpoint is none" expect 1 on d audit verify --certificate "$at/c/identity.pem"
check "the restored log is good" expect 0 on a audit verify

# ---- migrate ----
mkdir -m 700 new.store
check "the store is copied to another one" expect 0 on d migrate --to "sqlite:$at/new.store/store"
mkdir new && cp -p d/* new && sed -i "s|^Address=.*|Address=sqlite:$at/new.store/store|" new/coco-broker.conf
check "the audit log there is that of the old one" cmp <(on d audit verify) <(on new audit verify)
check "the old one is closed" bash -c "$(declare -f secret); seed=$seed; ! secret d kbs/disk/none x"
check "the new one is not" bash -c "$(declare -f secret); seed=$seed; secret new kbs/disk/root one"
rm -rf new.store/*
check "it is copied once more" expect 0 on d migrate --to "sqlite:$at/new.store/store"
check "what is in the old one stays" expect 0 on d backup "$at/old-backup"
check "a backup of either has the same store" cmp <(sed 1d old-backup | sed '$d') <(on new backup "$at/new-backup" && sed 1d new-backup | sed '$d')
check_refused "a store that is not empty" 1 'not empty' on d migrate --to "sqlite:$at/new.store/store"
check_refused "the same store" 1 'Another broker has' on d migrate --to "sqlite:$at/d.store/store"
check_refused "an address of no kind" 1 '.' on d migrate --to nothing:x

# ---- rekey ----
made g
check "secrets to be of another key" bash -c "$(declare -f secret); seed=$seed; secret g kbs/disk/root one && secret g kbs/disk/home two"
on g audit verify >verified
cp -a g g.before && cp -a g.store g.before.store
check_refused "no place for the recovery key" 1 'There is no terminal' on g rekey
touch there
check_refused "a recovery key over a file" 1 'there is there already' on g rekey --recovery-key "$at/there"
check "nothing is changed" cmp <(keys_of g) <(keys_of g.before)
check "the master key is replaced" expect 0 on g rekey --recovery-key "$at/g.new" --json
check "which JSON says, as its schema has it" schema broker-rekey "$work/out"
check "with what is of the new one" /usr/bin/python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert (d["records"], d["foreign"]) == (2, 0) and d["recovery_key"].endswith("/g.new"), d' "$work/out"
check "by another one" bash -c '! cmp -s g/master.key g.before/master.key'
check "nothing else is left" test "$(cd g && echo *)" = "$(cd g.before && echo *)"
check "the master key is its owner's alone" mode_is 600 g/master.key
check "the copy for the recovery key is, too" mode_is 600 g/recovery.copy
check "the identity stays" cmp g/identity.key g.before/identity.key
check "the log goes on" bash -c "'$broker' --config='$at/g/coco-broker.conf' audit export '$at/g.log' && grep -q '\"what\":\"add\"' '$at/g.log' && grep -q '\"what\":\"rekey\"' '$at/g.log'"
check "a backup is made" expect 0 on g backup "$at/g.backup"
check_refused "the old recovery key does not open it" 1 '.' on h restore "$at/g.backup" --recovery-key "$at/g.paper"
rm -rf h
mkdir -m 700 h && sed "s|$at/g|$at/h|" g/coco-broker.conf >h/coco-broker.conf
check "the new one does" expect 0 on h restore "$at/g.backup" --recovery-key "$at/g.new"
check "with the new master key" cmp g/master.key h/master.key
cp g.before/master.key old.key
check "the old key opens nothing any more" bash -c "mkdir -p i && cp -p g/* i && cp old.key i/master.key && sed -i 's|^Address=.*|Address=sqlite:$at/i.store/store|' i/coco-broker.conf && cp -a g.store i.store && '$broker' --config='$at/i/coco-broker.conf' rekey --recovery-key '$at/i.new' 2>&1 | grep -q '2 are of neither key'"

# Killed at each call that makes something last, and said again.
kills=0 calls="fsync fdatasync link rename unlink"
if ! strace -qq -o /dev/null true 2>/dev/null; then skip "killed at each step" "strace is not here or may not be used" && calls=; fi
for call in $calls; do
	for ((i = 1; i < 60; i++)); do
		rm -f g.paper
		ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS-} strace -f -qq -o /dev/null -e "trace=$call" -e "inject=$call:signal=KILL:when=$i" \
			"$broker" --config="$at/g/coco-broker.conf" rekey --recovery-key "$at/g.paper" >/dev/null 2>&1 && break
		kills=$((kills + 1))
		# Half done, no broker works with it.
		if python3 -c "import sqlite3, sys; sys.exit(not sqlite3.connect('file:g.store/store?mode=ro', uri=True).execute('SELECT 1 FROM entries WHERE key = \"coco/rekeying\"').fetchall())"; then
			echo "$call $i" >>halves
			! secret g kbs/disk/none x >/dev/null 2>&1 || echo "$call $i: it is used" >>used
			rm -f half
			! on g backup "$at/half" >/dev/null 2>&1 || echo "$call $i: a backup is made" >>used
		fi
		# It goes on, or begins anew, and both secrets are of a key that is there.
		rm -f g.paper
		on g rekey --recovery-key "$at/g.paper" 2>&1 | grep -q 'and 2 secrets and records are of it' || echo "$call $i: it does not go on" >>used
	done
done
[ -z "$calls" ] || check "killed $kills times, it was half done at times" test -s halves
check "it went on each time, and half done it was not used" bash -c '! cat used'
rm -rf h && mkdir -m 700 h && sed "s|$at/g|$at/h|" g/coco-broker.conf >h/coco-broker.conf && rm -rf h.store
check "a backup is made" expect 0 on g backup "$at/g.last"
check "the last recovery key opens it" expect 0 on h restore "$at/g.last" --recovery-key "$at/g.paper"
check "the audit log is whole" expect 0 on g audit verify

# ---- migrate, killed ----
# Killed at any moment, and said again: there is no moment at which both can be used.
made e
check "a store to be moved" bash -c "$(declare -f secret); seed=$seed; secret e kbs/disk/root one && secret e kbs/disk/home two"
mkdir -m 700 f.store try
cp -p e/* try

# usable STORE: by a copy of it.
usable() {
	rm -rf try.store
	cp -a "$1" try.store
	sed -i "s|^Address=.*|Address=sqlite:$at/try.store/store|" try/coco-broker.conf
	secret try kbs/disk/swap three >/dev/null 2>&1
}

both=0
for ((i = 0; i < 20; i++)); do
	"$broker" --config="$at/e/coco-broker.conf" migrate --to "sqlite:$at/f.store/store" >/dev/null 2>&1 &
	pid=$!
	sleep "$(printf 0.%03d "$i")"
	kill -KILL "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	if usable e.store; then
		if [ -e f.store/store ] && python3 -c "import sqlite3, sys; sys.exit(not [k for k, in sqlite3.connect('file:f.store/store?mode=ro', uri=True).execute('SELECT key FROM entries') if k.startswith('coco/secret')])" && usable f.store; then
			both=$((both + 1))
		fi
	fi
	# When it was done, the next one begins anew.
	if usable f.store && ! usable e.store; then break; fi
done
check "killed $((i + 1)) times, both could be used $both times" test "$both" = 0
if usable e.store || ! usable f.store; then check "said again, it is done" expect 0 on e migrate --to "sqlite:$at/f.store/store"; fi
check "the old store is closed" bash -c "$(declare -f secret usable); at=$at seed=$seed; ! usable e.store"
check "the new one can be used" usable f.store
finish

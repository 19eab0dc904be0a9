#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The systemd units are valid and well confined, and nothing in them makes early boot wait for itself.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

lint_match 'systemd/*.service' 'systemd/*.service.in' 'systemd/*.socket' 'systemd/*.socket.in' 'systemd/*.target' \
	'systemd/*.path' 'systemd/*.mount' 'systemd/*.timer' >"$work/units"
check "there are units" test -s "$work/units"

# The units as they will be installed, but with programs that exist.
mkdir "$work/unit" "$work/bin"
while read -r f; do
	name=${f##*/}
	sed -E "s,@[a-z]+dir@,$work/bin,g" "$f" >"$work/unit/${name%.in}"
done <"$work/units"
sed -nE 's,^Exec[A-Za-z]+=[-@:+!]*([^ ]+).*,\1,p' "$work"/unit/* | sort -u | while read -r program; do
	case $program in "$work/bin/"*) ln -sf /bin/true "$program" ;; esac
done

# setting UNIT NAME: print the last value of the setting, or "" if there is none.
setting() {
	sed -n "s/^$2=//p" "$1" | tail -n 1
}

# exposure UNIT: print the highest exposure level that systemd-analyze may find, times ten.
exposure() {
	case ${1##*/} in
	cocod-worker-*@.service) echo 3 ;;
	# cocod-rest has a /tmp of its own, which systemd-analyze does not see.
	cocod-rest@.service) echo 4 ;;
	# cocod-net has the network.
	cocod-net@.service) echo 14 ;;
	# cocod may reach one address, Azure's metadata service.
	cocod.service) echo 25 ;;
	# It loads modules, as modprobe@.service of systemd does, and ends.
	cocod-modules.service) echo 96 ;;
	*) echo 20 ;;
	esac
}

# Both wait for systemd-tmpfiles-setup.service, which waits for local-fs.target, which waits for the encrypted file
# systems.
waits() {
	grep -nE '^(PrivateTmp|DynamicUser)=(yes|true|on|1)$' "$1"
}

# systemd-analyze verify succeeds even if it has warned.
valid() {
	none "$(SYSTEMD_UNIT_PATH="$work/unit:" systemd-analyze verify --man=no "$1" 2>&1 || echo "systemd-analyze verify has failed")"
}

tight() {
	systemd-analyze security --no-pager --offline=true --threshold="$(exposure "$1")" "$1"
}

# The two workers differ only in their user, in how long they may run, and in the system calls that they may make.
worker_lines() {
	sed -n '/^\[Service\]/,$p' "$work/unit/cocod-worker-$1@.service" | grep '^[A-Z]' |
		grep -vE '^(ExecStart|User|Group|RuntimeMaxSec|RestrictAddressFamilies|SystemCallFilter)='
}
check "the sandboxes of both workers are alike" none "$(diff <(worker_lines luks) <(worker_lines evidence))"
for kind in luks evidence; do
	unit=$work/unit/cocod-worker-$kind@.service
	check "the worker for $kind sees nothing below /run" grep -qE '^TemporaryFileSystem=(.* )?/run:ro( |$)' "$unit"
	check "the worker for $kind has a user of its own" grep -qx "User=cocod-worker-$kind" "$unit"
	check "the worker for $kind never gets the listening socket" grep -qx 'Accept=yes' "$work/unit/cocod-worker-$kind.socket"
	check "the worker for $kind accepts no connection" none "$(grep -E '^SystemCallFilter=.*\b(accept4?|listen|bind)\b' "$unit")"
done
check "the worker for luks makes no connection" none "$(grep -E '^SystemCallFilter=.*\b(connect|socket|socketpair)\b' "$work/unit/cocod-worker-luks@.service")"

unit=$work/unit/cocod-net@.service
check "cocod-net sees nothing below /run but what the resolver has" none "$(
	grep -qE '^TemporaryFileSystem=(.* )?/run:ro( |$)' "$unit" || echo "/run is visible"
	sed -n 's/^Bind[A-Za-z]*=//p' "$unit" | tr ' ' '\n' | grep -vxE -e '-/run/systemd/resolve|-/run/[A-Za-z]+/(no-stub-)?resolv\.conf'
)"
check "cocod-net has a user of its own" grep -qx "User=cocod-net" "$unit"
check "cocod-net never gets the listening socket" grep -qx 'Accept=yes' "$work/unit/cocod-net.socket"
check "cocod-net waits for no network" none "$(grep -E 'After=.*(network|nss-lookup)' "$work"/unit/cocod-net*)"

unit=$work/unit/cocod-rest@.service
check "cocod-rest sees nothing below /run but its socket to cocod" none "$(
	grep -qE '^TemporaryFileSystem=(.* )?/run:ro( |$)' "$unit" || echo "/run is visible"
	sed -n 's/^Bind[A-Za-z]*=//p' "$unit" | tr ' ' '\n' | grep -vxF -e '-/run/cocod/rest.sock'
)"
check "cocod-rest has a user of its own" grep -qx "User=cocod-rest" "$unit"
check "cocod-rest never gets the listening socket" grep -qx 'Accept=yes' "$work/unit/cocod-rest.socket"
check "cocod-rest accepts no connection" none "$(grep -E '^SystemCallFilter=.*\b(accept4?|listen|bind|socketpair)\b' "$unit")"
check "cocod-rest has no network" grep -qx 'PrivateNetwork=yes' "$unit"
check "cocod-rest is off by default" none "$(grep -lE '(Wants|Requires|Also|Upholds)=.*cocod-rest' "$work"/unit/* | grep -v 'cocod-rest\.socket')"
check "only cocod-rest asks cocod for others" none "$(grep -c -e '^SocketUser=cocod-rest$' -e '^SocketMode=0600$' "$work/unit/cocod-rest-keeper.socket" | grep -vx 2)"

for unit in "$work"/unit/*; do
	name=${unit##*/}
	check "$name has no variable left" none "$(grep -nE '@[A-Za-z_]+@' "$unit")"
	if [ "$(setting "$unit" DefaultDependencies)" = no ]; then
		check "$name does not wait for local-fs.target" none "$(waits "$unit")"
		check "$name goes before shutdown" grep -qE '^Conflicts=.*shutdown\.target' "$unit"
	fi
	if ! command -v systemd-analyze >/dev/null; then
		skip "$name is valid and tight" "systemd-analyze is not installed"
		continue
	fi
	check "$name is valid" valid "$unit"
	case $name in
	*.service) check "$name has an exposure of at most $(exposure "$unit") tenths" tight "$unit" ;;
	esac
done

# ---- AppArmor ----

lint_match 'apparmor/*.in' >"$work/profiles"
mkdir "$work/apparmor"
while read -r f; do
	name=${f##*/}
	name=${name%.in}
	sed -E 's,@[a-z]+dir@,/usr/lib/x,g' "$f" >"$work/apparmor/$name"
	check "the profile $name has the name of its file, paths of others' namespaces, and no attachment" grep -qxF "profile $name flags=(attach_disconnected) {" "$f"
	check "the profile $name is a unit's" grep -qxF "AppArmorProfile=-$name" "$work"/unit/*
	check "the profile $name can be added to" grep -qxF "  include if exists <local/$name>" "$f"
	if command -v apparmor_parser >/dev/null || [ -x /sbin/apparmor_parser ]; then
		# With a status of 0 it warns of what it leaves out.
		check "the profile $name is valid" none "$(PATH=$PATH:/usr/sbin:/sbin apparmor_parser -QKS "$work/apparmor/$name" 2>&1 >/dev/null |
			grep -v '^Cache read/write disabled' || [ "${PIPESTATUS[0]}" = 0 ] || echo "apparmor_parser has failed")"
	else
		skip "the profile $name is valid" "apparmor_parser is not installed"
	fi
done <"$work/profiles"
for program in cocod cocod-worker cocod-net cococtl; do
	check "each unit of $program names its profile" none "$(grep -lE "^ExecStart=[^ ]*/$program( |$)" "$work"/unit/*.service | while read -r unit; do
		grep -qxF "AppArmorProfile=-$program" "$unit" || echo "$unit"
	done)"
done

finish

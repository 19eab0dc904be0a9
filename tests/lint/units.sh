#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The systemd units: valid, tight, and free of what would make early boot wait for itself.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

lint_match 'systemd/*.service' 'systemd/*.service.in' 'systemd/*.socket' 'systemd/*.socket.in' 'systemd/*.target' \
	'systemd/*.path' 'systemd/*.mount' 'systemd/*.timer' >"$lint_tmp/units"
if [ ! -s "$lint_tmp/units" ]; then
	tap_fail "there are units"
	tap_done
fi

# As they will be installed, but with programs that exist.
mkdir "$lint_tmp/unit" "$lint_tmp/bin"
while read -r f; do
	name=${f##*/}
	sed -E "s,@[a-z]+dir@,$lint_tmp/bin,g" "$f" >"$lint_tmp/unit/${name%.in}"
done <"$lint_tmp/units"
sed -nE 's,^Exec[A-Za-z]+=[-@:+!]*([^ ]+).*,\1,p' "$lint_tmp"/unit/* | sort -u | while read -r program; do
	case $program in "$lint_tmp/bin/"*) ln -sf /bin/true "$program" ;; esac
done

# setting UNIT NAME: its last value, "" when there is none.
setting()
{
	sed -n "s/^$2=//p" "$1" | tail -n 1
}

# exposure UNIT: ten times the exposure level that systemd-analyze may find at most.
exposure()
{
	case ${1##*/} in
	cocod-worker.service) echo 3 ;;
	*) echo 20 ;;
	esac
}

for unit in "$lint_tmp"/unit/*; do
	name=${unit##*/}
	tap_none "$name has no variable left" "$(grep -nE '@[A-Za-z_]+@' "$unit" || :)"

	# Both wait for systemd-tmpfiles-setup.service, that for local-fs.target, and that for the encrypted file systems.
	if [ "$(setting "$unit" DefaultDependencies)" = no ]; then
		tap_none "$name does not wait for local-fs.target" "$(grep -nE '^(PrivateTmp|DynamicUser)=(yes|true|on|1)$' "$unit" || :)"
		tap_none "$name goes before shutdown" "$(grep -qE '^Conflicts=.*shutdown\.target' "$unit" || echo 'lacks Conflicts=shutdown.target')"
	fi
	if ! command -v systemd-analyze >/dev/null; then
		tap_skip "$name is valid" "systemd-analyze is not installed"
		continue
	fi
	if out=$(SYSTEMD_UNIT_PATH="$lint_tmp/unit:" systemd-analyze verify --man=no "$unit" 2>&1) && [ -z "$out" ]; then
		tap_ok "$name is valid"
	else
		tap_fail "$name is valid" "$out"
	fi
	case $name in *.service) ;; *) continue ;; esac
	max=$(exposure "$name")
	if out=$(systemd-analyze security --no-pager --offline=true --threshold="$max" "$unit" 2>&1); then
		tap_ok "$name has an exposure of at most $max tenths"
	else
		tap_fail "$name has an exposure of at most $max tenths" "$out"
	fi
done

tap_done

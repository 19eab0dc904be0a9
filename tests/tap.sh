# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# TAP for shell tests: source it, report with the functions, end with tap_done.
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$(pwd)}"
tap_n=0
tap_bad=0

# tap_ok NAME: it holds.
tap_ok()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1"
}

# tap_fail NAME [TEXT]: it does not hold; TEXT says more, one or many lines.
tap_fail()
{
	tap_n=$((tap_n + 1))
	tap_bad=$((tap_bad + 1))
	echo "not ok $tap_n - $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

# tap_none NAME TEXT: it holds when TEXT, a list of what is wrong, is empty.
tap_none()
{
	if [ -z "$2" ]; then tap_ok "$1"; else tap_fail "$1" "$2"; fi
}

# tap_skip NAME WHY: it could not be looked at here.
tap_skip()
{
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# tap_skip_all WHY: nothing of this file can be looked at here.
tap_skip_all()
{
	echo "1..0 # SKIP $1"
	exit 0
}

tap_done()
{
	if [ "$tap_n" -eq 0 ]; then
		tap_fail "something was looked at"
	fi
	echo "1..$tap_n"
	[ "$tap_bad" -eq 0 ]
	exit
}

#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Scripts: what shellcheck and Python's own parser say of them, and which interpreter they ask for.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

{
	lint_scripts /sh
	lint_scripts bash
	lint_match '*.sh'
} | sort -u >"$lint_tmp/shell"
{
	lint_scripts python
	lint_match '*.py'
} | sort -u >"$lint_tmp/python"

if command -v shellcheck >/dev/null; then
	while read -r f; do
		# -x: it follows what they source.
		if out=$(shellcheck -x "$f" 2>&1); then tap_ok "shellcheck $f"; else tap_fail "shellcheck $f" "$out"; fi
	done <"$lint_tmp/shell"
else
	tap_skip "shellcheck" "it is not installed"
fi

if command -v /usr/bin/python3 >/dev/null; then
	while read -r f; do
		if out=$(/usr/bin/python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$f" 2>&1); then
			tap_ok "python3 parses $f"
		else
			tap_fail "python3 parses $f" "$out"
		fi
	done <"$lint_tmp/python"
else
	tap_skip "python3 parses the scripts" "/usr/bin/python3 is not installed"
fi

# Another python3 in PATH may lack what Debian's has.
tap_none "Python scripts ask for /usr/bin/python3" "$(lint_scripts python | while read -r f; do
	head -n 1 "$f" | grep -qE '^#!/usr/bin/python3( -[A-Za-z]+)?$' || echo "$f"
done)"
tap_none "scripts with a first line can be run" "$(lint_scripts '' | while read -r f; do [ -x "$f" ] || echo "$f"; done)"

tap_done

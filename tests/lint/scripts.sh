#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Scripts: what shellcheck and Python's own parser say of them, and which interpreter they ask for.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

{
	lint_scripts /sh
	lint_scripts bash
	lint_match '*.sh'
} | sort -u >"$work/shell"
{
	lint_scripts python
	lint_match '*.py'
} | sort -u >"$work/python"

if command -v shellcheck >/dev/null; then
	while read -r f; do
		# -x: follow sourced files.  SC2317: functions are called through check.
		check "shellcheck $f" shellcheck -x -e SC2317 "$f"
	done <"$work/shell"
else
	skip "shellcheck" "it is not installed"
fi

if [ -x /usr/bin/python3 ]; then
	while read -r f; do
		check "python3 parses $f" /usr/bin/python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$f"
	done <"$work/python"
else
	skip "python3 parses the scripts" "/usr/bin/python3 is not installed"
fi

# Another python3 in PATH may lack the modules that Debian's has.
check "Python scripts ask for /usr/bin/python3" none "$(lint_scripts python | while read -r f; do
	head -n 1 "$f" | grep -qE '^#!/usr/bin/python3( -[A-Za-z]+)?$' || echo "$f"
done)"
check "scripts with a first line can be run" none "$(lint_scripts '' | while read -r f; do [ -x "$f" ] || echo "$f"; done)"

finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual: well-formed mdoc, installed, one page for each program.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

lint_match 'man/*.[1-9]' >"$work/pages"
lint_match '*module.am' Makefile.am | xargs cat >"$work/am"

check "there are pages" test -s "$work/pages"

while read -r f; do
	check "$f is installed" grep -qwF "$f" "$work/am"
	if command -v mandoc >/dev/null; then
		check "$f passes mandoc" mandoc -Tlint -Wwarning "$f"
	else
		skip "$f passes mandoc" "mandoc is not installed"
	fi
done <"$work/pages"

# Programs that are installed, for people or for units.
sed -nE 's/^(bin|sbin|pkglibexec|cryptsetuptoken)_PROGRAMS[[:blank:]]*\+?=[[:blank:]]*//p' "$work/am" | tr ' ' '\n' | sed '/^$/d; s,.*/,,' >"$work/programs"
check "there are programs" test -s "$work/programs"
while read -r program; do
	program=${program%.so}
	check "$program has a page" grep -q "^man/$program\\.[1-9]\$" "$work/pages"
done <"$work/programs"

finish

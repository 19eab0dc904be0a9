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

# What --json prints: each document has a schema, is in the manual, and is validated by a test.
lint_match 'cli/*.c' 'inject/*.c' 'doctor/*.c' 'broker/*.c' >"$work/sources"
xargs sed -nE 's/.*json_document\("([a-z-]+)"\).*/\1/p; s/.*admin_print_(json|document)\(.*"([a-z-]+)".*/broker-\2/p' <"$work/sources" | sort -u >"$work/documents"
lint_match 'schema/*.json' | sed 's,schema/coco-,,; s,\.json$,,' | sort >"$work/schemas"
check "each document of --json has a schema, and there are no others" diff "$work/documents" "$work/schemas"
while read -r name; do
	check "coco-$name is installed" grep -qwF "schema/coco-$name.json" "$work/am"
	check "coco-$name is in coco-json(5)" grep -qx ".It Li coco-$name" man/coco-json.5
	check "coco-$name is validated by a test" grep -rqE "(document|problems)\(\"$name\"|schema(_of)? $name " tests/run
done <"$work/schemas"

finish

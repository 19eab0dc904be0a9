#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The manual: well-formed mdoc, and installed.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

lint_match 'man/*.[1-9]' >"$lint_tmp/pages"
lint_match '*module.am' Makefile.am | xargs cat >"$lint_tmp/am"

while read -r f; do
	if grep -qF "$f" "$lint_tmp/am"; then tap_ok "$f is installed"; else tap_fail "$f is installed" "no module.am has it"; fi
	if ! command -v mandoc >/dev/null; then
		tap_skip "$f passes mandoc" "mandoc is not installed"
	elif out=$(mandoc -Tlint -Wwarning "$f" 2>&1); then
		tap_ok "$f passes mandoc"
	else
		tap_fail "$f passes mandoc" "$out"
	fi
done <"$lint_tmp/pages"

tap_done

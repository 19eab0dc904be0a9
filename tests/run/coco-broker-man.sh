#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every verb and option in coco-broker --help is in coco-broker(8), and every option of the settings in
# coco-broker.conf(5).  The words come from the program and its source, so new ones are tested without a change here.
# shellcheck disable=SC2086,SC2317 # lists of words without blanks; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
broker=$top_builddir/coco-broker
page=$top_srcdir/man/coco-broker.8
settings=$top_srcdir/man/coco-broker.conf.5

options_of() { "$broker" "$@" --help | sed -n '/^Options:/,/^$/ s/^ *\(-[a-z], \)\{0,1\}--\([a-z][a-z-]*\).*/\2/p' | grep -vx help; }
has() { grep -qE -e "$1" "$2"; }

"$broker" --help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z-]\{1,\}\( [a-z]\{1,\}\)\{0,1\}\)  .*/\1/p' >"$work/verbs"
check "there are verbs" test "$(wc -l <"$work/verbs")" -ge 20
while read -r verb; do
	check "$verb is in the page" has "^\\.(It Cm|Ss) $verb( |\$)" "$page"
	for option in $(options_of $verb); do
		check "--$option of $verb is in the page" has "Fl -$option( |\$)" "$page"
	done
done <"$work/verbs"
sed -n 's/^	{ "[A-Z][a-z]*", "\([A-Za-z]*\)", SETTING_.*/\1/p' "$top_srcdir/broker/serve/settings.c" >"$work/settings"
check "there are settings" test "$(wc -l <"$work/settings")" -ge 20
while read -r option; do
	check "$option= is in the page" has "[ ]$option=( |\$)" "$settings"
done <"$work/settings"
finish

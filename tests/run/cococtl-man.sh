#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Every verb, option, type of evidence and policy option in cococtl --help is in cococtl(1), and cococtl understands
# what its completion offers.  The words come from --help, so new ones are tested without a change here.
# shellcheck disable=SC2013,SC2046,SC2086,SC2317 # lists of words without blanks; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99
PATH=$top_builddir:$PATH
page=$top_srcdir/man/cococtl.1

# offered WORD...: print what the completion offers for the last word, one on each line.
offered() {
	cococtl --complete-words "${@:2}" | cut -f1
}
offers() {
	local want=$1 got

	shift
	got=$(offered cococtl "$@")
	grep -qxF -e "$want" <<<"$got" || { echo "offered: $got"; return 1; }
}
documented() { grep -qE -e "$1" "$page"; }
# The options of a verb, a group or the program, but for --help, which is the program's.
options_of() {
	cococtl "$@" --help | sed -n '/^Options:/,/^$/ s/^ *\(-[a-z], \)\{0,1\}\(--[a-z][a-z-]*\).*/\2/p' | grep -vx -e --help
}
# The superfluous words keep the verb from doing anything.
understood() {
	cococtl --socket="$work/nothing" "$@" superfluous superfluous >out 2>err </dev/null
	! grep -e "'-.*' is not an option" -e 'is not a verb' -e ambiguous err
}

# verb VERB... -- OPTION...: test one verb, and its options from --help.
verb() {
	local words=() word

	while [ "$1" != -- ]; do
		words+=("$1")
		shift
	done
	shift
	check "${words[*]} is in the page" documented "^\\.(It )?Ic ${words[*]}\$"
	check "${words[*]} is offered" offers "${words[-1]}" "${words[@]:0:${#words[@]}-1}" ""
	for word; do
		check "$word of ${words[*]} is in the page" documented "Fl -${word#--}( |\$)"
		check "$word of ${words[*]} is offered" offers "$word" "${words[@]}" --
	done
	for word in $(offered cococtl "${words[@]}" --); do
		check "$word of ${words[*]}, which is offered, is one" understood "${words[@]}" "$word"
	done
}

check "what is not an option is noticed" bash -c "! cococtl status --superfluous 2>&1 | grep -v \"'--superfluous' is not an option\""
cococtl --help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z-]\{1,\}\( [a-z]\{1,\}\)\{0,1\}\)  .*/\1/p' >verbs
check "there are 25 verbs" test "$(wc -l <verbs)" = 25
while read -r words; do
	check "${words%% *} is offered" offers "${words%% *}" ""
	verb $words -- $(options_of $words)
done <verbs
for group in attest broker luks secrets; do
	check "the help of $group has its verbs" cmp <(grep "^$group " verbs) \
		<(cococtl "$group" --help | sed -n '/^Verbs:/,/^$/ s/^  \([a-z]\{1,\} [a-z]\{1,\}\)  .*/\1/p')
done
for option in --help $(options_of); do
	check "$option is in the page" documented "Fl (h , )?-${option#--}( |\$)|, -${option#--}\$"
	check "$option is offered" offers "$option" --
done

cococtl attest verify --help >help
for type in $(awk '/^Types/ { t = 1; next } /^$/ { t = 0 } t && /^  [a-z]/ { print $1 }' help); do
	check "type $type is in the page" documented "Fl -type Ns = Ns Cm $type\$"
	check "type $type is offered" offers "$type" attest verify --type ""
	check "type $type is offered after =" offers "--type=$type" attest verify "--type=${type:0:1}"
done
# The page has only the first and the last of the PCRs.
for option in $(awk '/^Policy/ { p = 1; next } /^$/ { p = 0 } p && /^  [a-z]/ { print $1 }' help); do
	check "policy option $option is offered" offers "$option=" attest verify --set "${option:0:1}"
	case $option in
	pcrN) check "policy option pcrN is in the page" documented 'Cm pcr0 No to Cm pcr23' ;;
	nonce) check "policy option nonce is in the page" documented 'Fl -nonce' ;;
	*) check "policy option $option is in the page" documented "^\\.(It )?Cm ([a-z0-9_]+ , )*$option( |\$)|No to Cm pcr23 , $option" ;;
	esac
done
check "behind an option with a value the verb is found" offers get --socket=/run/x secrets g
check "nothing is offered for a nonce" test -z "$(offered cococtl attest verify --nonce 0)"
finish

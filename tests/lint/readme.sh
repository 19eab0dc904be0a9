#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What README.md says to install is enough to build.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# The modules that configure cannot do without, and those behind an option that the README does not turn off.
sed -nE 's/.*PKG_CHECK_MODULES\(\[(CMOCKA|LIBVIRT)\].*//; s/.*PKG_CHECK_MODULES\(\[[A-Z0-9_]+\], \[([^]]*)\].*/\1/p' configure.ac |
	sed -E 's/>= *[0-9.]+//g' | tr -s ' ' '\n' | sed '/^$/d' >"$work/modules"
sed -n '/^# apt install autoconf/,/[^\\]$/p' README.md | tr -s ' \\#' '\n' >"$work/packages"
check "configure demands libraries" test "$(wc -l <"$work/modules")" -ge 8
check "the README says what to install" grep -qx gcc "$work/packages"
while read -r module; do
	file=$(pkg-config --variable=pcfiledir "$module" 2>/dev/null)
	package=$([ -z "$file" ] || dpkg -S "$file/$module.pc" 2>/dev/null | sed 's/[:,].*//')
	if [ -z "$package" ]; then
		skip "the README has the package of $module" "no package of this machine has it"
	else
		check "the README has $package, for $module" grep -qx "$package" "$work/packages"
	fi
done <"$work/modules"

# apt knows what is lacking for the packages, and the names that are to be installed without them.
# A package that is installed it knows without the lists of the mirrors, too.
if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null)" ] && apt-cache show debhelper >/dev/null 2>&1; then
	check "apt build-dep finds all that the packages are built with" apt-get -qq --simulate build-dep ./
	# shellcheck disable=SC2046 # a list of words
	check "apt finds all that the programs are built with" apt-get -qq --simulate install $(grep -v '^\(apt\|install\)$' "$work/packages" | tr '\n' ' ') dkms linux-headers-amd64
else
	skip "apt finds what is to be installed" "this machine has no lists of packages"
fi

# Each way to use a secret has an example, which tests/vm/system-test takes from the README and runs.
sed -n '/^## Use a secret$/,/^## /p' README.md | sed '/^## Secrets/d' >"$work/use"
for consumer in volume service script container; do
	sed -n "/^### In a $consumer\$/,/^### /p" "$work/use" >"$work/part"
	check "the README shows a $consumer that uses a secret" grep -q '^```$' "$work/part"
done
check "the examples of using a secret are as many as tests/vm/system-test runs" \
	test "$(grep -c '^```$' "$work/use")" = "$((2 * $(sed -nE 's/.*len\(blocks\) == ([0-9]+), "README: the examples of using.*/\1/p' tests/vm/system-test)))"
check "tests/vm/system-test takes them from the README" test "$(grep -c 'readme.blocks("Use a secret")' tests/vm/system-test)" -ge 3

# The first hour: what a person types on two bare machines until a guest's disk opens by a broker.  Beside the blocks of the section these are
# the two packages and the boot.
sed -n '/^## Run a broker$/,/^## Inject/p' README.md >"$work/broker"
typed=$(($(grep -cE '^[#$] ' "$work/broker") + 3))
check "the README counts the commands after which a guest's disk opens by a broker" grep -q "that is $([ "$typed" = 12 ] && echo twelve) commands" "$work/broker"
check "one of them makes the volume" grep -q 'cococtl luks format /dev/vdb' "$work/broker"
finish

# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# Finds the project's files, in a clone and in an unpacked tarball, built in or not.  To be sourced.
#
#	none TEXT		for check: succeeds if TEXT, a list of what is wrong, is empty
#	lint_match PATTERN...	prints the files that match a shell pattern, one on each line
#	lint_scripts PROGRAM	prints the scripts whose first line names PROGRAM
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/../run/tap.sh"
cd "$top_srcdir" || exit 99

none() {
	[ -z "$1" ] && return
	printf '%s\n' "$1"
	return 1
}

# In a tarball, leave out what autotools and make add.  In a clone, git does that.
lint_find() {
	find . \( -name .git -o -name _build -o -name _inst -o -name build-aux -o -name m4 -o -name autom4te.cache \
		-o -name .deps -o -name __pycache__ -o -path ./logs -o -path './build*' \) -prune -o -type f \
		! -path ./configure ! -path ./configure~ ! -path ./aclocal.m4 ! -name Makefile.in ! -path ./Makefile \
		! -path './config.*' ! -path ./stamp-h1 ! -path ./libtool ! -name '*.o' ! -name '*.a' ! -name '*.ko' \
		! -name '*.log' ! -name '*.trs' -print | sed 's,^\./,,'
}

# Prints all files that somebody wrote, one on each line.  Their names have no blanks; a test checks that.
lint_files() {
	if [ ! -e .git ] || ! git ls-files -co --exclude-standard 2>/dev/null; then
		lint_find
	fi | sort -u | while read -r f; do
		if [ -f "$f" ]; then echo "$f"; fi
	done
}
lint_files >"$work/files"
check "the project's files are found" grep -qx configure.ac "$work/files"

lint_match() {
	while read -r f; do
		for p; do
			# shellcheck disable=SC2254
			case $f in $p) echo "$f"; break ;; esac
		done
	done <"$work/files"
}

# Every script with its first line.
grep -v '^tests/fuzz/corpus/' "$work/files" | xargs grep -aHnm1 '^#!' | sed -n 's/:1:#!/\t#!/p' >"$work/scripts"

lint_scripts() {
	while IFS=$'\t' read -r f first; do
		case $first in "#!"*"$1"*) echo "$f" ;; esac
	done <"$work/scripts"
}

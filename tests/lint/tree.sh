#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# No stray file: what is at the top of the tree is known, and the tar file of make dist has what somebody wrote.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# What HACKING.md need not explain: for git, editors and clang-format, and what every project has.
known='.ci .clang-format .editorconfig .github .gitignore COPYING.GPL COPYING.LGPL HACKING.md Makefile.am README.md configure.ac demo'
# Of no use without git or the project's place on GitHub.
not_in_tar='.clang-format .editorconfig .github .gitignore tests/mutants'

# The map in HACKING.md has folders as `| base/ |`, or a list of them; its text has names of files.
unknown() {
	cut -d / -f 1 "$work/files" | sort -u | while read -r name; do
		case " $known " in *" $name "*) continue ;; esac
		if [ -d "$name" ]; then
			grep -qE "^\| ([a-z0-9/]+/, )*$name/[a-z0-9/, -]* \|" HACKING.md && continue
		else
			grep -qE "(^|[^[:alnum:]_/.-])(\./)?${name//./\\.}([^[:alnum:]_/-]|$)" HACKING.md && continue
		fi
		echo "$name: HACKING.md has nothing of it"
	done
}
check "HACKING.md, or this test, knows each file and folder at the top of the tree" none "$(unknown)"
known=
check "... control: it would notice others" test "$(unknown | wc -l)" -ge 6

# dist: what make dist takes, one on each line, a folder for all that is in it.  `check` is the name of a target: a hook takes it.
# shellcheck disable=SC2016 # for make to expand
dist() {
	printf '%s\n' 'include Makefile' 'print-dist:' '	@printf "%s\n" $(patsubst $(srcdir)/%,%,$(DISTFILES))' | make -s -C "$top_builddir" -f - print-dist | sort -u
	sed -n 's,^	cp -p $(srcdir)/\(.*\) $(distdir)/\1$,\1,p' tests/module.am
}
left_out() {
	# shellcheck disable=SC2086 # a list
	printf '%s\n' $not_in_tar | awk -v why=': make dist leaves it out' '
		FILENAME != ARGV[3] { taken[$0]; next }
		{
			for (path = $0; !(path in taken) && sub("/[^/]*$", "", path);)
				;
			if (!(path in taken)) print $0 why
		}' - "$work/dist" "$work/files"
}
if [ -e "$top_builddir/Makefile" ]; then
	dist >"$work/dist"
	check "the tar file of make dist has all files" none "$(left_out)"
	not_in_tar=
	if [ -e .github ]; then
		check "... control: it would notice others" test "$(left_out | wc -l)" -ge 6
	else
		skip "... control: it would notice others" "this is such a tar file"
	fi
else
	skip "the tar file of make dist has all files" "nothing is configured"
fi
finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# What every source file must have, and what no source file may have.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

check "file names have no blanks" none "$(grep '[[:space:]]' "$work/files")"

# ---- licence ----

{
	lint_match '*.c' '*.h' '*.S' '*.am' '*.ac' '*.sh' '*.py' '*.in' '*.service' '*.socket' '*.target' '*.path' '*.timer' \
		'*.conf' '*.[1-9]' '*.bash' '*/Kbuild' 'driver/Makefile' '*.yml' '*.yaml' '*.lds' '*.map'
	lint_scripts ''
} | sort -u >"$work/sources"
check "there are sources" test -s "$work/sources"

either='GPL-2\.0-only OR LGPL-2\.1-or-later'
check_licences() {
	while read -r f; do
		case $f in
		driver/* | tests/vm/efi-secret/* | tests/vm/encryption-bit/* | tests/vm/other-driver/* | tests/vm/tsm-provider/* | tests/vm/verdicts/Kbuild | tests/vm/verdicts/module.c) licence="(GPL-2\\.0-only|$either)" ;;
		*) licence="(LGPL-2\\.1-or-later|$either)" ;;
		esac
		# A process for each file would take longer than all else here.
		top=()
		mapfile -tn 5 top <"$f"
		for line in "${top[@]}"; do
			[[ ! $line =~ SPDX-License-Identifier:\ $licence(\ \*/)?$ ]] || continue 2
		done
		echo "$f"
	done <"$work/sources"
}
check "every source file names its licence in an SPDX line" none "$(check_licences)"

# ---- JSON ----

# json-c takes NULL for null, and writes a text with holes when memory is short: base/json.h sees to both.
check "JSON is built and written by base/json.h" none \
	"$(lint_match '*.c' '*.h' | grep -Ev '^(base/json\.h|tests/)' | xargs grep -nE '\bjson_object_(object_add|array_add|array_put_idx|to_json_string)(_ext|_length|_ex)?\(')"

# ---- headers ----

# The include guard of wire/foo-bar.h is COCO_WIRE_FOO_BAR_H.
check_guards() {
	# shellcheck disable=SC2016 # for awk to expand
	lint_match '*.h' | xargs awk '
	function ends() { if (n[file] != 2) print file ": expected #ifndef and #define " guard }
	FNR == 1 {
		if (file) ends()
		file = FILENAME
		guard = "COCO_" toupper(file)
		gsub(/[\/.-]/, "_", guard)
	}
	$0 == "#ifndef " guard || $0 == "#define " guard { n[file]++ }
	END { ends() }'
}
check "every header has its include guard" none "$(check_guards)"

# ---- width ----

# At most 100 columns; a tab takes 8.  In driver/ a message of the log stays on one line, as in the kernel's style.
check_width() {
	# shellcheck disable=SC2016 # for awk to expand
	lint_match '*.c' '*.h' | xargs awk '
	length($0) + 7 * gsub(/\t/, "\t") > 100 {
		n = split($0, parts, "\t")
		columns = 0
		for (i = 1; i <= n; i++) {
			columns += length(parts[i])
			if (i < n)
				columns += 8 - columns % 8
		}
		if (columns > 100 && !(FILENAME ~ /^driver\// && /^\t+pr_[a-z]+\("/))
			print FILENAME ":" FNR ": " columns " columns"
	}'
}
check "no line of C is over 100 columns" none "$(check_width)"

# ---- what a terminal gets to see ----

# Foreign text goes through print() and the log, which make it printable.  Our own sentences need not.
check_output() {
	lint_match '*.c' '*.h' | grep -E '^(base|wire|net|ipc|secrets|attest|agent|cli|inject|broker|doctor|cryptsetup)/' |
		grep -vx -e base/log.c -e base/progress.c -e base/text.c |
		xargs grep -nE '(^|[^a-z_(])(v?printf|v?dprintf|puts|putchar|perror|psignal)\(|[^a-z_](stdout|stderr)[^a-z_]|STD(OUT|ERR)_FILENO' |
		grep -vE ':[[:space:]]*(/?\* |puts\("|if \(isatty)|fflush\(stdout\)|write_full\(STDOUT_FILENO, (secret_data|"\\n")|copy\(from, STDOUT_FILENO\)|dup2\((&actions, )?[a-z]+, STD|(close|readers_[a-z_]+)\(STDOUT_FILENO'
	lint_match '*.c' | grep -vx base/options.c | xargs grep -nE 'getopt(_long)?\('
}
check "text goes to a terminal through print() and the log alone" none "$(check_output)"

# ---- nothing of one machine ----

# These patterns are written so that they do not match themselves.  Example names and documentation addresses are fine.
cat >"$work/patterns" <<'P'
(^|[^A-Za-z0-9._-])/wor[k]/
/tmp/w[t]/
/hom[e]/[a-z]
(^|[^A-Za-z0-9._-])/roo[t]/[A-Za-z.]
[a-z0-9]\.(interna[l]|intrane[t]|cor[p])([^A-Za-z0-9_-]|$)
https?://[^/ ]*(artifactor[y]|nexu[s]|registr[y]|mirro[r])
P
grep -v -e '^COPYING' -e '^tests/fuzz/corpus/' "$work/files" >"$work/texts"
check "no file has a path or host name of one machine" \
	none "$(xargs grep -InE -f "$work/patterns" <"$work/texts")"

# Also no path where this tree is built, and no host that this machine gets packages from, unless it is Debian's.
{
	for path in "$top_srcdir" "$top_builddir"; do
		case $path in /*/*) echo "$path" ;; esac
	done
	cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		sed -nE 's,^[^#]*https?://([^/ ]+).*,\1,p' | grep -vE '(^|\.)debian\.org$' || :
} | sort -u >"$work/here"
if [ -s "$work/here" ]; then
	check "no file has a path or a package host of this machine" \
		none "$(xargs grep -InF -f "$work/here" <"$work/texts")"
else
	skip "no file has a path or a package host of this machine" "this one has none of its own"
fi

check "no file has an unresolved conflict" none "$(xargs grep -InE '^(<<<<<<<|>>>>>>>) ' <"$work/texts")"
check "no source file has blanks at the end of a line" none "$(xargs grep -nE '[[:blank:]]+$' <"$work/sources" | head -n 20)"

# ---- what others have published ----

check_published() {
	sed -nE 's/^([0-9a-f]{64})  (.*)/\1 \2/p' attest/snp/amd-ca/README | while read -r sum file; do
		[ "$(openssl x509 -in "attest/snp/amd-ca/$file" -outform DER | sha256sum)" = "$sum  -" ] || echo "$file is not that of the README"
	done
	[ "$(grep -cE '^[0-9a-f]{64}  ' attest/snp/amd-ca/README)" = "$(lint_match 'attest/snp/amd-ca/*.pem' | wc -l)" ] || echo "the README does not list all files"
}
check "AMD's certificates are those that their README lists" none "$(check_published)"

# The module's own is what dkms compares.
version=$(sed -n 's/^AC_INIT(\[coco-agent\], \[\(.*\)\])$/\1/p' configure.ac)
versions() {
	sed -n 's/^MODULE_VERSION("\(.*\)");$/\1/p' driver/main.c
	sed -nE '1s/^coco-agent \(([^)]*)-[^-)]+\) .*/\1/p' debian/changelog
	sed -n 's/^Version: *//p' contrib/rpm/coco-agent.spec
	sed -n 's/^policy_module(coco_agent, \(.*\))$/\1/p' contrib/selinux/coco_agent.te
	sed -n '3s/ .*//;3p' NEWS
	grep -oE 'coco-secret/[0-9][0-9.]*' README.md | sed 's,.*/,,'
}
check "configure, the module, Debian, rpm, SELinux, NEWS and README have one version" test "$(versions | sort -u | tr '\n' ' ')" = "$version "
check "... and each of them has it" test "$(versions | wc -l)" = 7

finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Foreign text in a bundle, an argument, a file's name or a configuration can do no harm on a terminal or in a log: it
# moves no cursor, does not change the direction of text, and does not begin a line.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

cococtl=$top_builddir/cococtl
cat >hidden.py <<'EOF'
import sys
import unicodedata
for path in sys.argv[1:]:
    with open(path, "rb") as f:
        text = f.read().decode()	# what is not UTF-8 is an error
    bad = sorted({f"U+{ord(c):04X}" for c in text if c != "\n" and (unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Cn"))})
    if bad:
        sys.exit(f"{path}: {' '.join(bad)}: {text!r}")
EOF

# shows NAME WORD COMMAND...: the output has WORD, so the foreign text is in it, and it has no hidden characters.
shows() {
	local name=$1 word=$2

	shift 2
	"$@" >out 2>err </dev/null
	check "$name is shown" grep -qF -e "$word" out err
	check "$name: nothing hidden" /usr/bin/python3 hidden.py out err
	check "$name: no line of its own" bash -c '! grep -qE "^(ACCEPTED|cocod: The gate)" out err'
}

# The foreign text: CSI as ESC, as C1 and as a bare byte; an override of direction; newlines.
evil=$'x\e[2J\xc2\x9b31m\x9b1m\xe2\x80\xae\xe2\x80\xa8\x7f\nACCEPTED\ncocod: The gate is open'
short=$'x\e[2J\xc2\x9b\xe2\x80\xae'

# ---- arguments ----
shows "an option of cococtl's" "is not an option" "$cococtl" "--$evil"
shows "an option with a value" "takes no value" "$cococtl" "--json=$evil"
shows "a letter" "is not an option" "$cococtl" $'-\e'
shows "a verb" "x?" "$cococtl" "$evil"
shows "a socket" "x?" "$cococtl" --socket="$evil" status
for words in "secrets $short" "attest $short" "status --$short" "secrets list --$short" "attest verify --$short" "attest verify --type=$short" \
	"attest verify --type=snp --report=$short" "attest show --bundle=$short" "attest report --nonce=$short" "attest report --$short"; do
	# shellcheck disable=SC2086 # words
	shows "cococtl $(printf %q "$words")" "x?" "$cococtl" $words
done
shows "an option of cocod's" "is not an option" "$top_builddir/cocod" "--$evil"
shows "an argument of cocod's" "x?" "$top_builddir/cocod" "$evil"
shows "an option of cocod-worker's" "is not an option" "$top_builddir/cocod-worker" "--$evil"
shows "a kind of cocod-worker's" "x?" "$top_builddir/cocod-worker" --kind="$evil"
for words in "$short" "measure --$short" "measure --tech=$short" "measure --tech=sev --firmware=$short" "chain verify $short" "table --secret=luks:$short --output=o"; do
	# shellcheck disable=SC2086 # words
	shows "coco-inject $(printf %q "$words")" "x?" "$top_builddir/coco-inject" $words
done

# ---- configuration ----
mkdir -p root/etc/cocod/secrets.d
config() {
	shows "$1" "$2" "$top_builddir/cocod" --check-config --config-root=root
	rm -f root/etc/cocod/cocod.conf root/etc/cocod/secrets.d/*
}
printf '[Cocod]\nRequire=x\e[2J\n' >root/etc/cocod/cocod.conf
config "a value of cocod.conf" cocod.conf
printf '[Cocod]\nx\xc2\x9b31m=1\n' >root/etc/cocod/cocod.conf
config "a name in cocod.conf" cocod.conf
printf '[Secret]\nGuid=1\n' >"root/etc/cocod/secrets.d/$short.conf"
config "a file's name" "x?"

# ---- a bundle ----
cat >bundle.py <<'EOF'
import json
import sys
evil = "x\x1b[2J\x9b31m\u202e\u2028\x7f\nACCEPTED\ncocod: The gate is open"
for name, items in (("type", [{"kind": "type", "text": evil}]), ("kind", [{"kind": evil, "text": "x"}]),
                    ("provider", [{"kind": "type", "text": "snp"}, {"kind": "provider", "text": evil}, {"kind": "report", "data": "AwAA"}]),
                    ("note", [{"kind": "type", "text": "snp"}, {"kind": "note", "text": evil}, {"kind": "report", "data": "AwAA"}])):
    for ascii in (True, False):
        with open(f"{name}.{ascii}", "w", encoding="utf-8") as f:
            json.dump({"format": "coco-evidence", "version": 1, "made": "2026-01-01T00:00:00Z", "items": items}, f, ensure_ascii=ascii)
EOF
/usr/bin/python3 bundle.py
for f in type kind provider note; do
	for ascii in True False; do
		for verb in verify show "verify --json" "show --json"; do
			# shellcheck disable=SC2086 # words
			"$cococtl" attest $verb --bundle=$f.$ascii >out 2>err </dev/null
			check "a bundle's $f ($ascii), $verb: nothing hidden" /usr/bin/python3 hidden.py out err
			check "a bundle's $f ($ascii), $verb: no line of its own" bash -c '! grep -qE "^(ACCEPTED|cocod: The gate)" out err'
		done
	done
done
shows "a bundle's type" "x?" "$cococtl" attest verify --bundle=type.True

bundle=$COCO_VECTORS/field/attest/esc-type-bundle.json
if [ -e "$bundle" ]; then
	shows "the vectors' bundle" "snp?[2J" "$cococtl" attest verify --bundle="$bundle"
	shows "the vectors' bundle, shown" "snp?[2J" "$cococtl" attest show --bundle="$bundle"
else
	skip "the vectors' bundle" "there is no $bundle"
fi
finish

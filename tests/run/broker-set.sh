#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl broker set: what it writes is what cocod takes, and what cocod would refuse is not written.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cococtl=$top_builddir/cococtl
cocod=$top_builddir/cocod
root=$work/root
conf=$root/etc/cocod
pin=sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
url=https://kbs.example.org:8443
cd "$work" || exit 99

pem() { sed -n "/define $1 /,/END/{s/^\\t\"//;s/\\\\n\" *\\\\*\$//;/^[^#]/p}" "$top_srcdir/tests/unit/broker-pem.h"; }
pem BROKER_PEM >identity.pem
pem BROKER_PEM_P384 >p384.pem
{ cat identity.pem; printf -- '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'; } >private.pem

set_() { "$cococtl" broker set --root="$root" "$@"; }
fresh() { rm -rf "$root" && mkdir "$root"; }
files() { (cd "$root" && find . -type f -exec sha256sum {} + | sort); }
good() { "$cocod" --check-config --config-root="$root"; }
has() { grep -qxF -e "$1" "$conf/broker.conf"; }
# refused NAME STATUS PATTERN OPTION...: and nothing has changed.
refused() {
	local name=$1 status=$2 pattern=$3

	shift 3
	files >before
	check "refused: $name" expect "$status" set_ "$@"
	check "... it is said" said "$pattern"
	check "... and nothing is written" cmp before <(files)
}

# ---- by the broker's identity ----
fresh
check "a broker by its identity" expect 0 set_ --url "$url" --identity identity.pem
check "... what is next is said" grep -q 'cococtl luks format DEVICE --name NAME --uri' out
check "... TLS need not speak for it" bash -c '! grep -q "TLS alone" out'
check "... cocod takes it" good
check "... the address is there" has "Url=$url"
check "... and the identity" has Identity=/etc/cocod/broker.pem
check "... which is a copy" cmp identity.pem "$conf/broker.pem"
check "... all may read both" bash -c '[ "$(stat -c %a "$0/broker.conf" "$0/broker.pem" "$0" | tr "\n" " ")" = "644 644 755 " ]' "$conf"
check "... nothing else is there" test "$(find "$root" -type f | wc -l)" = 2
files >before
check "the same again is no change" expect 0 set_ --url "$url" --identity identity.pem
check "... of any file" cmp before <(files)
refused "another address" 1 "broker.conf' exists, and is not the same; --replace" --url https://other.example:8443 --identity identity.pem
check "... with --replace it is not" expect 0 set_ --url https://other.example:8443 --identity identity.pem --replace
check "... and is there" has Url=https://other.example:8443
rm "$conf/broker.conf"
check "killed between both files: the next run ends it" expect 0 set_ --url "$url" --identity identity.pem
check "... cocod takes it" good
rm "$conf/broker.conf"
echo other >"$conf/broker.pem"
refused "a key file that is there" 1 "broker.pem' exists" --url "$url" --identity identity.pem
check "... which --replace replaces" expect 0 set_ --url "$url" --identity identity.pem --replace

# ---- by TLS alone, and more ----
fresh
check "a broker by its TLS key" expect 0 set_ --url "$url" --public-key "$pin"
check "... it is said what that means" grep -q 'TLS alone speaks for it' out
check "... cocod takes it" good
check "... there is no key file" test ! -e "$conf/broker.pem"
fresh
check "two addresses, an authority, a name and a prefix" expect 0 set_ --url vsock://2:8743 --url "$url" --authority p384.pem --server-name kbs.example.org --uri-prefix kbs:///default/vm7/
check "... cocod takes it" good
check "... the addresses are in their order" has "Url=vsock://2:8743 $url"
check "... and the prefix" has UriPrefix=kbs:///default/vm7/

# ---- what cocod would refuse ----
fresh
refused "nothing that recognises it" 64 'needs --identity or --public-key or --authority: a broker that nobody authenticates is refused' --url "$url"
refused "neither" 64 'broker set needs --url=URL, --identity or --public-key or --authority: '
refused "no address" 64 'broker set needs --url=URL;' --public-key "$pin"
refused "two ways to recognise it" 64 'public-key' --url "$url" --public-key "$pin" --identity identity.pem
refused "http" 1 'nobody is authenticated over http://' --url http://kbs.example.org --public-key "$pin"
refused "an address with a path" 1 'Url=' --url "$url/kbs" --public-key "$pin"
refused "an address twice" 1 'twice' --url "$url" --url "$url" --public-key "$pin"
refused "a pin of another length" 1 'PublicKey' --url "$url" --public-key sha256//AAAA
refused "a vsock without a name" 1 'ServerName= is missing' --url vsock://2:8743 --authority p384.pem
refused "an identity of another curve" 1 'P-256' --url "$url" --identity p384.pem
refused "a private key" 1 'it has a private key' --url "$url" --identity private.pem
refused "no certificate" 1 'certificate' --url "$url" --identity /etc/hostname
refused "no file" 64 "'nothing'" --url "$url" --identity nothing
refused "an empty file" 64 'is empty' --url "$url" --identity /dev/null
refused "a line more by the address" 64 'newline' --url "$url"$'\nProxy=http://h:1' --public-key "$pin"
refused "a line more by the name" 64 'newline' --url "$url" --server-name $'a\nProxy=http://h:1' --public-key "$pin"
refused "a line more by the prefix" 64 'newline' --url "$url" --uri-prefix $'kbs:///a/\nProxy=http://h:1' --public-key "$pin"
refused "a prefix without a slash" 1 'UriPrefix' --url "$url" --uri-prefix kbs:///default/vm7 --public-key "$pin"
mkdir -p "$conf/broker.conf.d"
printf '[Broker]\nPublicKey=%s\n' "$pin" >"$conf/broker.conf.d/a.conf"
refused "a drop-in that says otherwise" 1 'There are both' --url "$url" --identity identity.pem
rm -r "$conf"
mkdir -p "$conf"
ln -s nowhere "$conf/broker.conf.d"
refused "drop-ins that cannot be looked at" 1 'leads nowhere' --url "$url" --identity identity.pem
rm -r "$conf"
mkdir -p "$conf/broker.conf"
refused "a folder in the way" 1 'exists' --url "$url" --public-key "$pin"
finish

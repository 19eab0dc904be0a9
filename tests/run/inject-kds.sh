#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject chain --fetch: certificates from a double of AMD's key server and from the cache.  Nothing is trusted
# because it was fetched.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

inject=$top_builddir/coco-inject
cd "$work" || exit 99
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
export HOME=$work/home XDG_CACHE_HOME=$work/xdg

"$top_srcdir/tests/double/fake-platform" --bits 2048 host || exit 99
"$top_srcdir/tests/double/fake-platform" --bits 2048 other || exit 99
cat host/pdh.cert host/pek.cert host/oca.cert host/cek-exported.cert >exported
cat host/pdh.cert host/pek.cert host/oca.cert host/cek.cert >signed
id=$(head -c64 /dev/urandom | xxd -p -c64)
id64=$(xxd -r -p <<<"$id" | base64 -w0)
verify() { "$inject" chain verify --json --anchor host/ark.cert "$@"; }

if "$inject" chain verify --json --fetch --chip-id "$id" --kds http://127.0.0.1:1 exported 2>&1 >/dev/null | grep -q 'built without HTTPS'; then
	skip "certificates from a server" "coco-inject was built without libcurl"
	finish
fi

mkdir -p www/cek/id
cp host/cek.cert "www/cek/id/$id"
cat host/ask.cert host/ark.cert >www/ask_ark_naples.cert
key_servers

fetch() { verify --fetch --kds "$clear" --chip-id "$id" "$@"; }
forget() { rm -rf xdg cache; : >log; }
asked() { [ "$(tr '\n' ' ' <log)" = "$1" ] || { cat log; return 1; }; }
not_told() { ! grep -qe "$1" out err || { cat out err; return 1; }; }
code_is() { grep -q "\"code\":\"$1\"" out || { cat out; return 1; }; }

# ---- the network ----
forget
check "all that is missing" expect 0 fetch exported
check "is asked for, once" asked "/cek/id/$id /ask_ark_naples.cert "
check "and kept" cmp xdg/coco-inject/cek-"$id".cert host/cek.cert
check "from then on nobody is asked" expect 0 fetch exported
check "really" asked "/cek/id/$id /ask_ark_naples.cert "
check "the cache is enough without --fetch" expect 0 verify --cache xdg/coco-inject --chip-id "$id" exported
forget
check "the id in base64" expect 0 verify --fetch --kds "$clear" --chip-id "$id64" exported
check "is the same" asked "/cek/id/$id /ask_ark_naples.cert "
forget
check "the ids of two sockets" expect 0 verify --fetch --kds "$clear" --chip-id "${id^^}$(printf '00%.0s' {1..64})" exported
check "the first counts" asked "/cek/id/$id /ask_ark_naples.cert "
forget
check "only what is missing" expect 0 verify --fetch --kds "$clear" signed
check "is asked for: the ASK" asked "/ask_ark_naples.cert "
forget
check "nothing is missing" expect 0 verify --fetch --kds "$clear" host
check "nobody is asked" asked ""
check "without --fetch nobody is asked" expect 3 verify --kds "$clear" --chip-id "$id" exported
check "really not" asked ""
check "a cache elsewhere" expect 0 fetch --cache cache/deep/er exported
check "is made" test -e cache/deep/er/ask_ark_naples.cert -a ! -e xdg
check "HTTPS" expect 0 verify --fetch --kds "$tls" --kds-ca tls.crt --chip-id "$id" exported
check "was asked" grep -q "/cek/id/$id" tls-log
rm -rf xdg
check "HTTPS by somebody unknown" expect 3 verify --fetch --kds "$tls" --chip-id "$id" exported
check "is said" said 'certificate'
check "--product" expect 0 fetch --product naples exported
forget
check "another --product" expect 3 fetch --product rome exported
check "is not there" asked "/cek/id/$id /ask_ark_rome.cert "
check "a session, fetched" expect 0 "$inject" session --pdh host/pdh.cert --policy 9 --name vm --chain exported --anchor host/ark.cert --fetch --kds "$clear" --chip-id "$id"

# ---- what is fetched is not trusted ----
forget
cp other/cek.cert "www/cek/id/$id"
check "the CEK of another chip" expect 3 fetch exported
check "is said" said "does not belong to this platform"
check "is undecided as before" code_is cek-unsigned
check "and not kept" test ! -e xdg
cp host/cek-exported.cert "www/cek/id/$id"
check "a CEK without a signature" expect 3 fetch exported
check "is none" said "is not a CEK with AMD's signature"
cp host/pek.cert "www/cek/id/$id"
check "something else" expect 3 fetch exported
check "the empty file" bash -c ': >"$1"' - "www/cek/id/$id"
check "is none either" expect 3 fetch exported
tail -c +5 host/cek.cert >"www/cek/id/$id"
check "a cut CEK" expect 3 fetch exported
# The key is right, but the signature is not the ASK's.
head -c 8336 host/cases/cek-sig-flip | tail -c 2084 >"www/cek/id/$id"
check "a CEK with a broken signature" expect 1 fetch exported host/ask.cert
check "fails" code_is cek-sig
rm -rf xdg
cp host/cek.cert "www/cek/id/$id"
cat other/ask.cert other/ark.cert >www/ask_ark_naples.cert
check "ASK and ARK of others" expect 3 fetch exported
check "are not taken" said "does not belong to this platform"
check "and not kept" test ! -e xdg/coco-inject/ask_ark_naples.cert
cat host/ask.cert other/ark.cert >www/ask_ark_naples.cert
check "the ARK of others" expect 3 fetch exported
cat host/ask.cert host/ark.cert >www/ask_ark_naples.cert
check "nor is a root trusted that the server has and AMD has not" expect 3 "$inject" chain verify --json --fetch --kds "$clear" --chip-id "$id" exported

# ---- the cache is not trusted ----
forget
check "a good cache" expect 0 fetch exported
head -c 2084 /dev/urandom >xdg/coco-inject/cek-"$id".cert
check "with rubbish in it" expect 0 fetch exported
check "is mended" cmp xdg/coco-inject/cek-"$id".cert host/cek.cert
cat other/ask.cert other/ark.cert >xdg/coco-inject/ask_ark_naples.cert
check "with others' keys in it" expect 0 fetch exported
check "is mended too" cmp xdg/coco-inject/ask_ark_naples.cert www/ask_ark_naples.cert
cp other/cek.cert xdg/coco-inject/cek-"$id".cert
check "without the network it is missing" expect 3 verify --cache xdg/coco-inject --chip-id "$id" exported
check "and said how to get it" said "not in the cache; --fetch gets it"
rm -rf xdg && : >xdg
check "a cache that cannot be written" expect 0 fetch exported
check "is said and does no harm" said "Failed to keep"
rm xdg

# ---- a server with moods ----
mood() { forget; printf '%s\n' "$@" >"www/cek/id/$id.mood"; }
mood "429 1" 503
check "a server that is busy" expect 0 fetch exported
check "is asked again" asked "/cek/id/$id /cek/id/$id /cek/id/$id /ask_ark_naples.cert "
check "which is said" said 'busy; trying again in 1 seconds'
mood "429 3600"
check "one that is busy for an hour" expect 3 fetch exported
check "is left alone, and said" said 'try again in 3600 seconds'
check "after one question" bash -c '[ "$(head -1 log)" = "/cek/id/$0" ] && [ "$(grep -c cek log)" = 1 ]' "$id"
mood "429 1" "429 1" "429 1" "429 1" "429 1"
check "one that stays busy" expect 3 fetch exported
check "is asked four times" bash -c '[ "$(grep -c cek log)" = 4 ]'
mood 500
check "one that fails" expect 3 fetch exported
check "is said" said 'HTTP status 500'
mood long
check "a file without end" expect 3 fetch exported
check "is cut off" said 'too long for a certificate'
mood short
check "a byte less" expect 3 fetch exported
mood mute
check "one that is mute" expect 3 fetch --timeout 200ms exported
check "is said" said "Failed to get"
mood "redirect $clear/cek/id/$id"
check "no way leads out of HTTPS" expect 3 fetch exported
mood "redirect file:///etc/passwd"
check "nor into files" expect 3 fetch exported
rm "www/cek/id/$id.mood" "www/cek/id/$id"
forget
check "a chip that the server does not know" expect 3 fetch exported
check "is said" said 'key server does not have it'
check "who has tried --fetch is not told to try it" not_told --fetch
check "with ASK and ARK too" expect 3 fetch exported host/ask.cert
check "what else to do is said" said 'give it as --cek FILE'
check "and --fetch is not" not_told --fetch
mv www/ask_ark_naples.cert gone
cp host/cek.cert "www/cek/id/$id"
check "no ASK and ARK at the server" expect 3 fetch exported
check "is not told to try --fetch either" not_told --fetch
check "and what else to do" said 'from AMD (ask_ark_NAME.cert)'
mv gone www/ask_ark_naples.cert
rm "www/cek/id/$id"
check "who has not is" expect 3 verify exported
check "told of it" said 'or use --fetch'
check "a server that is not there" expect 3 verify --fetch --kds http://127.0.0.1:1 --chip-id "$id" exported
check "is said too" said "Failed to get"

# ---- the command line ----
for url in http://example.org http://127.0.0.1.example.org http://127.0.0.1@example.org http://user@127.0.0.1 http://localhost ftp://127.0.0.1 file:///tmp \
	'' x https:// "https://127.0.0.1/?a=b" "https://127.0.0.1/#a"; do
	check "not from $url" expect 64 verify --fetch --kds "$url" --chip-id "$id" exported
	check "not from $url: said" said 'is not https://'
done
for bad in "" 12 "${id:2}" "${id}00" "${id:2}zz" "$(head -c63 /dev/zero | base64 -w0)"; do
	check "no chip id: '${bad:0:20}'" expect 64 verify --fetch --kds "$clear" --chip-id "$bad" exported
	check "no chip id: '${bad:0:20}': said" said 'is not the 64 bytes of cpu0-id'
done
check "no chip id at all" expect 64 verify --fetch --kds "$clear" exported
check "is said" said 'chip-id is needed'
check "an unknown product" expect 64 fetch --product zen exported
check "is said" said 'naples, rome'
check "no cache" expect 64 fetch --cache "" exported
check "no time" expect 64 fetch --timeout soon exported
finish

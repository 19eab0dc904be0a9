#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl attest fetch: downloads what evidence needs from a double of AMD's and Intel's servers into a cache, and evidence is
# verified with it.  Nothing is trusted because it was fetched or cached.
# shellcheck disable=SC2016,SC2317 # bash -c expands; functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

cococtl=$top_builddir/cococtl
cd "$work" || exit 99
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy

"$top_srcdir/tests/double/collateral-site" . || exit 99
if "$cococtl" attest fetch --report=milan.report --cache=cache --kds=http://127.0.0.1:1 | grep -q 'built without HTTPS'; then
	skip "collateral from servers" "cococtl was built without libcurl"
	finish
fi
key_servers

chip=$(printf '%02x' {16..79})
vcek="vcek/v1/Milan/$chip?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219"
tcb="tdx/certification/v4/tcb?fmspc=90c06f000000"
identity=tdx/certification/v4/qe/identity
crl="sgx/certification/v4/pckcrl?ca=platform&encoding=der"

fetch() { "$cococtl" attest fetch --cache=cache --trust=pins --kds="$clear" --pcs="$clear" "$@"; }
verify() { "$cococtl" attest verify --cache=cache --trust=pins "$@"; }
forget() { rm -rf cache; : >log; rm -f ./*.mood www/*/*/*.mood www/*/*/*/*.mood; }
asked() { [ "$(tr '\n' ' ' <log)" = "$1" ] || { cat log; return 1; }; }
says() { grep -q -e "$1" out && return; cat out; return 1; }
mood() {
	local file=$1

	shift
	forget
	printf '%s\n' "$@" >"www/$file.mood"
}

# ---- AMD ----
forget
check "an SNP report without certificates cannot be judged" expect 3 verify --type=snp --report=milan.report
check "fetch for it" expect 0 fetch --report=milan.report
check "the VCEK, the chain, the revocation list" asked "/vcek/v1/Milan/cert_chain /$vcek /vcek/v1/Milan/crl "
check "a line for each" test "$(grep -c '^fetched ' out)" = 3
check "and until when it is good" says "^until .*: $(cat until)T00:00:00Z$"
check "now it is accepted, offline" expect 0 verify --type=snp --report=milan.report --set require=crl
check "once more" expect 0 fetch --report=milan.report
check "all is had" test "$(grep -c '^had ' out)" = 3
check "and nobody was asked again" test "$(wc -l <log)" = 3
check "--offline" expect 0 fetch --offline --report=milan.report
check "--refresh" expect 0 fetch --refresh --report=milan.report
check "asks for all" test "$(wc -l <log)" = 6
check "--json" expect 0 fetch --json --report=milan.report
check "is as its schema says" schema attest-fetch out
check "is JSON" /usr/bin/python3 -c 'import json; v = json.load(open("out"))["files"]; assert [i["state"] for i in v] == ["had"] * 3 + ["until"] and v[1]["what"] == "VCEK", v'
check "the report after an update of the firmware" expect 0 fetch --report=milan-newer.report
check "needs another VCEK" test "$(grep -c '^fetched ' out)" = 1
check "both are there" test "$(find cache -name 'cert-vcek-*' | wc -l)" = 2
check "the older one is accepted" expect 0 verify --type=snp --report=milan.report
check "the newer one is accepted" expect 0 verify --type=snp --report=milan-newer.report
all=()
for f in cache/cert-*; do all+=("--cert=$f"); done
check "with certificates of other levels in one's hand, too" expect 0 "$cococtl" attest verify --trust=pins --type=snp --report=milan.report "${all[@]}"
check "in whatever order" expect 0 "$cococtl" attest verify --trust=pins --type=snp --report=milan-newer.report "${all[@]}"
check "an explicit certificate goes before the cache" expect 1 verify --type=snp --report=milan.report --cert=wrong/vcek-of-another-chip --cert=wrong/vcek-of-another-tcb \
	--cert=wrong/vcek-expired
forget
check "a bundle" expect 0 fetch --bundle=milan.bundle
check "and verified" expect 0 verify --bundle=milan.bundle
forget
check "Turin" expect 0 fetch --report=turin.report
check "has 8 bytes of chip id and one component more" asked \
	"/vcek/v1/Turin/cert_chain /vcek/v1/Turin/${chip:0:16}?fmcSPL=01&blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219 /vcek/v1/Turin/crl "
check "and verified" expect 0 verify --type=snp --report=turin.report
forget
check "a report of version 2" expect 3 fetch --report=milan-2.report
check "does not say of what" said 'say --product='
check "nobody was asked" asked ""
check "with --product" expect 0 fetch --report=milan-2.report --product=Milan
check "and verified" expect 0 verify --type=snp --report=milan-2.report
forget
check "with its VCEK" expect 0 fetch --report=milan-2.report --cert=vcek.cert
check "which is not asked for" asked "/vcek/v1/Milan/cert_chain /vcek/v1/Milan/crl "
check "is said" says '^had .*VCEK: it is in the evidence'
forget
check "a VLEK is nobody's to fetch" expect 3 fetch --report=vlek.report
check "is said" says '^missing .*VLEK: nobody but the provider'
check "what is its own is fetched" asked "/vlek/v1/Milan/cert_chain /vlek/v1/Milan/crl "
check "with the VLEK nothing is missing" expect 0 fetch --report=vlek.report --cert=vlek.cert
check "nor with it in the table" expect 0 fetch --report=vlek.report --cert-table=vlek.table
check "and verified" expect 0 verify --type=snp --report=vlek.report --cert=vlek.cert
check "a chip that is masked" expect 3 fetch --report=masked.report
check "cannot be asked for" says '^missing .*VCEK: .*masked'
check "a processor that is not known" expect 3 fetch --report=venice.report
check "is said" said 'processor that is not known'

# ---- Intel ----
forget
check "a TDX quote without collateral cannot be judged" expect 3 verify --type=tdx --quote=tdx.quote
check "fetch for it" expect 0 fetch --quote=tdx.quote
check "four requests" asked "/sgx/certification/v4/rootcacrl /$tcb /$identity /$crl "
check "six files, and what is remembered of them" test "$(find cache -type f ! -name newest | wc -l)" = 6 -a "$(wc -l <cache/newest)" = 5
check "the list that came in digits is DER" openssl crl -inform der -in cache/root-crl.der -noout
check "now it is accepted, offline" expect 0 verify --type=tdx --quote=tdx.quote
check "once more" expect 0 fetch --quote=tdx.quote
check "and nobody was asked again" test "$(wc -l <log)" = 4
rm cache/tcb-chain-*
check "a chain that is gone" expect 0 fetch --quote=tdx.quote
check "comes with its document" asked "/sgx/certification/v4/rootcacrl /$tcb /$identity /$crl /$tcb "
forget
check "the other authority" expect 0 fetch --quote=processor.quote
check "has another list" grep -q 'ca=processor' log
check "and verified" expect 0 verify --type=tdx --quote=processor.quote
forget
mkdir cache
cp wrong/tcb-info-of-another cache/tcb-info-000000000000.json
check "the collateral of other machines" expect 0 fetch --quote=tdx.quote
check "is in nobody's way" expect 0 verify --type=tdx --quote=tdx.quote

forget
mkdir cache
cp wrong/tcb-info-of-another cache/tcb-info-000000000000.json
cp www/vcek/v1/Milan/crl cache/crl-vcek-Genoa.der
cp pins cache/cert-of-mine.pem
check "--prune" expect 0 fetch --quote=tdx.quote --prune
check "removes what is of other evidence" test ! -e cache/tcb-info-000000000000.json -a ! -e cache/crl-vcek-Genoa.der
check "and nothing else" test -e cache/cert-of-mine.pem -a "$(find cache -type f | wc -l)" = 8
check "--prune where something is missing" expect 3 fetch --offline --report=milan.report --prune
check "removes nothing" test "$(find cache -type f | wc -l)" = 8

# ---- Azure ----
forget
check "an HCL report of SNP" expect 0 fetch --hcl=snp.hcl
check "is asked for as its hardware report is" asked "/vcek/v1/Milan/cert_chain /$vcek /vcek/v1/Milan/crl "
check "an HCL report of TDX" expect 3 fetch --hcl=tdx.hcl
check "without its quote" said -- '--td-quote'
check "with it" expect 0 fetch --hcl=tdx.hcl --td-quote=tdx.quote

# ---- what is fetched is not trusted ----
wrong() {
	local file=$1 bad=$2 words=$3

	shift 3
	forget
	cp "www/$file" kept
	cp "$bad" "www/$file"
	expect 3 fetch "$@" && says "^missing .*$words"
	set -- $?
	cp kept "www/$file"
	return "$1"
}
check "the VCEK of another chip" wrong "$vcek" wrong/vcek-of-another-chip "VCEK: .*another chip" --report=milan.report
check "is not kept" bash -c '! ls cache/cert-vcek-* 2>/dev/null'
check "the rest is" test -e cache/crl-vcek-Milan.der
check "the VCEK of another TCB" wrong "$vcek" wrong/vcek-of-another-tcb "VCEK: .*firmware level" --report=milan.report
check "a VCEK that has expired" wrong "$vcek" wrong/vcek-expired "VCEK: .*not valid now" --report=milan.report
check "an authority in its place" wrong "$vcek" www/vcek/v1/Milan/cert_chain "VCEK: .*not a certificate in DER" --report=milan.report
check "rubbish" wrong "$vcek" log "VCEK: .*not a certificate in DER" --report=milan.report
check "the chain of another kind" wrong vcek/v1/Milan/cert_chain www/vlek/v1/Milan/cert_chain "chain: .*not those that were wanted" --report=milan.report
check "one certificate as a chain" wrong vcek/v1/Milan/cert_chain vcek.cert "chain: .*not two" --report=milan.report
check "a list that has expired" wrong vcek/v1/Milan/crl wrong/crl-expired "revocation list: .*not valid now" --report=milan.report
check "a list of another" wrong vcek/v1/Milan/crl wrong/crl-of-another "revocation list: .*somebody else" --report=milan.report
check "the TCB info of other machines" wrong "$tcb" wrong/tcb-info-of-another "TCB info: .*FMSPC" --quote=tdx.quote
check "TCB info that has expired" wrong "$tcb" wrong/tcb-info-expired "TCB info: .*not valid now" --quote=tdx.quote
check "QE identity as TCB info" wrong "$tcb" "www/$identity" "TCB info: " --quote=tdx.quote
check "the root's list as the PCK's" wrong "$crl" www/sgx/certification/v4/rootcacrl "PCK revocation list: .*somebody else" --quote=tdx.quote
header() {
	forget
	cp "www/$tcb.headers" kept
	printf '%s\n' "$1" >"www/$tcb.headers"
	expect 3 fetch --quote=tdx.quote && says "^missing .*TCB info: .*$2" && ! ls cache/tcb-* 2>/dev/null
	set -- $?
	cp kept "www/$tcb.headers"
	return "$1"
}
check "a header that is missing" header "X-Other: 1" "no header TCB-Info-Issuer-Chain"
check "an empty header" header "TCB-Info-Issuer-Chain: " "not URL-encoded PEM"
check "an invalid escape" header "TCB-Info-Issuer-Chain: -----BEGIN%2" "not URL-encoded PEM"
check "an escape of other letters" header "TCB-Info-Issuer-Chain: -----BEGIN%zz" "not URL-encoded PEM"
check "a NUL in it" header "TCB-Info-Issuer-Chain: -----BEGIN CERTIFICATE-----%00" "not URL-encoded PEM"
check "no PEM" header "TCB-Info-Issuer-Chain: hello" "not URL-encoded PEM"
check "half a PEM" header "TCB-Info-Issuer-Chain: -----BEGIN%20CERTIFICATE-----%0AMIIB" "not certificates in PEM"
check "the chain of others" header "TCB-Info-Issuer-Chain: $(cat wrong/chain-of-others)" "not those that were wanted"
mood "$tcb" "header TCB-Info-Issuer-Chain 40000"
check "a header without end" expect 3 fetch --quote=tdx.quote
check "is cut off" says "^missing .*TCB info: .*malformed"
mood "$tcb" "twice TCB-Info-Issuer-Chain"
check "a header twice" expect 3 fetch --quote=tdx.quote
check "is none" says "^missing .*TCB info: .*malformed"
mood "$tcb" "header Content-Length 5"
check "an invalid length" expect 3 fetch --quote=tdx.quote

# ---- what nobody signed is not kept ----
root_crl=sgx/certification/v4/rootcacrl
check "a VCEK that AMD did not sign" wrong "$vcek" wrong/vcek-forged "VCEK: .*not signed by whom it must be" --report=milan.report
check "a chain from another root" wrong vcek/v1/Milan/cert_chain wrong/chain-forged "chain: .*root key is trusted" --report=milan.report
check "nor is what hangs on it" bash -c '! ls cache/cert-* 2>/dev/null'
check "a revocation list that AMD did not sign" wrong vcek/v1/Milan/crl wrong/crl-forged "revocation list: .*a signature of its issuer" --report=milan.report
check "is not kept" test ! -e cache/crl-vcek-Milan.der
check "TCB info that Intel did not sign" wrong "$tcb" wrong/tcb-info-forged "TCB info: .*signed by Intel's TCB signing key" --quote=tdx.quote
check "QE identity that Intel did not sign" wrong "$identity" wrong/qe-identity-forged "QE identity: .*signed by Intel's TCB signing key" --quote=tdx.quote
check "a PCK list that its CA did not sign" wrong "$crl" wrong/pck-crl-forged "PCK revocation list: .*a signature of its issuer" --quote=tdx.quote
check "a root list that the root did not sign" wrong "$root_crl" wrong/root-crl-forged "root revocation list: .*a signature of its issuer" --quote=tdx.quote
check "none of it is remembered" bash -c '! grep -q root-crl cache/newest'
check "a signer that is revoked" wrong "$root_crl" wrong/root-crl-revokes-tcb "TCB info: .*revoked" --quote=tdx.quote
check "a chain that the root did not sign" header "TCB-Info-Issuer-Chain: $(cat wrong/chain-self-made)" "not signed by whom it must be"
forget
check "evidence under another root" expect 3 "$cococtl" attest fetch --cache=cache --kds="$clear" --pcs="$clear" --quote=tdx.quote
check "has nothing that could be verified" says '^missing .*lead to no trusted root'
check "and nothing is kept" test ! -e cache
forget
check "a good cache" expect 0 fetch --report=milan.report
cp www/vcek/v1/Milan/crl kept
cp wrong/crl-forged www/vcek/v1/Milan/crl
check "a forged list is fetched anew" expect 3 fetch --refresh --report=milan.report
check "the good one stays" cmp cache/crl-vcek-Milan.der kept
check "and is used" expect 0 verify --type=snp --report=milan.report --set require=crl
cp wrong/crl-forged cache/crl-vcek-Milan.der
cp kept www/vcek/v1/Milan/crl
check "a forged list in the cache" expect 3 fetch --offline --report=milan.report
check "is named" says '^missing .*cache/crl-vcek-Milan.der: .*a signature of its issuer'
check "and replaced" expect 0 fetch --report=milan.report
check "by the real one" cmp cache/crl-vcek-Milan.der kept
if [ -e "$COCO_VECTORS/field/attest/forged-crl.der" ]; then
	forget
	check "a good cache, of the built-in roots' list" expect 0 fetch --report=milan.report
	cp "$COCO_VECTORS/field/attest/forged-crl.der" www/vcek/v1/Milan/crl
	check "the public forged list" expect 3 "$cococtl" attest fetch --refresh --cache=cache --kds="$clear" --report=milan.report
	check "is not kept" cmp cache/crl-vcek-Milan.der kept
	cp kept www/vcek/v1/Milan/crl
else
	skip "the public forged list" "there are no vectors"
fi

# ---- the cache remembers what was verified ----
forget
check "TCB info of a higher number" bash -c "cp 'www/$tcb' kept; cp wrong/tcb-info-newer 'www/$tcb'"
check "is fetched" expect 0 fetch --quote=tdx.quote
check "and remembered" grep -q '^tcb-info-90c06f000000 [0-9a-f]\{64\} 13 ' cache/newest
check "verified with" expect 0 verify --type=tdx --quote=tdx.quote
cp kept "www/$tcb"
check "the server goes back" expect 3 fetch --refresh --quote=tdx.quote
check "which is said" says '^missing .*TCB info: .*older than what was verified here before.*--forget-newest'
check "and not kept" cmp cache/tcb-info-90c06f000000.json wrong/tcb-info-newer
cp kept cache/tcb-info-90c06f000000.json
check "somebody puts the older one into the cache" expect 3 verify --type=tdx --quote=tdx.quote
check "it is refused" says 'OLDER'
check "--at is the user's word" expect 0 verify --type=tdx --quote=tdx.quote --at="$(date -u +%Y-%m-%dT%H:%M:%SZ)"
check "fetch does not take it from there" expect 3 fetch --offline --quote=tdx.quote
check "and says so" says '^missing .*TCB info: .*older'
check "--forget-newest" expect 0 fetch --forget-newest --quote=tdx.quote
check "takes it" expect 0 verify --type=tdx --quote=tdx.quote
check "and remembers it" grep -q '^tcb-info-90c06f000000 [0-9a-f]\{64\} 12 ' cache/newest
check "the memory goes on" expect 0 fetch --quote=tdx.quote
cp cache/newest remembered
touch -d 2020-01-01 cache/newest
check "a fetch without news" expect 0 fetch --quote=tdx.quote
check "does not write it" test "$(stat -c %Y cache/newest)" -lt 1600000000
check "TCB info of a lower number from the start" bash -c "cp wrong/tcb-info-older 'www/$tcb'"
check "is refused by the memory" expect 3 fetch --refresh --quote=tdx.quote
cp kept "www/$tcb"
for bad in "" "coco-newest 1" "coco-newest 2\n" "coco-newest 1\nqe-identity\n"; do
	printf %b "$bad" >cache/newest
	check "a malformed memory: fetch" expect 3 fetch --quote=tdx.quote
	check "... names the file and what to do" said "cache/newest' is malformed.*--forget-newest"
	check "... verify" expect 3 verify --type=tdx --quote=tdx.quote
	check "... says so" said "cache/newest' is malformed"
done
rm cache/newest
mkdir cache/newest
check "a memory that cannot be read" expect 3 verify --type=tdx --quote=tdx.quote
check "is no empty one" said "cache/newest'"
rmdir cache/newest
ln -s /nowhere cache/newest
check "a memory that leads nowhere" expect 3 verify --type=tdx --quote=tdx.quote
check "is no empty one" said "cache/newest'"
rm cache/newest
check "no memory yet" expect 0 verify --type=tdx --quote=tdx.quote
check "is made" expect 0 fetch --offline --quote=tdx.quote
check "of what is there" cmp cache/newest remembered

# ---- cocod's own cache ----
# In a mount namespace of its own, so that this machine's cache is not touched.
own_cache() {
	unshare -m sh -c 'mount -t tmpfs none /run && mount -t tmpfs none /var/cache && mkdir /run/cocod && { [ -z "$1" ] || cp "$1" /run/cocod/attest.trust; } &&
		shift && "$@" && ls /var/cache/cocod' sh "$@"
}
if [ -e /etc/cocod/attest.trust ] || ! unshare -m sh -c 'mount -t tmpfs none /var/cache' 2>/dev/null; then
	skip "cocod's own cache" "no mount namespace, or there is an attest.trust in /etc/cocod"
else
	anew=("$cococtl" attest fetch --kds="$clear" --report=milan.report)
	check "into cocod's cache comes what its attest.trust vouches for" expect 0 own_cache pins "${anew[@]}"
	check "all of it, and the memory" test "$(grep -c -e '^cert-' -e '^crl-' -e '^newest$' out)" = 4
	read -ra unit < <(sed -n 's,^ExecStart=@bindir@/cococtl ,,p' "$top_srcdir/systemd/cocod-collateral.service.in")
	check "as the unit of the timer does" expect 0 own_cache pins "$cococtl" "${unit[@]}" --kds="$clear" --report=milan.report
	check "which fetches all of it" test "$(grep -c '^fetched ' out)" = 3
	check "without one the built-in roots count" expect 3 own_cache '' "${anew[@]}"
	check "which vouch for none of it" says 'chain: .*root key is trusted'
	check "an attest.trust with a mistake" expect 64 own_cache log "${anew[@]}"
	check "is said" said "/run/cocod/attest.trust', line 1"
	check "--trust goes before it" expect 0 own_cache log "${anew[@]}" --trust=pins
fi

# ---- the clock ----
forget
cp "www/$tcb" kept
cp wrong/tcb-info-ahead "www/$tcb"
check "TCB info that was issued when this clock says not yet" expect 0 fetch --quote=tdx.quote
check "is verified as of then" expect 0 verify --type=tdx --quote=tdx.quote
check "which is said" says 'clock'
cp "www/$crl" kept-crl
cp wrong/pck-crl-short "www/$crl"
check "what has expired by then" expect 3 fetch --refresh --quote=tdx.quote
check "is not kept" says '^missing .*PCK revocation list: .*not valid now'
cp kept-crl "www/$crl"
cp wrong/pck-crl-short cache/pck-crl-platform.der
cp kept cache/tcb-info-90c06f000000.json
check "nor is it good without the one that says so" expect 3 verify --type=tdx --quote=tdx.quote
check "for the cache remembers" says 'CRL_STALE'
cp kept "www/$tcb"

# ---- the cache is not trusted ----
forget
check "a good cache" expect 0 fetch --report=milan.report
own=$(ls cache/cert-vcek-*)
cp wrong/vcek-of-another-chip "$own"
check "another chip's VCEK under our name, offline" expect 3 fetch --offline --report=milan.report
check "is said" says "^missing .*VCEK: .*another chip"
check "is not used" expect 3 verify --type=snp --report=milan.report
check "which is said" said "Not used: .*another chip"
check "is mended" expect 0 fetch --report=milan.report
check "with the right one" cmp "$own" "www/$vcek"
head -c 100 "www/$vcek" >"$own"
cp wrong/crl-expired cache/crl-vcek-Milan.der
check "a cut one, and a list that has expired" expect 0 fetch --report=milan.report
check "are fetched again" test "$(grep -c '^fetched ' out)" = 2
cp wrong/crl-expired cache/crl-vcek-Milan.der
check "a list that has expired" expect 3 fetch --offline --report=milan.report
check "is missing, and said why" says "^missing .*revocation list: .*not valid now"
check "and the verifier says it, too" expect 3 verify --type=snp --report=milan.report
rm -rf cache
check "offline with an empty cache" expect 3 fetch --offline --report=milan.report
check "all is missing" test "$(grep -c '^missing ' out)" = 3
forget
: >cache
check "a cache that is a file" expect 3 fetch --report=milan.report
check "is said" said 'what this cache remembers'
rm cache
mkdir cache
mkdir cache/crl-vcek-Milan.der
check "a file that cannot be kept" expect 3 fetch --report=milan.report
check "is said" says '^missing .*cannot be kept'
rm -r cache

# ---- a server with moods ----
mood "$vcek" "429 1" 503
check "a server that is busy" expect 0 fetch --report=milan.report
check "is asked again" test "$(grep -c "$chip" log)" = 3
check "which is said" said 'busy; trying again in 1 seconds'
mood "$vcek" "429 3600"
check "one that is busy for an hour" expect 3 fetch --report=milan.report
check "is said" says '^missing .*VCEK: .*try again in 3600 seconds'
check "and left alone altogether" test "$(wc -l <log)" = 2
mood "$vcek" 500
check "one that fails" expect 3 fetch --report=milan.report
check "is said" says '^missing .*VCEK: .*HTTP status 500'
check "the rest is there" test "$(grep -c '^fetched ' out)" = 2
mood "$vcek" page
check "one that fails at length" expect 3 fetch --report=milan.report
check "fails no less" says '^missing .*VCEK: .*HTTP status 500'
mood "$vcek" long
check "a file without end" expect 3 fetch --report=milan.report
check "is cut off" says '^missing .*too long for a VCEK'
mood "$vcek" short
check "a byte less" expect 3 fetch --report=milan.report
mood "$vcek" cut
check "a connection that ends too early" expect 3 fetch --report=milan.report
check "leaves nothing behind" bash -c '! ls cache/cert-vcek-* 2>/dev/null'
mood "$vcek" mute
check "one that is mute" expect 3 fetch --timeout=300ms --report=milan.report
mood "$vcek" "redirect $clear/$vcek"
check "no way leads out of HTTPS" expect 3 fetch --report=milan.report
mood "$vcek" "redirect file:///etc/passwd"
check "nor into files" expect 3 fetch --report=milan.report
forget
mv "www/$vcek" kept
check "a chip that the server does not know" expect 3 fetch --report=milan.report
check "is said" says '^missing .*VCEK: .*HTTP status 404'
mv kept "www/$vcek"
check "a server that is not there" expect 3 "$cococtl" attest fetch --trust=pins --cache=cache2 --kds=http://127.0.0.1:1 --report=milan.report
check "leaves no cache" test ! -e cache2
forget
check "HTTPS" expect 0 "$cococtl" attest fetch --trust=pins --cache=cache --kds="$tls/" --ca=tls.crt --report=milan.report
check "was asked" grep -q "/$chip" tls-log
rm -rf cache
check "HTTPS by somebody unknown" expect 3 "$cococtl" attest fetch --trust=pins --cache=cache --kds="$tls" --report=milan.report
check "is said" says 'certificate'
mood "$vcek" "redirect $clear/$vcek"
check "a redirect out of HTTPS" expect 3 "$cococtl" attest fetch --trust=pins --cache=cache --kds="$tls" --ca=tls.crt --report=milan.report
check "is not followed" asked ""

# ---- a caching service's own error messages, and dates ----
mood "$tcb" "says 404 No cache data for this platform."
check "a caching service that has nothing" expect 3 fetch --quote=tdx.quote
check "is heard" says '^missing .*TCB info: .*HTTP status 404, "No cache data for this platform."'
mood "$tcb" 'says 461 The platform was not found in the cache.\nSecond\x20line'
check "one that does not know the platform" expect 3 fetch --quote=tdx.quote
check "is heard to the end of the line" says '^missing .*HTTP status 461, "The platform was not found in the cache."'
mood "$tcb" 'says 500 \e[2Jx\x9b1m'
check "what it says" expect 3 fetch --quote=tdx.quote
check "is printable" bash -c 'grep -q "HTTP status 500" out && ! LC_ALL=C grep -q "[[:cntrl:]]" out'
mood "$tcb" "says 502 <html>Bad gateway</html>"
check "a page" expect 3 fetch --quote=tdx.quote
check "is for browsers" says 'HTTP status 502$'
cp "www/$tcb" kept
cp wrong/tcb-info-expired "www/$tcb"
forget
check "a caching service that is behind" expect 3 fetch --quote=tdx.quote
check "is said with the dates" says 'not valid now: .*found good from 2025-01-01T00:00:00Z to 2025-02-01T00:00:00Z$'
cp kept "www/$tcb"

# ---- --tcb-update and --tcb-evaluation ----
numbered() {
	local query=$1 info=$2

	mkdir -p "www/tdx/certification/v4/qe"
	cp "$info" "www/$tcb&$query"
	cp "www/$tcb.headers" "www/$tcb&$query.headers"
	cp "www/$identity" "www/$identity?$query"
	cp "www/$identity.headers" "www/$identity?$query.headers"
}
forget
check "the standard ones" expect 0 fetch --quote=tdx.quote
numbered update=early wrong/tcb-info-newer
check "the early ones" expect 0 fetch --quote=tdx.quote --tcb-update=early
check "are asked for, though there are others" bash -c 'grep -q "^/tdx/.*/tcb?fmspc=.*&update=early$" log && grep -q "^/tdx/.*/qe/identity?update=early$" log'
check "the rest is had" test "$(grep -c '^had ' out)" = 2
check "they count" cmp cache/tcb-info-90c06f000000.json wrong/tcb-info-newer
check "and verify" expect 0 verify --type=tdx --quote=tdx.quote --set min_tcb_evaluation=18
check "by the lower number of the two" expect 4 verify --type=tdx --quote=tdx.quote --set min_tcb_evaluation=19
numbered update=standard "www/$tcb"
check "the standard ones are older then" expect 3 fetch --quote=tdx.quote --tcb-update=standard
check "which is said" says '^missing .*TCB info: .*older than what was verified here before'
check "and nothing is lost" cmp cache/tcb-info-90c06f000000.json wrong/tcb-info-newer
forget
numbered tcbEvaluationDataNumber=18 "www/$tcb"
check "number 18" expect 0 fetch --quote=tdx.quote --tcb-evaluation=18
check "is asked for" bash -c 'grep -q "^/tdx/.*/tcb?fmspc=.*&tcbEvaluationDataNumber=18$" log && grep -q "^/tdx/.*/qe/identity?tcbEvaluationDataNumber=18$" log'
check "and verified" expect 0 verify --type=tdx --quote=tdx.quote
: >log
check "once more" expect 0 fetch --quote=tdx.quote --tcb-evaluation=18
check "it is had" asked ""
numbered tcbEvaluationDataNumber=17 "www/$tcb"
check "number 17, of a server that gives another" expect 3 fetch --quote=tdx.quote --tcb-evaluation=17
check "is refused" says '^missing .*TCB info: .*its tcbEvaluationDataNumber is 18, not 17'
check "the one of the cache is none either" expect 3 fetch --offline --quote=tdx.quote --tcb-evaluation=17
check "... is said" says '^missing .*TCB info: .*its tcbEvaluationDataNumber is 18, not 17'
check "a number that there is not" expect 3 fetch --quote=tdx.quote --tcb-evaluation=99
check "is said" says 'TCB info: .*HTTP status 404, "no"; Intel answers so for a number that it does not have'
mood "$tcb&tcbEvaluationDataNumber=17" "says 410 Gone"
check "a number that is retired" expect 3 fetch --quote=tdx.quote --tcb-evaluation=17
check "is said" says 'TCB info: .*HTTP status 410, "Gone"; Intel answers so for a number that is retired'
check "others are not meant" bash -c '! grep "revocation" out | grep -q "Intel answers"'
for bad in --tcb-update=late --tcb-update= --tcb-evaluation=0 --tcb-evaluation=x --tcb-evaluation=4294967296 "--tcb-update=early --tcb-evaluation=18" "--tcb-update=early --offline"; do
	# shellcheck disable=SC2086 # two options, some of them
	check "$bad" expect 64 fetch --quote=tdx.quote $bad
done

# ---- the command line ----
forget
for url in http://example.org http://127.0.0.1@example.org http://localhost ftp://127.0.0.1 file:///tmp x https:// "https://127.0.0.1/?a=b"; do
	check "not from $url" expect 64 "$cococtl" attest fetch --cache=cache --trust=pins --pcs="$url" --report=milan.report
	check "not from $url: said" said 'is not https://'
done
check "an empty address" expect 64 "$cococtl" attest fetch --cache=cache --trust=pins --kds= --report=milan.report
check "an empty address: said" said 'is empty'
check "malformed evidence" expect 2 fetch --report=pins
check "a cut quote" expect 2 fetch --quote=cut.quote
check "a malformed bundle" expect 2 fetch --bundle=pins
check "an unknown product" expect 64 fetch --report=milan.report --product=Rome
check "another product" expect 64 fetch --report=milan.report --product=Genoa
check "offline and anew" expect 64 fetch --offline --refresh --report=milan.report
check "no time" expect 64 fetch --timeout=soon --report=milan.report
check "an option of verify" expect 64 fetch --report=milan.report --at=2026-01-01
check "an option of fetch" expect 64 verify --type=snp --report=milan.report --offline
check "certificates alone" expect 3 fetch --cert=vcek.cert --root="$work/empty" --tpm="$work/no"
mkdir empty
check "this guest, which has no evidence" expect 3 fetch --root="$work/empty" --tpm="$work/no"
check "is said" said 'There is no evidence'
check "nobody was asked" asked ""
finish

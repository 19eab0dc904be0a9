#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cocod --check-config for users who may not read everything: an unreadable file is an error, and never counts as empty.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP only root can become another user"; exit 0; }
command -v setpriv >/dev/null || { echo "1..0 # SKIP setpriv is missing"; exit 0; }

root=$work/root
conf=$root/etc/cocod
chmod 755 "$work"
cp "$top_builddir/cocod" "$top_builddir/cocod-worker" "$work"
chmod 755 "$work/cocod" "$work/cocod-worker"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
# As in cocod.service: root, but without the capabilities that override modes.
less=-dac_override,-dac_read_search
# shellcheck disable=SC2034 # named by "who" below
keeper=(setpriv "--bounding-set=$less" "--inh-caps=$less")
"${nobody[@]}" "$work/cocod" --version >/dev/null 2>&1 || { echo "1..0 # SKIP the programs cannot be run by another user"; exit 0; }

fill() {
	rm -rf "$root"
	mkdir -p "$conf/secrets.d" "$conf/cocod.conf.d" "$root/run/cocod/secrets.d" "$root/usr/lib/cocod"
	printf '[Cocod]\nVerifyVolumeHeader=no\n' >"$conf/cocod.conf"
	printf '[Cocod]\nRequire=attested\n' >"$conf/cocod.conf.d/a.conf"
	printf '[Secret]\nGuid=736869e5-84f0-4973-92ec-06879ce3da0b\nConsumers=cryptsetup:data\n' >"$conf/secrets.d/data.conf"
}

# A broker too, whose identity is a certificate that nobody has the key of.
fill_broker() {
	fill
	mkdir -p "$conf/broker.conf.d"
	printf '[Broker]\nIdentity=/etc/cocod/broker.pem\n' >"$conf/broker.conf"
	printf '[Broker]\nUrl=vsock://2:8743\n' >"$conf/broker.conf.d/a.conf"
	sed -n '/define BROKER_PEM /,/END/{s/^\t"//;s/\\n" *\\*$//;/^[^#]/p}' "$top_srcdir/tests/unit/broker-pem.h" >"$conf/broker.pem"
	printf '[Secret]\nUri=kbs:///default/luks/root\n' >"$conf/secrets.d/root.conf"
}

# unreadable FILE PATH MODE AS...: with this mode of PATH, the check reports that FILE cannot be read.
unreadable() {
	local said=$1 path=$2 mode=$3

	shift 3
	fill_broker
	chown -R 65533 "$root/$path"
	chmod "$mode" "$root/$path"
	expect 1 "$@" "$work/cocod" --check-config --config-root="$root" && said "$root/$said: Permission denied; cocod runs as root without CAP_DAC_OVERRIDE"
}

fill
check "a user may check what all may read" expect 0 "${nobody[@]}" "$work/cocod" --check-config --config-root="$root"
check "... and gets the result" grep -q 'Require=attested, 1 secret configured' "$work/out"
for who in nobody keeper; do
	declare -n as=$who
	check "$who: cocod.conf of mode 000" unreadable etc/cocod/cocod.conf etc/cocod/cocod.conf 000 "${as[@]}"
	check "$who: cocod.conf.d of another user" unreadable etc/cocod/cocod.conf.d etc/cocod/cocod.conf.d 700 "${as[@]}"
	check "$who: a drop-in of another user" unreadable etc/cocod/cocod.conf.d/a.conf etc/cocod/cocod.conf.d/a.conf 600 "${as[@]}"
	check "$who: secrets.d of another user" unreadable etc/cocod/secrets.d etc/cocod/secrets.d 700 "${as[@]}"
	check "$who: secrets.d that can be listed only" unreadable etc/cocod/secrets.d/data.conf etc/cocod/secrets.d 744 "${as[@]}"
	check "$who: a secret's file of another user" unreadable etc/cocod/secrets.d/data.conf etc/cocod/secrets.d/data.conf 600 "${as[@]}"
	check "$who: broker.conf of mode 000" unreadable etc/cocod/broker.conf etc/cocod/broker.conf 000 "${as[@]}"
	check "$who: broker.conf.d of another user" unreadable etc/cocod/broker.conf.d etc/cocod/broker.conf.d 700 "${as[@]}"
	check "$who: a drop-in of the broker of another user" unreadable etc/cocod/broker.conf.d/a.conf etc/cocod/broker.conf.d/a.conf 600 "${as[@]}"
	check "$who: the broker's identity" unreadable etc/cocod/broker.pem etc/cocod/broker.pem 600 "${as[@]}"
	check "$who: /run/cocod/secrets.d" unreadable run/cocod/secrets.d run/cocod/secrets.d 700 "${as[@]}"
	check "$who: /usr/lib/cocod" unreadable usr/lib/cocod/cocod.conf.d usr/lib/cocod 700 "${as[@]}"
	check "$who: /etc" unreadable etc/cocod/cocod.conf etc 700 "${as[@]}"
	fill
	printf '[Policy]\n' >"$conf/attest.conf"
	rm "$conf/cocod.conf.d/a.conf"
	chown 65533 "$conf/attest.conf"
	chmod 000 "$conf/attest.conf"
	check "$who: attest.conf of mode 000" expect 1 "${as[@]}" "$work/cocod" --check-config --config-root="$root"
	check "... is reported" said "attest.conf: Permission denied"
done

# ---- the volumes ----
lists() { expect 0 "$work/cocod" --list-volumes --config-root="$root" && [ "$(sort "$work/out" | xargs)" = "$1" ]; }
consumers() { printf '[Secret]\nGuid=0f2e573e-be4d-a7d6-bdc4-908077d7628%d\nConsumers=%s\n' "$1" "$2" >"$conf/secrets.d/$1.conf"; }
set -f
fill
check "the volume that a secret is for is listed" lists data
consumers 1 "get cryptsetup:a-b credential:cryptsetup.service cryptsetup:c"
check "... so are those of another one, and nothing but volumes" lists "a-b c data"
consumers 2 "cryptsetup"
check "a secret for any volume is a star" lists "* a-b c data"
rm "$conf/secrets.d/"{2,data}.conf
consumers 1 "get credential:cryptsetup.service"
check "with none for a volume the conventional one is for any" lists "*"
consumers 1 "nobody"
check "with a mistake nothing is listed" expect 1 "$work/cocod" --list-volumes --config-root="$root"
check "... nothing at all" [ ! -s "$work/out" ]
check "another mode excludes it" expect 1 "$work/cocod" --list-volumes --check-config
set +f

fill_broker
check "a broker" expect 0 "$work/cocod" --check-config --config-root="$root"
check "... is described" grep -q 'The broker is recognised by Identity=, at 1 address; it has 1 of the secrets' "$work/out"
rm "$conf/secrets.d/root.conf"
check "a broker without a secret" expect 0 "$work/cocod" --check-config --config-root="$root"
check "... is warned of" said "no file in secrets.d has Uri="
printf '[Broker]\n' >"$conf/broker.conf.d/backup"
check "a drop-in of the broker that is not read" expect 0 "$work/cocod" --check-config --config-root="$root"
check "... is warned of too" said "'broker.conf.d/backup' is not read"

# Programs for other machines than x86-64 do not start without it.
if ! ldd "$work/cocod" | grep -q libcrypto; then
	mkdir "$work/broken"
	echo 'not a library' >"$work/broken/libcrypto.so.3"
	chmod -R a+rX "$work/broken"
	broken=(env "LD_LIBRARY_PATH=$work/broken" "$work/cocod" --check-config --config-root="$root")
	fill
	check "without OpenSSL cocod-worker, which judges policies, says so" expect 1 "${broken[@]}"
	check "... in words" said "cocod-worker: OpenSSL cannot be loaded: .*libcrypto.so.3"
	fill_broker
	check "a broker's configuration is refused" expect 1 "${broken[@]}"
	check "... because of the broker's certificate" said "broker.pem: OpenSSL cannot be loaded: .*libcrypto.so.3"
	check "... and of the secret's name" said "root.conf: OpenSSL cannot be loaded: .*libcrypto.so.3"
fi

fill
check "a root that does not exist" expect 1 "$work/cocod" --check-config --config-root="$root/nowhere"
check "... is reported" said "root folder does not exist"

# ---- what cocod-worker judges ----
cd "$work" || exit 99
checks() { expect "$1" "$work/cocod" --check-config --config-root="$root"; }
prints() { grep -q -e "$1" "$work/out" && return; cat "$work/out"; return 1; }
cache=$root/var/cache/cocod
collateral() {
	fill
	mkdir -p "$cache" "$conf/collateral"
	cp pins "$conf/attest.trust"
	printf '[snp]\nmin_tcb=1:0:1:1\nid_key_digest=%096d\n' 1 >"$conf/attest.conf"
	cp www/vcek/v1/Milan/cert_chain "$cache/cert-chain-vcek-Milan.pem"
	cp www/vcek/v1/Milan/crl "$cache/crl-vcek-Milan.der"
	cp "www/tdx/certification/v4/tcb?fmspc=90c06f000000" "$cache/tcb-info-90c06f000000.json"
	cp www/tdx/certification/v4/qe/identity "$cache/qe-identity.json"
	cp chain.pem "$cache/tcb-chain-90c06f000000.pem"
	/usr/bin/python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(open("www/sgx/certification/v4/rootcacrl").read()))' >"$cache/root-crl.der"
	cp "www/sgx/certification/v4/pckcrl?ca=platform&encoding=der" "$cache/pck-crl-platform.der"
}
"$top_srcdir/tests/double/collateral-site" . || exit 99
# As cococtl attest fetch stores it: with the header's escapes decoded.
/usr/bin/python3 -c '
import sys, urllib.parse
for line in open("www/tdx/certification/v4/tcb?fmspc=90c06f000000.headers"):
    name, _, value = line.partition(":")
    if name == "TCB-Info-Issuer-Chain":
        sys.stdout.write(urllib.parse.unquote(value.strip()))
' >chain.pem
collateral
check "good collateral" checks 0
check "... says until when" prints "crl-vcek-Milan.der: revocation list of 'ARK-Milan', good until $(cat until)T"
check "... of Intel's too" prints "tcb-info-90c06f000000.json: TCB info of FMSPC 90c06f000000, evaluation data number 18, good until $(cat until)T"
check "... and what is the first to expire" prints "The first to expire is '.*', on $(cat until)T"
check "... and what only a quote can show" prints "pck-crl-platform.der: its signature is not checked here"
check "... what the policy is for" prints "attest.conf: judges evidence of SEV-SNP"
check "... and that there are other roots" prints "attest.trust: 2 root keys, in place"
check "another user may check it" expect 0 "${nobody[@]}" "$work/cocod" --check-config --config-root="$root"
# wrong NAME PATTERN COMMAND...: after COMMAND, the check finds a mistake and reports PATTERN.
wrong() {
	local name=$1 pattern=$2

	shift 2
	collateral
	"$@"
	check "$name" checks 1
	check "... is reported" said "$pattern"
}
put() { cp "$1" "$cache/$2"; }
text() { printf '%b' "$2" >"$root/$1"; }
counts() { [ "$(grep -c -e "$2" "$work/err")" = "$1" ]; }
broken() { printf 'X' | dd of="$cache/$1" bs=1 seek="$2" conv=notrunc status=none; }
wrong "a misspelt option in attest.conf" "attest.conf:2: .*measurment" text etc/cocod/attest.conf '[Policy]\nmeasurment=00\n'
wrong "a policy of comments" "attest.conf: By this policy no evidence is ever accepted" text etc/cocod/attest.conf '# none\n'
wrong "a policy without an identity" "attest.conf: By this policy no evidence is ever accepted" text etc/cocod/attest.conf '[snp]\nmin_tcb=1:0:1:1\n'
check "... says what is missing" prints "attest.conf: refuses all evidence of SEV-SNP, for it names no identity of what runs: measurement= "
wrong "a measurement of who knows what" "attest.conf: By this policy no evidence is ever accepted" text etc/cocod/attest.conf "[snp]\nmeasurement=$(printf '%096d' 1)\n"
check "... says so" prints "attest.conf: refuses all evidence of SEV-SNP, for it names an identity that may not cover kernel"
wrong "an option of another kind's" "attest.conf: By this policy no evidence is ever accepted" text etc/cocod/attest.conf \
	"[snp]\nid_key_digest=$(printf '%096d' 1)\nmrtd=$(printf '%096d' 1)\n"
check "... says so" prints "attest.conf: refuses all evidence of SEV-SNP, which nobody can judge by mrtd=: give that in a section of its kind"
wrong "garbage in attest.trust" "attest.trust:1: It is neither a key" text etc/cocod/attest.trust garbage
wrong "an attest.trust of comments" "attest.trust: It has no key" text etc/cocod/attest.trust '# none\n'
wrong "the roots that are built in" "Certificate 'ARK-Milan' leads to no trusted root; the problem is with 'ARK-Milan': its key is not one" rm "$conf/attest.trust"
wrong "an invalid certificate" "cert-x.pem: It is neither a certificate" text var/cache/cocod/cert-x.pem garbage
wrong "a certificate that has expired" "cert-vcek.der: certificate 'SEV-VCEK' has expired (good from .* to " put wrong/vcek-expired cert-vcek.der
wrong "a certificate without its issuer" "'SEV-VCEK' leads to no trusted root; the problem is with 'SEV-VCEK': its issuer did not sign it" \
	bash -c "cp 'wrong/vcek-of-another-chip' '$cache/cert-vcek.der'; rm '$cache/cert-chain-vcek-Milan.pem'"
# chain_of N: a file with N certificates, of which each issued the next, the first for itself; the first is trusted.
chain_of() {
	/usr/bin/python3 - "$1" >"$cache/cert-long.pem" 3>>"$conf/attest.trust" <<'EOF'
import datetime, hashlib, os, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
now = datetime.datetime.now(datetime.timezone.utc)
issuer_name = issuer_key = None
for i in range(int(sys.argv[1])):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"link {i}")])
    b = x509.CertificateBuilder().subject_name(name).issuer_name(issuer_name or name).public_key(key.public_key())
    b = b.serial_number(i + 1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(90))
    b = b.add_extension(x509.BasicConstraints(True, None), True)
    b = b.add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
    cert = b.sign(issuer_key or key, hashes.SHA256())
    sys.stdout.write(cert.public_bytes(serialization.Encoding.PEM).decode())
    if i == 0:
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        os.write(3, (hashlib.sha256(spki).hexdigest() + "\n").encode())
    issuer_name, issuer_key = name, key
EOF
}
collateral
chain_of 5
check "a chain of five certificates" checks 0
wrong "a chain of six" "cert-long.pem: Certificate 'link 5' leads to no trusted root" chain_of 6
check "... and the sixth is the only one that is wrong" counts 1 cert-long.pem
wrong "a list that has expired" "crl-vcek-Milan.der: revocation list of 'ARK-Milan' has expired" put wrong/crl-expired crl-vcek-Milan.der
wrong "a list of another" "crl-vcek-Milan.der: " put wrong/crl-of-another crl-vcek-Milan.der
wrong "an invalid list" "crl-vcek-Milan.der: It is not a revocation list" text var/cache/cocod/crl-vcek-Milan.der garbage
wrong "TCB info that has expired" "tcb-info-90c06f000000.json: TCB info of FMSPC 90c06f000000, .* has expired" put wrong/tcb-info-expired tcb-info-90c06f000000.json
wrong "invalid TCB info" "tcb-info-90c06f000000.json: It is not a TCB info: it is not JSON" text var/cache/cocod/tcb-info-90c06f000000.json '{'
wrong "TCB info without its chain" "tcb-info-90c06f000000.json: The certificate that signed it is not here" rm "$cache/tcb-chain-90c06f000000.pem"
wrong "an invalid QE identity" "qe-identity.json: It is not a QE identity: it is not JSON" text var/cache/cocod/qe-identity.json '{'
wrong "QE identity that was changed" "qe-identity.json: It is not signed" sed -i 's/"tcbEvaluationDataNumber":18/"tcbEvaluationDataNumber":19/' "$cache/qe-identity.json"
wrong "a memory that is damaged" "newest: The memory of what was verified is damaged" text var/cache/cocod/newest 'coco-newest 1\nx\n'
root_key=$(/usr/bin/python3 -c '
import hashlib, re
from cryptography import x509
from cryptography.hazmat.primitives import serialization
pem = open("chain.pem").read()
last = re.findall("-----BEGIN.*?END CERTIFICATE-----", pem, re.S)[-1]
key = x509.load_pem_x509_certificate(last.encode()).public_key()
print(hashlib.sha256(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest())
')
wrong "TCB info older than what was verified" "tcb-info-90c06f000000.json: TCB info .* is older than what was verified before" \
	text var/cache/cocod/newest "coco-newest 1\ntcb-info-90c06f000000 $root_key 13 1\n"
many() { for i in {1..33}; do cp wrong/vcek-of-another-chip "$conf/collateral/cert-$i.der"; done; }
wrong "more files than are looked at" "etc/cocod/collateral: There are more than 32 files" many
# Spaces after the document belong to the file, and say nothing.
large() { for i in {1..5}; do { cat "$cache/qe-identity.json"; printf '%1000000s' ''; } >"$cache/qe-identity-$i.json"; done; }
wrong "more bytes than are looked at" "$root: together the files are larger than 4194304 bytes" large
wrong "a link that leads nowhere" "collateral/crl-x: It is a link" ln -s nowhere "$conf/collateral/crl-x"
wrong "a FIFO" "collateral/crl-x: It is not a regular file" mkfifo "$conf/collateral/crl-x"
check "... once" counts 1 crl-x
wrong "a folder" "collateral/crl-x: It is a folder" mkdir "$conf/collateral/crl-x"
wrong "a large file" "collateral/crl-x: It is larger" truncate -s 2G "$conf/collateral/crl-x"
collateral
chmod 700 "$conf/collateral"
check "collateral of another user" expect 1 "${nobody[@]}" "$work/cocod" --check-config --config-root="$root"
check "... is reported" said "etc/cocod/collateral: Permission denied"
collateral
put wrong/crl-expired crl-old.der
check "an expired list beside a good one" checks 0
check "... is reported" prints "crl-old.der: revocation list of 'ARK-Milan', has expired; another one counts"
for end in 'exit 3' 'kill -9 $$'; do
	printf '#!/bin/sh\n%s\n' "$end" >"$work/cocod-worker"
	check "a cocod-worker that ends by '$end'" checks 1
	check "... is reported" said "cocod-worker' did not come to an end; attest.conf and what belongs to it are not checked"
done
cp "$top_builddir/cocod-worker" "$work"

# ---- what does not fit together ----
fill
printf '[Cocod]\nRequire=evidence\n' >"$conf/cocod.conf.d/a.conf"
check "Require=evidence without a policy" checks 1
check "... is reported" said "There is no attest.conf: with Require=evidence no launch secret is ever released"
printf '[snp]\nid_key_digest=%096d\n' 1 >"$conf/attest.conf"
printf '[Cocod]\nRequire=none\n' >"$conf/cocod.conf.d/a.conf"
check "Require=none beside a policy" checks 0
check "... is a warning" said "attest.conf: Require=none: nothing is judged by this policy"
fill
mv "$conf/secrets.d/data.conf" "$conf/secrets.d/data"
check "a file whose name does not end in .conf" checks 0
check "... is a warning" said "'secrets.d/data' is not read, for its name does not end in .conf"
check "a root below this folder" expect 0 "$work/cocod" --check-config --config-root=root
check "... with a slash" expect 0 "$work/cocod" --check-config --config-root=root/
fill
check "volumes without a crypttab" checks 0
check "... are a warning" said "etc/crypttab: The file does not exist"
printf '# data\n\n  home\tUUID=x\ndata2 /dev/vdb\ndata /dev/vda - luks\n' >"$root/etc/crypttab"
check "a volume in crypttab" checks 0
check "... is no warning" test ! -s "$work/err"
sed -i '$d' "$root/etc/crypttab"
check "a volume that is not in crypttab" checks 1
check "... is reported" said "etc/crypttab: There is no volume 'data', which Consumers= of the secret 'data' names"
rm "$root/etc/crypttab"
ln -s nowhere "$root/etc/crypttab"
check "a crypttab that cannot be read" checks 1
check "... is reported" said "etc/crypttab: It is a link"
check "cocod-worker --config-root alone" expect 2 "$work/cocod-worker" --config-root="$root"
check "cocod-worker of a kind does not check" expect 2 "$work/cocod-worker" --kind=luks --check-config

vectors=$COCO_VECTORS/field/config
if [ -d "$vectors" ]; then
	for i in twice long-comment; do
		fill
		rm "$conf/cocod.conf.d/a.conf"
		cp "$vectors/$i.conf" "$conf/cocod.conf"
		check "$i.conf" checks 1
		check "... is refused by its line" said "cocod.conf:[0-9]*: "
	done
	check "two mistakes in what evidence is judged by" expect 1 "$work/cocod" --check-config --config-root="$vectors/check-config"
	check "... both" said "attest.conf:2: .*measurment"
	check "... are named" said "attest.trust:1: "
else
	skip "the configurations that were wrong once" "no vectors"
fi
finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Evidence from Azure's vTPM, with a real TPM 2.0, swtpm, provisioned as Azure does it: an HCL report in NV and a persistent
# attestation key.
# shellcheck disable=SC2016,SC2317 # functions are called by check, and expand then
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

for tool in swtpm tpm2_createprimary; do
	command -v "$tool" >/dev/null || { echo "1..0 # SKIP $tool is not here: install swtpm and tpm2-tools"; exit 0; }
done
cococtl=$top_builddir/cococtl
tpm=$work/tpm
nonce=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
export TPM2TOOLS_TCTI=swtpm:path=$tpm
mkdir "$work/state" "$work/root"

# With a folder as --root, the providers of this machine are not used.
report() { "$cococtl" attest report --root="$work/root" --tpm="${TPM:-$tpm}" --nonce="$nonce" --output="$work/bundle" "$@"; }

background swtpm socket --tpm2 --tpmstate dir="$work/state" --server type=unixio,path="$tpm" --ctrl type=unixio,path="$tpm.ctrl" \
	--flags not-need-init,startup-clear 2>/dev/null
appears "$tpm" "${tap_pids[0]}" || exit 99

make_ak() {
	tpm2_createprimary -C o -G "rsa2048:$1:null" -c "$work/ak.ctx" \
		-a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign' &&
		tpm2_evictcontrol -C o -c "$work/ak.ctx" 0x81000003 &&
		tpm2_flushcontext -t &&
		tpm2_readpublic -c 0x81000003 -f pem -o "$work/ak.pem"
}
drop_ak() { tpm2_evictcontrol -C o -c 0x81000003; }
make_nv() {
	tpm2_nvdefine -C o -s "$(stat -c %s "$1")" -a 'ownerread|ownerwrite' 0x01400001 && tpm2_nvwrite -C o -i "$1" 0x01400001
}
drop_nv() { tpm2_nvundefine -C o 0x01400001; }

# An HCL report whose hardware report is not signed.  Gathering only checks sizes.
/usr/bin/python3 - "$work/hcl" <<'P'
import sys
body = bytes(i * 7 % 256 for i in range(1900 - 32))
open(sys.argv[1], "wb").write(b"HCLA" + bytes(28) + body)
open(sys.argv[1] + ".short", "wb").write(b"HCLA" + bytes(96))
P

check "a TPM that has no HCL report is no Azure VM" expect 1 report
check "... in words" said 'tpm: the TPM has no HCL report (0x1400001): this is not an Azure confidential VM'
check "the NV index is made" make_nv "$work/hcl.short"
check "an HCL report that is short" expect 1 report
check "... in words" said 'NV index 0x1400001 has 100 bytes, which is not an HCL report'
check "the right one is made" eval 'drop_nv && make_nv "$work/hcl"'
check "without an attestation key" expect 1 report
check "... in words" said 'has no attestation key (0x81000003)'
check "a key of another scheme is made" make_ak rsapss-sha256
check "... is refused" expect 1 report
check "... in words" said 'does not sign with RSASSA and SHA-256'
check "the attestation key is made" eval 'drop_ak && make_ak rsassa-sha256'
check "PCRs have values" tpm2_pcrextend 4:sha256="$nonce" 8:sha256="$nonce" 15:sha256="$nonce"

check "evidence" expect 0 report
# Other programs judge the quote: python parses it, openssl verifies it.
cat >"$work/judge.py" <<'P'
import base64, hashlib, json, subprocess, sys
work, nonce = sys.argv[1], bytes.fromhex(sys.argv[2])
bundle = json.load(open(work + "/bundle"))
assert bundle["format"] == "coco-evidence" and bundle["version"] == 1, bundle
items = {i["kind"]: i.get("text") if "text" in i else base64.b64decode(i["data"], validate=True) for i in bundle["items"]}
assert items["type"] == "azure" and items["provider"] == "tpm" and items["nonce"] == nonce
assert items["hcl"] == open(work + "/hcl", "rb").read()
attest, pcrs = items["tpm-attest"], json.loads(items["tpm-pcrs"])
assert attest[:6].hex() == "ff5443478018"
n = int.from_bytes(attest[6:8], "big")
rest = attest[8 + n:]
n = int.from_bytes(rest[:2], "big")
assert rest[2:2 + n] == nonce, "the quote has another nonce"
rest = rest[2 + n + 17 + 8:]
assert rest[:10].hex() == "00000001000b03ffff00", "the selection is not PCRs 0 to 15 of SHA-256"
assert list(pcrs) == [str(i) for i in range(16)]
assert rest[12:] == hashlib.sha256(b"".join(bytes.fromhex(v) for v in pcrs.values())).digest()
extended = hashlib.sha256(bytes(32) + nonce).hexdigest()
assert all(v == (extended if k in ("4", "8", "15") else "00" * 32) for k, v in pcrs.items()), pcrs
open(work + "/attest", "wb").write(attest)
open(work + "/sig", "wb").write(items["tpm-signature"])
subprocess.run(["openssl", "dgst", "-sha256", "-verify", work + "/ak.pem", "-signature", work + "/sig", work + "/attest"], check=True)
P
check "... is the TPM's, over our nonce and all PCRs" /usr/bin/python3 "$work/judge.py" "$work" "$nonce"
check "--vmpl is not for a TPM" expect 1 report --vmpl=0
check "... in words" said 'neither privilege levels nor services'

# Doubles of a TPM that lie.
cat >"$work/liar.py" <<'P'
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + ".new")
s.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
while True:
    c, _ = s.accept()
    try:
        while c.recv(4096) and sys.argv[2] != "hangup":
            c.sendall(bytes.fromhex(sys.argv[2]))
    except OSError:
        pass
    c.close()
P
liar() {
	background /usr/bin/python3 "$work/liar.py" "$work/$1" "$2"
	appears "$work/$1" "${tap_pids[-1]}"
}
lies() {
	liar "$1" "$2"
	TPM=$work/$1 expect 1 report && said "$3"
}
check "a TPM that hangs up" lies hangup hangup "the TPM's answer did not come: Broken pipe"
check "a TPM that speaks something else" lies text "$(printf 'HTTP/1.1 400 Bad Request' | xxd -p)" "the TPM's answer did not come"
check "a TPM that lies about sizes" lies size 8001ffffffff00000000 "the TPM's answer did not come"
check "a TPM with a size of nothing" lies nothing 80010000000000000000 "the TPM's answer did not come"
check "a TPM whose answers are cut off" lies cut 80010000000a00000000 "the TPM's answer makes no sense"
check "a TPM that always fails" lies fails 80010000000a00000101 "the TPM answers error 0x101"
printf 'no TPM' >"$work/file"
check "a file is no TPM" eval 'TPM=$work/file expect 1 report'
check "no TPM at all" eval 'TPM=$work/none expect 1 report && said "tpm: there is no $work/none"'

# tpm2-tss is loaded when a TPM is asked.
mkdir "$work/broken" "$work/old"
echo 'not a library' >"$work/broken/libtss2-esys.so.0"
cp "$(ldd "$top_builddir/cocod" | sed -n 's,.* => \(/.*/libeconf\.so[^ ]*\) .*,\1,p')" "$work/old/libtss2-esys.so.0"
check "tpm2-tss is broken" eval 'LD_LIBRARY_PATH=$work/broken expect 1 report'
check "... in words" said 'tpm: the TPM cannot be asked: .*libtss2-esys.so.0'
check "tpm2-tss is too old" eval 'LD_LIBRARY_PATH=$work/old expect 1 report'
check "... in words" said 'the TPM cannot be asked: libtss2-esys.so.0 is too old: it has no Esys_'
check "what does not ask a TPM does not need it" eval 'LD_LIBRARY_PATH=$work/broken expect 0 "$cococtl" --version'

check "an invalid nonce" expect 64 "$cococtl" attest report --nonce=xy
check "a nonce that is too long" expect 64 "$cococtl" attest report --nonce="$nonce$nonce${nonce}00"
check "an invalid level" expect 64 "$cococtl" attest report --vmpl=4
check "an argument" expect 64 "$cococtl" attest report argument
finish

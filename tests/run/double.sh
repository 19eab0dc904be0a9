#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The double of the security processor refuses what the real one would.  A double that accepts everything would prove
# nothing.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

cat >cases.py <<'P'
import base64, json, os, struct, sys
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(sys.argv[1], "tests", "double"))
import hashlib, hmac
import processor
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

n = 0

def result(good, name):
    global n
    n += 1
    print(f"{'ok' if good else 'not ok'} {n} - {name}")

def outcome(cpu, header, data):
    try:
        return cpu.open_packet(header, data)
    except processor.FirmwareError as e:
        return e.name

tek, tik = os.urandom(16), os.urandom(16)
cpu = processor.Processor(tek, tik, firmware=b"firmware")

def packet(data, flags=0, iv=bytes(16), measure=None):
    e = Cipher(algorithms.AES(tek), modes.CTR(iv)).encryptor()
    data = e.update(data) + e.finalize()
    message = b"\1" + struct.pack("<I", flags) + iv + struct.pack("<II", len(data), len(data)) + data + (measure or cpu.measure)
    return struct.pack("<I", flags) + iv + hmac.new(tik, message, hashlib.sha256).digest(), data

plain = bytes(range(48))
h, d = packet(plain)
result(outcome(cpu, h, d) == plain, "a good packet opens")
result(all(outcome(cpu, bytes(b ^ (i == j) for j, b in enumerate(h)), d) in ("BAD_MEASUREMENT", "INVALID_PARAM") for i in range(52)), "no byte of the header may change")
result(all(outcome(cpu, h, bytes(b ^ (i == j) for j, b in enumerate(d))) == "BAD_MEASUREMENT" for i in range(48)), "no byte of the data may change")
result(outcome(cpu, *packet(plain, flags=1)) == "INVALID_PARAM", "no flags")
result(outcome(cpu, *packet(plain, measure=bytes(32))) == "BAD_MEASUREMENT", "no other launch")
result(outcome(cpu, h[:51], d) == outcome(cpu, h + b"\0", d) == "INVALID_LEN", "a header of 52 bytes")
result(all(outcome(cpu, *packet(bytes(x))) == "INVALID_LEN" for x in (0, 15, 17, 16400)), "data in blocks of 16, 16384 at most")
result(outcome(cpu, *packet(bytes(16384))) == bytes(16384), "16384 bytes open")
other = processor.Processor(tek, tik, firmware=b"firmware")
result(other.blob() != cpu.blob() and len(cpu.blob()) == 48, "each launch has its nonce")
cpu.state = "running"
result(outcome(cpu, h, d) == "INVALID_GUEST_STATE", "not after the launch")

from cryptography.hazmat.primitives import serialization

def start(pdh, godh, session, policy):
    try:
        return processor.launch_start(pdh, godh, session, policy, (255, 255))
    except processor.FirmwareError as e:
        return e.name

# Sessions that other tools made: each opens only with its own policy and PDH.
folder = os.path.join(sys.argv[2], "sev/session")
if os.path.exists(folder):
    load = lambda name, what: open(f"{folder}/{name}.{what}", "rb").read()
    for case in json.load(open(folder + "/cases.json")):
        if not case["pdh_private"]:
            continue
        name = case["name"]
        pdh = serialization.load_pem_private_key(load(name, "pdh.pem"), None)
        godh, session = (base64.b64decode(load(name, what)) for what in ("godh.b64", "session.b64"))
        result(start(pdh, godh, session, case["policy"]) == (tek := load(name, "tk.bin")[:16], load(name, "tk.bin")[16:]), f"session {name} opens")
        result(start(pdh, godh, session, case["policy"] ^ 8) == "BAD_MEASUREMENT", f"session {name}: not with another policy")
        result(all(start(pdh, godh, bytes(b ^ (i == j) for j, b in enumerate(session)), case["policy"]) == "BAD_MEASUREMENT" for i in range(0, 128, 3)),
               f"session {name}: no byte may change")
        result(start(pdh, godh[:0x14] + bytes(144) + godh[0xa4:], session, case["policy"]) == "INVALID_CERTIFICATE", f"session {name}: the owner's key is one")
else:
    n += 1
    print(f"ok {n} - sessions of others # SKIP no {folder}")

path = os.path.join(sys.argv[2], "sev/psp/q-cases.json")
if os.path.exists(path):
    q = json.load(open(path))
    cpu = processor.Processor(bytes.fromhex(q["tek"]), bytes.fromhex(q["tik"]), measure=bytes.fromhex(q["measurement"]))
    for case in q["cases"]:
        got = outcome(cpu, base64.b64decode(case["header"]), base64.b64decode(case["payload"]))
        result(got == case["error"] if case["error"] else isinstance(got, bytes), f"packet {case['name']}: {case['error']}")
    for case in json.load(open(os.path.join(sys.argv[2], "sev/secret/c-cases.json")))["build"]:
        cpu = processor.Processor(bytes.fromhex(case["tek"]), bytes.fromhex(case["tik"]), measure=bytes.fromhex(case["measurement"]))
        got = outcome(cpu, base64.b64decode(case["header"]), base64.b64decode(case["payload"]))
        result(isinstance(got, bytes) and got.hex() == case.get("table", got.hex()), f"packet {case['name']} opens")
else:
    n += 1
    print(f"ok {n} - packets of others # SKIP no {path}")
print(f"1..{n}")
P
/usr/bin/python3 cases.py "$top_srcdir" "$COCO_VECTORS"

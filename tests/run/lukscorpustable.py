# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of tests/run/luks-corpus: each header, the expected verdict, what cryptsetup does with it, and why they differ if they do."""

import struct
from typing import Callable, NamedTuple, Optional

import lukscorpus as m

GOOD, REFUSED, MALFORMED, NO_LUKS = "good", "refused", "malformed", "no LUKS"

# Reasons to refuse a volume that cryptsetup opens.
CIPHER = "the host may have chosen the cipher, and this one is none of those that are known to be sound here"
UNKNOWN = "what is not known here may change what the rest means"
TOKEN = "by this token the host, or somebody else, may open a volume without the owner's key"
UNDER_WAY = "a volume is judged at rest: while a reencryption runs the host chooses which of two keys is used"
DAMAGED = "cryptsetup takes the other header and repairs this one; whoever damaged it chose which is used"
LATE = "cryptsetup looks at this when it makes the mapping, after the passphrase was used"
STRICT = "two readers may take it for two things"
INTEGRITY = "of the kinds of integrity, hmac(sha256) over aes-xts alone is known here"
# Reasons to accept a volume that does not open: the worker reads no keyslot, and a wrong key opens nothing.
KEY_MISFIT = "the judge looks at how the key is kept, not whether it is the right one"


class Case(NamedTuple):
    name: str
    make: Callable
    judge: str = GOOD
    says: str = ""                  # a regular expression for the judge's reason
    opens: Optional[bool] = True    # None: it hangs on the kernel, or on cryptsetup's version
    why: str = ""
    dumps: Optional[bool] = True
    slow: bool = False
    may_lack: bool = False          # not every cryptsetup can make it
    allow: str = ""                 # the setting AllowTokens=
    hangs: bool = False             # cryptsetup is busy with it for years


def refused(name, make, says, why, **more):
    return Case(name, make, REFUSED, says, why=why, **more)


def broken(name, make, says, opens=False, **more):
    """Cryptsetup refuses it too, unless @more has a reason."""
    return Case(name, make, MALFORMED, says, opens=opens, **more)


CASES = [
    # ---- hashes and key derivation ----
    *[Case(f"hash-{h}", m.formatted("--hash", h)) for h in ("sha256", "sha512", "sha384", "sha1")],
    *[Case(f"hash-{h}", m.formatted("--hash", h), may_lack=True, slow=h in ("sha3-224", "sha3-384", "sha3-512"))
      for h in ("sha224", "sha3-224", "sha3-256", "sha3-384", "sha3-512", "blake2b-512", "blake2s-256", "whirlpool", "ripemd160")],
    *[Case(f"kdf-{k}", m.formatted("--pbkdf", k, "--pbkdf-memory", "32", "--pbkdf-force-iterations", "4", "--pbkdf-parallel", "1")) for k in ("argon2i", "argon2id")],
    refused("hash-unknown", m.at("keyslots/0/kdf/hash", "md77"), "md77", "", opens=False),
    broken("kdf-no-iterations", m.at("keyslots/0/kdf/iterations", 0), "iterations"),
    broken("kdf-short-salt", m.at("keyslots/0/kdf/salt", "AAAA"), "salt"),
    Case("kdf-early-leftovers", m.changed(m.early_leftovers)),
    Case("kdf-argon2-leftovers", m.changed(m.argon2_leftovers), opens=False, why=KEY_MISFIT),

    # ---- ciphers ----
    Case("cipher-xts-256", m.formatted("--key-size", "256")),
    Case("cipher-xts-512", m.formatted("--key-size", "512")),
    refused("cipher-cbc-essiv", m.formatted("--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"), "aes-cbc-essiv", CIPHER),
    refused("cipher-xts-plain", m.formatted("--cipher", "aes-xts-plain"), "aes-xts-plain'", CIPHER),
    *[refused(f"cipher-data-{c.split('-')[0]}", m.cipher(c, keyslot=False), c, CIPHER)
      for c in ("serpent-xts-plain64", "twofish-xts-plain64", "xchacha12,aes-adiantum-plain64", "cipher_null-ecb")],
    refused("cipher-data-capi", m.cipher("capi:xts(aes)-plain64", keyslot=False), "capi:xts", CIPHER),
    *[refused(f"cipher-keyslot-{c.split('-')[0]}", m.cipher(c, key_size=s), c, CIPHER if c == "cipher_null-ecb" else "", opens=None, dumps=None)
      for c, s in (("serpent-xts-plain64", 64), ("xchacha12,aes-adiantum-plain64", 32), ("cipher_null-ecb", 32))],
    refused("cipher-second-keyslot-null", m.changed(m.second_keyslot_null), "keyslots.1.area.encryption is 'cipher_null-ecb'", CIPHER),
    refused("key-size-one-byte", m.at("keyslots/0/key_size", 1), "key_size is 1", "", opens=False),
    refused("area-key-size-16", m.at("keyslots/0/area/key_size", 16), "key_size is 16", "", opens=False),

    # ---- sizes ----
    *[Case(f"sector-{s}", m.formatted("--sector-size", str(s)), slow=s in (1024, 2048)) for s in (512, 1024, 2048, 4096)],
    broken("sector-1536", m.at("segments/0/sector_size", 1536), "sector", opens=True, why=LATE),
    *[Case(f"metadata-{k}k", m.formatted("--luks2-metadata-size", f"{k}k", size=40 << 20), slow=k not in (32, 4096)) for k in (32, 64, 128, 256, 512, 1024, 2048, 4096)],
    Case("keyslots-512k", m.formatted("--luks2-keyslots-size", "512k")),
    Case("keyslots-128m", m.formatted("--luks2-keyslots-size", "128m", "--offset", "270336", size=140 << 20), slow=True),
    Case("data-offset-32m", m.formatted("--offset", "65536", size=40 << 20)),

    # ---- names, flags, keyslots ----
    Case("label", m.formatted("--label", "data", "--subsystem", "coco")),
    Case("label-utf8", m.formatted("--label", "données")),
    *[Case(f"flag-{f}", m.at("config/flags", [f])) for f in ("allow-discards", "no-read-workqueue")],
    Case("flag-unknown", m.at("config/flags", ["sing"])),
    Case("priority-prefer", m.then("config --priority prefer --key-slot 0 DEVICE")),
    Case("priority-ignore", m.then("config --priority ignore --key-slot 0 DEVICE"), opens=False, why="a keyslot that is only used when it is named opens nothing here"),
    Case("two-keyslots", m.then("luksAddKey --key-file KEY --pbkdf pbkdf2 --pbkdf-force-iterations 1000 DEVICE KEY")),
    Case("unbound-keyslot", m.then("luksAddKey --unbound --key-size 256 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 DEVICE KEY")),
    refused("no-keyslots", m.then("erase DEVICE"), "no key opens", "", opens=False),
    Case("keyslot-area-overlaps", m.changed(m.overlapping), opens=False, dumps=False, why=KEY_MISFIT),
    broken("keyslot-area-outside", m.at("keyslots/0/area/offset", str(1 << 40)), "outside", dumps=False),
    broken("keyslot-area-in-header", m.at("keyslots/0/area/offset", "4096"), "outside", dumps=False),
    refused("keyslot-type-unknown", m.at("keyslots/0/type", "luks9"), "luks9", "", opens=False),
    broken("af-stripes-1", m.at("keyslots/0/af/stripes", 1), "stripes", opens=True, why="cryptsetup takes 4000 whatever it says there; other readers may not"),
    Case("detached", m.detached),

    # ---- tokens ----
    Case("token-keyring", m.then("token add --key-description coco:data DEVICE")),
    Case("token-keyring-utf8", m.token("luks2-keyring", key_description="clé")),
    Case("token-coco", m.token("coco", **{"coco-secret": "data"})),
    Case("token-systemd-recovery", m.token("systemd-recovery")),
    *[refused(f"token-{t}", m.token(t, **more), f"'{t}'", TOKEN) for t, more in (
        ("systemd-tpm2", {"tpm2-blob": "AAAA", "tpm2-pcrs": [7], "tpm2-pcr-bank": "sha256", "tpm2-primary-alg": "ecc", "tpm2-policy-hash": "00" * 32, "tpm2-pin": False}),
        ("systemd-fido2", {"fido2-credential": "AAAA", "fido2-salt": "AAAA", "fido2-rp": "io.systemd.cryptsetup", "fido2-clientPin-required": False, "fido2-up-required": True, "fido2-uv-required": False}),
        ("systemd-pkcs11", {"pkcs11-uri": "pkcs11:x", "pkcs11-key": "AAAA"}),
        ("clevis", {"jwe": {"ciphertext": "AA", "encrypted_key": "", "iv": "AA", "protected": "AA", "tag": "AA"}}),
        ("ssh", {"ssh_server": "host", "ssh_user": "user", "ssh_path": "/key", "ssh_keypath": "/id"}),
        ("ubuntu-fde", {"ubuntu_fde_name": "default", "ubuntu_fde_priority": 0}),
        ("stratis", {"activation_name": "a", "device_uuid": "b", "pool_uuid": "c"}),
        ("Azure_Disk_Encryption", {"DiskEncryptionKeyFileName": "LinuxPassPhraseFileName", "KeyVaultURL": "https://x/"}),
        ("song", {"verse": 1}))],
    Case("token-32", m.at("tokens", {str(i): {"type": "coco", "keyslots": []} for i in range(32)})),
    broken("token-number-32", m.at("tokens", {"32": {"type": "coco", "keyslots": []}}), "number from 0 to 31", dumps=None),
    Case("token-deep", m.token("coco", deep=[[[[[[[[[1]]]]]]]]])),
    *[Case(f"token-allowed-{t}", m.token(t), allow=f"clevis {t}") for t in ("clevis", "ubuntu-fde", "Azure_Disk_Encryption")],
    refused("token-allowed-other", m.token("ssh"), "'ssh'", TOKEN, allow="clevis sshd ss"),
    refused("token-type-with-blank", m.token("clevis x"), "token", TOKEN, allow="clevis x"),
    refused("token-type-empty", m.token(""), "token", "", opens=False, dumps=False, allow="clevis"),
    broken("token-non-utf8", m.text(b'"tokens":{}', b'"tokens":{"0":{"type":"coco","keyslots":[],"x":"\xff"}}'), "malformed", opens=True, why=STRICT),

    # ---- integrity ----
    Case("integrity-hmac-sha256", m.integrity("hmac(sha256)", 96)),
    refused("integrity-none", m.integrity("none", 64), "integrity", INTEGRITY),
    refused("integrity-aead-random", m.integrity("aead", 64, "aegis128-random"), "aegis128-random|integrity", INTEGRITY),
    refused("integrity-poly1305", m.integrity("poly1305", 32, "chacha20-random"), "chacha20-random|key_size|integrity", INTEGRITY),
    Case("integrity-no-journal", m.no_journal),
    Case("integrity-hmac-xts-256", m.integrity("hmac(sha256)", 64)),
    refused("integrity-key-of-hmac-only", m.integrity("hmac(sha256)", 32), "key", INTEGRITY),
    refused("integrity-hmac-over-null", m.integrity("hmac(sha256)", 64, "cipher_null-ecb"), "cipher_null", CIPHER),

    # ---- reencryption ----
    *[refused(f"requirement-{r}", m.requirement(r), f"'{r}'", "", opens=None, dumps=None)
      for r in ("online-reencrypt", "online-reencrypt-v2", "online-reencrypt-v3", "offline-reencrypt", "opal", "inline-hw-tags", "fly")],
    refused("reencrypt-begun", m.then("reencrypt --init-only --key-file KEY --pbkdf pbkdf2 --pbkdf-force-iterations 1000 DEVICE"), "reencrypt|segments has", UNDER_WAY),
    refused("reencrypt-half", m.half_reencrypted, "reencrypt|segments has", UNDER_WAY, slow=True),
    Case("reencrypt-done", m.then("reencrypt --key-file KEY --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --resilience none --force-offline-reencrypt DEVICE"), slow=True),
    refused("reencrypt-decrypt", m.decrypting, "reencrypt|segments has", UNDER_WAY),
    refused("requirements-twice", m.at("config/requirements", {"mandatory": [], "optional": []}), "optional", UNKNOWN),

    # ---- the two headers ----
    Case("seqid-differs", m.image(lambda i: i.field(16, struct.pack(">Q", 77), headers=(1,)))),
    refused("second-newer-and-null", m.image(m.secondary_newer), "second LUKS2 header: segments.0.encryption is .cipher_null-ecb.", DAMAGED),
    broken("first-corrupt", m.image(lambda i: i.data.__setitem__(5000, 0xff)), "repair", opens=True, why=DAMAGED),
    broken("second-corrupt", m.image(lambda i: i.data.__setitem__(i.hdr_size + 5000, 0xff)), "repair", opens=True, why=DAMAGED),
    Case("first-destroyed", m.image(lambda i: i.data.__setitem__(slice(0, 4096), bytes(4096))), NO_LUKS, "destroyed", why=DAMAGED),
    Case("both-destroyed", m.image(lambda i: i.data.__setitem__(slice(0, 32768), bytes(32768))), NO_LUKS, "", opens=False, dumps=False),
    broken("uuids-differ", m.image(lambda i: i.field(168, b"2b4e28ba", headers=(1,))), "different volumes", opens=True, why=DAMAGED),
    refused("checksum-sha1", m.image(lambda i: i.field(72, b"sha1\0\0")), "sha1", "", opens=False, dumps=False),
    Case("version-3", m.image(lambda i: i.field(6, b"\0\x03")), NO_LUKS, "version 3", opens=False, dumps=False),
    broken("header-size-odd", m.image(lambda i: i.field(8, struct.pack(">Q", 20000), headers=(0,))), "malformed", opens=None, dumps=None),
    broken("cut-off", m.changed(lambda _: None, size=20000), "ends within", opens=None, dumps=None),

    # ---- the text ----
    *[broken(f"number-{n}", m.text(b'"iterations":1000', b'"iterations":' + v), "", opens=None, dumps=None, hangs=n in ("65-bits", "30-digits", "negative"))
      for n, v in (("65-bits", b"18446744073709551616"), ("30-digits", b"9" * 30), ("negative", b"-1"), ("float", b"1000.0"), ("exponent", b"1e3"))],
    broken("decimal-65-bits", m.at("segments/0/offset", "18446744073709551616"), "offset", dumps=False),
    broken("decimal-negative", m.at("segments/0/offset", "-1"), "offset", dumps=False),
    broken("decimal-hex", m.at("segments/0/offset", "0x1000000"), "offset", dumps=False),
    broken("member-twice", m.text(b'"hash":"sha256"', b'"hash":"sha1","hash":"sha256"'), "twice", opens=True, why=STRICT),
    broken("segment-twice", m.text(b'"segments":{', b'"segments":{},"segments":{'), "twice", opens=True, why=STRICT),
    broken("bytes-behind", m.image(lambda i: i.put_both(bytes(i.data[4096:i.hdr_size]).split(b"\0", 1)[0], b"{}")), "behind", opens=None, why=STRICT, dumps=None),
    broken("comment", m.text(b'"tokens"', b'/* */"tokens"'), "malformed", opens=None, dumps=None),
    broken("single-quotes", m.text(b'"tokens"', b"'tokens'"), "", opens=None, dumps=None),
    broken("nul-in-string", m.text(b'"aes-xts-plain64"', b'"aes-xts-plain64\\u0000x"'), "NUL|escapes", opens=None, dumps=None),
    broken("no-end", m.image(lambda i: i.put_both(b"{" + b" " * i.hdr_size)), "no end|malformed", dumps=False),
    broken("empty-text", m.image(lambda i: i.put_both(b"")), "object|malformed", dumps=False),
    refused("member-unknown", m.at("song", {}), "song", "", opens=None, dumps=None),
    refused("segment-flag-unknown", m.at("segments/0/flags", ["song"]), "flags", UNKNOWN),
    refused("segment-linear", m.changed(m.linear_segment), "linear|known", UNKNOWN, opens=None),
    refused("digest-without-segment", m.changed(m.no_digest_for_segment), "not bound", "", opens=None, dumps=None),
    broken("digest-empty", m.at("digests/0/digest", ""), "digest", opens=True, why="cryptsetup compares as many bytes as there are: any key would fit"),

    # ---- LUKS1 ----
    Case("luks1", m.luks1()),
    Case("luks1-256", m.luks1(None, "--key-size", "256")),
    refused("luks1-cbc-essiv", m.luks1(None, "--cipher", "aes-cbc-essiv:sha256", "--key-size", "256"), "aes-cbc-essiv", CIPHER),
    refused("luks1-null", m.luks1(m.bytes_at(8, b"cipher_null\0")), "cipher_null", CIPHER, opens=None),
    refused("luks1-unknown-hash", m.luks1(m.bytes_at(72, b"md77\0\0\0")), "md77", "", opens=False, dumps=None),
    Case("luks1-whirlpool", m.luks1(None, "--hash", "whirlpool")),
    broken("luks1-no-iterations", m.luks1(m.bytes_at(164, bytes(4))), "0 iterations", opens=False, dumps=None),
    broken("luks1-one-stripe", m.luks1(m.bytes_at(208 + 44, struct.pack(">I", 1))), "1 stripes", opens=False, dumps=None),
    Case("luks1-no-keyslots", m.luks1(m.bytes_at(208, bytes.fromhex("0000dead"))), opens=False, why=KEY_MISFIT),
    Case("no-luks", lambda maker, path: open(path, "wb").write(bytes(65536)), NO_LUKS, "no LUKS", opens=False, dumps=False),
]

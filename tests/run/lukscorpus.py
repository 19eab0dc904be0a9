# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes LUKS headers of every kind that people have or a host may make: with cryptsetup where it can make them without device-mapper, otherwise by
changing the metadata of such a volume, or from the "LUKS2 On-Disk Format Specification" itself."""

import base64
import ctypes
import hashlib
import json
import os
import struct
import subprocess

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

KEY = b"correct horse"
UUID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
SIZE = 24 << 20         # of most images; sparse
HEAD = 2 << 20          # as much of an image is changed and copied
PBKDF2 = ("--pbkdf", "pbkdf2", "--pbkdf-force-iterations", "1000")
OFFLINE = ("--force-offline-reencrypt",)


class Failed(Exception):
    """Cryptsetup could not make this header."""


class Image:
    """The first bytes of a LUKS2 volume with its two headers, for changing."""

    def __init__(self, data):
        self.data = bytearray(data)
        self.hdr_size = struct.unpack_from(">Q", self.data, 8)[0]

    @classmethod
    def read(cls, path):
        with open(path, "rb") as f:
            return cls(f.read(HEAD))

    def json(self):
        return json.loads(self.data[4096:self.hdr_size].split(b"\0", 1)[0])

    def put_text(self, text, offset=0, tail=b""):
        """Puts this JSON text into the header at @offset, as it is."""
        room = self.hdr_size - 4096
        self.data[offset + 4096:offset + self.hdr_size] = (text + b"\0" + tail).ljust(room, b"\0")[:room]
        self.sum(offset)

    def put_both(self, text, tail=b""):
        for offset in (0, self.hdr_size):
            self.put_text(text, offset, tail)

    def put(self, metadata):
        self.put_both(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())

    def field(self, offset, value, headers=(0, 1)):
        """Bytes of the binary headers."""
        for n in headers:
            at = n * self.hdr_size
            self.data[at + offset:at + offset + len(value)] = value
            self.sum(at)

    def sum(self, offset):
        self.data[offset + 448:offset + 512] = bytes(64)
        self.data[offset + 448:offset + 480] = hashlib.sha256(self.data[offset:offset + self.hdr_size]).digest()

    def write(self, path, size=SIZE):
        with open(path, "wb") as f:
            f.write(self.data)
            f.truncate(size)


# ---- a keyslot from the specification, for key lengths that cryptsetup makes only with device-mapper ----

def diffuse(block):
    out = b""
    for i in range(0, len(block), 32):
        piece = block[i:i + 32]
        out += hashlib.sha256(struct.pack(">I", i // 32) + piece).digest()[:len(piece)]
    return out


def af_split(key, stripes=4000):
    out, mixed = b"", bytes(len(key))
    for _ in range(stripes - 1):
        stripe = os.urandom(len(key))
        out += stripe
        mixed = diffuse(bytes(a ^ b for a, b in zip(mixed, stripe)))
    return out + bytes(a ^ b for a, b in zip(mixed, key))


def xts(key, data):
    data = data.ljust(-(-len(data) // 512) * 512, b"\0")
    out = b""
    for sector in range(len(data) // 512):
        e = Cipher(algorithms.AES(key), modes.XTS(struct.pack("<QQ", sector, 0))).encryptor()
        out += e.update(data[sector * 512:sector * 512 + 512])
    return out


def pbkdf2(salt):
    return {"type": "pbkdf2", "hash": "sha256", "iterations": 1000}, hashlib.pbkdf2_hmac("sha256", KEY, salt, 1000, 64)


def key_of(image, key_len, derive=pbkdf2, seal=xts):
    """A new volume key of that length in keyslot 0 and in digest 0; derive: how its own key is made of KEY and a salt; seal: the cipher."""
    key, salts, m = os.urandom(key_len), [os.urandom(32) for _ in range(2)], image.json()
    slot, digest = m["keyslots"]["0"], m["digests"]["0"]
    kdf, slot_key = derive(salts[0])
    area = seal(slot_key, af_split(key))
    slot["key_size"] = key_len
    slot["area"]["size"] = str(-(-len(area) // 4096) * 4096)
    slot["kdf"] = {**kdf, "salt": base64.b64encode(salts[0]).decode()}
    digest.update(hash="sha256", iterations=1000, salt=base64.b64encode(salts[1]).decode(),
                  digest=base64.b64encode(hashlib.pbkdf2_hmac("sha256", key, salts[1], 1000, 32)).decode())
    at = int(slot["area"]["offset"])
    image.data[at:at + len(area)] = area
    image.put(m)


def open_to_all(image):
    """A new volume key in keyslot 0, without a cipher: any passphrase opens it."""
    key_of(image, 64, seal=lambda _, data: data)
    m = image.json()
    m["keyslots"]["0"]["area"].update(encryption="cipher_null-ecb", key_size=32)
    image.put(m)


def opens_by_nothing(image):
    """A good header whose passphrase is empty."""
    key_of(image, 64, derive=lambda salt: (pbkdf2(salt)[0], hashlib.pbkdf2_hmac("sha256", b"", salt, 1000, 64)))


def argon2_keyslot(image, lanes):
    """Keyslot 0 by Argon2id with so many lanes, which cryptsetup opens and does not make."""
    def derive(salt):
        out = ctypes.create_string_buffer(64)
        argon2 = ctypes.CDLL("libargon2.so.1").argon2id_hash_raw
        argon2.argtypes = [ctypes.c_uint32] * 3 + [ctypes.c_char_p, ctypes.c_size_t] * 2 + [ctypes.c_void_p, ctypes.c_size_t]
        if argon2(4, 8 * lanes, lanes, KEY, len(KEY), salt, len(salt), out, 64) != 0:
            raise Failed("libargon2 does not make a key")
        return {"type": "argon2id", "time": 4, "memory": 8 * lanes, "cpus": lanes}, out.raw
    key_of(image, 64, derive)


# ---- the maker ----

class Maker:
    def __init__(self, work):
        self.work = work
        self.key = os.path.join(work, "key")
        with open(self.key, "wb") as f:
            f.write(KEY)
        path = os.path.join(work, "base.img")
        self.format(path)
        self.base = Image.read(path)

    def cryptsetup(self, *args):
        done = subprocess.run(["cryptsetup", "--batch-mode", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"cryptsetup {' '.join(args)}: status {done.returncode}\n{done.stdout}")

    def format(self, path, *options, size=SIZE):
        with open(path, "wb") as f:
            f.truncate(size)
        kdf = () if "--pbkdf" in options else PBKDF2
        kind = () if "--type" in options else ("--type", "luks2")
        self.cryptsetup("luksFormat", "--uuid", UUID, "--key-file", self.key, *kind, *kdf, *options, path)

    def copy(self, path):
        self.base.write(path)


def formatted(*options, size=SIZE):
    """What luksFormat makes with these options."""
    return lambda maker, path: maker.format(path, *options, size=size)


def then(*commands):
    """A volume that other cryptsetup commands change: words of command lines, with KEY and DEVICE for the files."""
    def make(maker, path):
        maker.copy(path)
        for words in commands:
            maker.cryptsetup(*(w.replace("KEY", maker.key).replace("DEVICE", path) for w in words.split()))
    return make


def changed(change, size=SIZE):
    """A volume from luksFormat whose metadata @change has changed."""
    def make(maker, path):
        image = Image(maker.base.data)
        metadata = image.json()
        change(metadata)
        image.put(metadata)
        image.write(path, size)
    return make


def at(where, value):
    """Set the member "a.b.c" of the metadata."""
    def change(metadata):
        *way, last = where.split("/")
        for name in way:
            metadata = metadata[name]
        metadata[last] = value
    return changed(change)


def image(change):
    """A volume from luksFormat whose bytes @change has changed."""
    def make(maker, path):
        i = Image(maker.base.data)
        change(i)
        i.write(path)
    return make


def text(old, new, tail=b""):
    """Replaces the first @old in the JSON text of both headers.  Both are bytes."""
    def change(i):
        was = bytes(i.data[4096:i.hdr_size]).split(b"\0", 1)[0]
        assert old in was, old
        i.put_both(was.replace(old, new, 1), tail)
    return image(change)


def luks1(change=None, *options):
    def make(maker, path):
        maker.format(path, "--type", "luks1", "--hash", "sha256", *options)
        if change:
            with open(path, "r+b") as f:
                change(f)
    return make


def bytes_at(offset, value):
    def change(f):
        f.seek(offset)
        f.write(value)
    return change


def cipher(name, keyslot=True, key_size=None):
    """Another cipher for the data and for the keyslot."""
    def change(metadata):
        metadata["segments"]["0"]["encryption"] = name
        if keyslot:
            metadata["keyslots"]["0"]["area"]["encryption"] = name
        if key_size:
            metadata["keyslots"]["0"]["area"]["key_size"] = key_size
    return changed(change)


def token(kind, **members):
    return at("tokens/0", {"type": kind, "keyslots": ["0"], **members})


def integrity(kind, key_len, encryption="aes-xts-plain64", **more):
    """As `luksFormat --integrity` writes it: the authentication key follows the cipher's key."""
    def change(i):
        if key_len != 64:
            key_of(i, key_len)
        m = i.json()
        m["segments"]["0"].update(encryption=encryption, integrity={"type": kind, "journal_encryption": "none", "journal_integrity": "none", **more})
        m["config"]["requirements"] = {"mandatory": []}
        i.put(m)
    return image(change)


def no_journal(maker, path):
    integrity("hmac(sha256)", 96)(maker, path)
    i = Image.read(path)
    m = i.json()
    m["config"]["flags"] = ["no-journal"]
    i.put(m)
    i.write(path)


def requirement(*names):
    return at("config/requirements", {"mandatory": list(names)})


def half_reencrypted(maker, path):
    """As a killed reencryption leaves it."""
    maker.base.write(path, 128 << 20)
    with subprocess.Popen(["cryptsetup", "--batch-mode", "reencrypt", "--key-file", maker.key, *PBKDF2, *OFFLINE, "--hotzone-size", "4m", path],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as p:
        while p.poll() is None:
            try:
                segments = Image.read(path).json()["segments"].values()
            except ValueError:
                continue        # it is being written
            if len([s for s in segments if "flags" not in s]) > 1:
                break
        p.kill()
    if len([s for s in Image.read(path).json()["segments"].values() if "flags" not in s]) < 2:
        raise Failed("the reencryption was never seen half way")


def detached(maker, path):
    """The header alone, in a file of its own."""
    data = path + ".data"
    maker.format(data, "--header", path, size=1 << 20)


def decrypting(maker, path):
    """`reencrypt --decrypt` that has begun: the header is a file beside the data."""
    data = path + ".data"
    maker.format(data, "--header", path, "--offset", "0", size=1 << 20)
    maker.cryptsetup("reencrypt", "--decrypt", "--init-only", *OFFLINE, "--key-file", maker.key, "--header", path, data)


def secondary_newer(i):
    """The second header has a higher sequence number and differs.  cryptsetup would use it."""
    m = i.json()
    m["segments"]["0"]["encryption"] = "cipher_null-ecb"
    i.put_text(json.dumps(m).encode(), i.hdr_size)
    i.field(16, struct.pack(">Q", 9), headers=(1,))


def early_leftovers(m):
    m["keyslots"]["0"]["kdf"].update(time=4, memory=32, cpus=1)


def argon2_leftovers(m):
    kdf = m["keyslots"]["0"]["kdf"]
    m["keyslots"]["0"]["kdf"] = {"type": "argon2id", "time": 4, "memory": 32, "cpus": 1, "salt": kdf["salt"], "hash": "sha256", "iterations": 1000}


def second_keyslot_null(m):
    """A second keyslot that any passphrase opens."""
    slot = json.loads(json.dumps(m["keyslots"]["0"]))
    slot["area"].update(encryption="cipher_null-ecb", offset=str(int(slot["area"]["offset"]) + int(slot["area"]["size"])))
    m["keyslots"]["1"] = slot
    m["digests"]["0"]["keyslots"].append("1")


def overlapping(m):
    m["keyslots"]["1"] = json.loads(json.dumps(m["keyslots"]["0"]))
    m["digests"]["0"]["keyslots"].append("1")


def no_digest_for_segment(m):
    m["digests"]["0"]["segments"] = []


def linear_segment(m):
    m["segments"]["0"] = {"type": "linear", "offset": m["segments"]["0"]["offset"], "size": "dynamic"}
    m["digests"]["0"]["segments"] = []

# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test double of AMD's security processor for one SEV launch: it opens the owner's session, measures, opens LAUNCH_SECRET packets, and keeps the
launch's state.

It stands for hardware that is not there.  It was written from the interface alone and shares no code with coco-inject, so that both cannot be
wrong in the same way.  Source: AMD, "Secure Encrypted Virtualization API", publication 55766, and Linux' and QEMU's texts for its errors.
"""

import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

HEADER_LEN = 52
BLOB_MAX = 16384        # what Linux copies for the firmware at most
PAGE = 4096

# The states of a launch, numbered as in QEMU's SevState.
STATES = ["uninit", "launch-update", "launch-secret", "running"]

# Status codes of the firmware: the name in the specification, and QEMU's text.
STATUS = {
    1: ("INVALID_PLATFORM_STATE", "Platform state is invalid"), 2: ("INVALID_GUEST_STATE", "Guest state is invalid"),
    4: ("INVALID_LEN", "Buffer too small"), 6: ("INVALID_CERTIFICATE", "Certificate is invalid"),
    7: ("POLICY_FAILURE", "Policy is not allowed"), 9: ("INVALID_ADDRESS", "Invalid address"),
    10: ("BAD_SIGNATURE", "Bad signature"), 11: ("BAD_MEASUREMENT", "Bad measurement"),
    16: ("INVALID_GUEST", "Guest handle is invalid"), 22: ("INVALID_PARAM", "Invalid parameter"),
    23: ("RESOURCE_LIMIT", "Required firmware resource depleted"),
}


class FirmwareError(Exception):
    """The firmware refuses; code is its status, errno what the kernel's call returns then."""

    def __init__(self, code, errno=5):
        self.code = code
        self.errno = errno
        self.name, self.text = STATUS.get(code, ("SUCCESS" if code == 0 else f"STATUS_{code}", ""))
        super().__init__(self.name)


CERT_LEN = 2084
SESSION_LEN = 128


def derive(key, label, context=b""):
    """The KDF of sessions: like SP 800-108 with a counter, but little-endian."""
    message = struct.pack("<I", 1) + label + b"\0" + context + struct.pack("<I", 128)
    return hmac.new(key, message, hashlib.sha256).digest()[:16]


def owner_key(godh):
    """The public key of the owner's certificate; its signature is not looked at, as in the firmware."""
    if len(godh) != CERT_LEN:
        raise FirmwareError(4)
    version, usage, algo, curve = struct.unpack_from("<I4xIII", godh)
    if (version, usage, algo, curve) != (1, 0x1003, 3, 2):
        raise FirmwareError(6)
    x, y = (int.from_bytes(godh[offset:offset + 72], "little") for offset in (0x14, 0x5c))
    try:
        return ec.EllipticCurvePublicNumbers(x, y, ec.SECP384R1()).public_key()
    except ValueError:
        raise FirmwareError(6) from None


def launch_start(pdh, godh, session, policy, api=(1, 55)):
    """LAUNCH_START with the platform's private key pdh: the TEK and TIK of the owner's session, or FirmwareError."""
    if len(session) != SESSION_LEN:
        raise FirmwareError(4)
    nonce, wrapped, iv, wrap_mac, policy_mac = struct.unpack("<16s32s16s32s32s", session)
    master = derive(pdh.exchange(ec.ECDH(), owner_key(godh)), b"sev-master-secret", nonce)
    if not hmac.compare_digest(hmac.new(derive(master, b"sev-kik"), wrapped, hashlib.sha256).digest(), wrap_mac):
        raise FirmwareError(11)
    decryptor = Cipher(algorithms.AES(derive(master, b"sev-kek")), modes.CTR(iv)).decryptor()
    keys = decryptor.update(wrapped) + decryptor.finalize()
    if not hmac.compare_digest(hmac.new(keys[16:], struct.pack("<I", policy), hashlib.sha256).digest(), policy_mac):
        raise FirmwareError(11)
    if api < (policy >> 16 & 0xff, policy >> 24):
        raise FirmwareError(7)
    return keys[:16], keys[16:]


class Processor:
    """One launch.  tek and tik are what the owner's session brought; firmware is the image as loaded, or digest what is measured of it all."""

    def __init__(self, tek, tik, policy=3, api=(1, 55), build=24, firmware=b"", measure=None, digest=None, nonce=None):
        if len(tek) != 16 or len(tik) != 16:
            raise ValueError("TEK and TIK are 16 bytes each")
        self.tek, self.tik = tek, tik
        self.policy, self.api, self.build = policy, api, build
        self.mnonce = nonce or os.urandom(16)
        self.measure = measure or self.measure_of(digest or hashlib.sha256(firmware).digest())
        self.state = "launch-secret"

    def measure_of(self, digest):
        fields = struct.pack("<BBBBI", 4, self.api[0], self.api[1], self.build, self.policy)
        return hmac.new(self.tik, fields + digest + self.mnonce, hashlib.sha256).digest()

    def blob(self):
        """What LAUNCH_MEASURE returns: the measurement and its nonce."""
        return self.measure + self.mnonce

    def open_packet(self, header, data, guest_len=None):
        """LAUNCH_SECRET: the plaintext, or FirmwareError."""
        guest_len = len(data) if guest_len is None else guest_len
        if self.state != "launch-secret":
            raise FirmwareError(2)
        if len(header) != HEADER_LEN or len(data) == 0 or len(data) % 16 or guest_len != len(data) or len(data) > BLOB_MAX:
            raise FirmwareError(4)
        flags, iv, mac = struct.unpack("<I16s32s", header)
        if flags != 0:
            raise FirmwareError(22)
        message = b"\x01" + struct.pack("<I", flags) + iv + struct.pack("<II", guest_len, len(data)) + data + self.measure
        if not hmac.compare_digest(hmac.new(self.tik, message, hashlib.sha256).digest(), mac):
            raise FirmwareError(11)
        decryptor = Cipher(algorithms.AES(self.tek), modes.CTR(iv)).decryptor()
        return decryptor.update(data) + decryptor.finalize()

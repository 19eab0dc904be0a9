# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes records of machines, as 'doctor --root' takes them, from short descriptions.  Written after the manuals of the
CPUs and the kernel's documentation; shares no code with doctor/."""

import json
import os
import stat
import struct
import time

ABSENT = object()


def registers(text):
    """12 characters as three registers."""
    return struct.unpack("<3I", text.encode().ljust(12, b"\0"))


def der(tag, *parts):
    body = b"".join(parts)
    size = bytes([len(body)]) if len(body) < 128 else bytes([0x82]) + struct.pack(">H", len(body))
    return bytes([tag]) + size + body


def crl(since, until):
    """A revocation list, X.509 version 2, without entries.  Its signature is nobody's."""
    algorithm = der(0x30, der(0x06, bytes.fromhex("2a8648ce3d040302")))
    name = der(0x30, der(0x31, der(0x30, der(0x06, bytes.fromhex("550403")), der(0x0C, b"test"))))
    dates = [der(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(t)).encode()) for t in (since, until)]
    number = der(0xA0, der(0x30, der(0x30, der(0x06, bytes.fromhex("551d14")), der(0x04, der(0x02, b"\1")))))
    return der(0x30, der(0x30, der(0x02, b"\1"), algorithm, name, *dates, number), algorithm, der(0x03, b"\0" + der(0x30, der(0x02, b"\1"), der(0x02, b"\1"))))


def luks_header(json_text, size=16384, version=2):
    """The first header of a LUKS volume, with this JSON.  Its checksum is nobody's."""
    head = struct.pack(">6sHQQ48s32s64s40s48sQ", b"LUKS\xba\xbe", version, size, 1, b"", b"sha256", b"", b"1b4e28ba-2fa1-11d2-883f-0016d3cca427", b"", 0)
    return head.ljust(4096, b"\0") + (json_text if isinstance(json_text, bytes) else json_text.encode()).ljust(size - 4096, b"\0")


def socket_node(path):
    """A socket that nobody listens at."""
    os.mknod(path, 0o600 | stat.S_IFSOCK)


class Cpu:
    """What CPUID answers: {(leaf, subleaf): (eax, ebx, ecx, edx)}."""

    def __init__(self, vendor, model, basic=0x20, extended=0x80000021, family=0):
        b, d, c = registers(vendor)
        self.leaves = {(0, 0): (basic, b, c, d), (1, 0): (family, 0, 0, 0), (0x80000000, 0): (extended, b, c, d)}
        name = model.encode().ljust(48, b"\0")
        for i in range(3):
            self.leaves[(0x80000002 + i, 0)] = struct.unpack_from("<4I", name, 16 * i)

    def leaf(self, leaf, eax=0, ebx=0, ecx=0, edx=0, subleaf=0):
        self.leaves[(leaf, subleaf)] = (eax, ebx, ecx, edx)
        return self

    def hypervisor(self, signature, base=0x40000000, last=None):
        """A hypervisor's range, and the bit of leaf 1 that says that there is one."""
        self.in_vm()
        self.leaves[(base, 0)] = (base + 1 if last is None else last, *registers(signature))
        return self

    def in_vm(self):
        a, b, c, d = self.leaves[(1, 0)]
        self.leaves[(1, 0)] = (a, b, c | 1 << 31, d)
        return self

    def text(self):
        """As 'cpuid -1 -r' prints it."""
        lines = ["CPU:"]
        for (leaf, subleaf), (a, b, c, d) in sorted(self.leaves.items()):
            lines.append(f"   0x{leaf:08x} 0x{subleaf:02x}: eax=0x{a:08x} ebx=0x{b:08x} ecx=0x{c:08x} edx=0x{d:08x}")
        return "\n".join(lines) + "\n"


def amd(model="AMD EPYC 7313 16-Core Processor", sev=None, **more):
    """@sev is EAX of leaf 0x8000001f."""
    cpu = Cpu("AuthenticAMD", model, basic=0x10, family=0xA00F11, **more)
    if sev is not None:
        cpu.leaf(0x8000001F, eax=sev, ebx=51 | 1 << 6, ecx=509, edx=100)
    return cpu


def intel(model="Intel(R) Xeon(R) Gold 6530", tdx_guest=False, **more):
    cpu = Cpu("GenuineIntel", model, basic=0x21 if tdx_guest else 0x20, extended=0x80000008, family=0xC06F2, **more)
    if tdx_guest:
        b, d, c = registers("IntelTDX    ")
        cpu.leaf(0x21, 0, b, c, d)
    return cpu


class Tree:
    """A record in the making, and what a doctor must say of it.  @guest and @host are Expect or None."""

    def __init__(self, name, cpu=None, files=None, links=None, kmsg=ABSENT, msr=None, kvm=None, refused=None, probe=None, guest=None, host=None):
        self.name = name
        self.cpu, self.files, self.links, self.kmsg = cpu, dict(files or {}), dict(links or {}), kmsg
        self.msr, self.kvm, self.refused, self.probe = msr, kvm, dict(refused or {}), dict(probe or {})
        self.expect = {side: e for side, e in (("guest", guest), ("host", host)) if e}

    def texts(self):
        """The files of .probe."""
        if self.cpu is not None:
            yield "cpuid", self.cpu if isinstance(self.cpu, (str, bytes)) else self.cpu.text()
        if self.msr is not None:
            yield "msr", "".join(f"0 0x{i:x} {v if isinstance(v, str) else hex(v)}\n" for i, v in self.msr.items())
        if self.kvm is not None:
            yield "kvm", kvm_text(self.kvm)
        if self.kmsg is not ABSENT:
            yield "kmsg", self.kmsg if isinstance(self.kmsg, bytes) else "".join(f"[    {i}.000000] {line}\n" for i, line in enumerate(self.kmsg))
        if self.refused:
            yield "files", "".join(f"{path} {why}\n" for path, why in self.refused.items())
        yield from self.probe.items()

    def write(self, root):
        for name, text in self.texts():
            put(f"{root}/.probe/{name}", text)
        for path, content in self.files.items():
            if content is None:
                os.makedirs(root + path, exist_ok=True)
            else:
                put(root + path, content)
        for path, target in self.links.items():
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            os.symlink(target, root + path)
        put(f"{root}/expect.json", json.dumps({side: vars(e) for side, e in self.expect.items()}, indent=1))


class Expect:
    """@first is how the first line begins; @checks are outcomes by id; @args go before the rest of the command line.  @says
    are texts that the page has."""

    def __init__(self, status, first, checks, args=(), says=(), lacks=()):
        self.status, self.first, self.checks, self.args, self.says, self.lacks = status, first, checks, list(args), list(says), list(lacks)


def kvm_text(kvm):
    """{number: (sys, vm)} and {"name": "value"}."""
    lines = []
    for key, value in kvm.items():
        lines.append(f"probe {key}={value}" if isinstance(key, str) else f"{key} {value[0]} {value[1]}")
    return "\n".join(lines) + "\n"


def put(path, content):
    """@content is a text, bytes, or a function that makes what is at the path."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if callable(content):
        content(path)
        return
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records that somebody made to do harm: both programs take each of them, say what they can, and end soon."""

import gzip
import os

import story_trees
from machine import Tree, amd, intel

EVIL = "x\x1b[2J\u009b31m\u202e\u2028\nREADY FOR snp"
SEV_ACTIVE = b"[    0.000000] Memory Encryption Features active: AMD SEV\n"


def sparse(path):
    with open(path, "wb") as f:
        f.truncate(1 << 40)


def many_lines(path):
    with open(path, "wb") as f:
        f.write(b"flags\n" * 3000000)


def folder_of_many(path):
    os.makedirs(path)
    for i in range(5000):
        os.mkdir(f"{path}/{i}")


def evil_cpu():
    return amd("\x1b[31mEPYC\x1b[0m").hypervisor("\x1b[2J\x1b]0;x\x07")


def tree(name, cpu=None, **more):
    return Tree(f"hostile-{name}", cpu if cpu is not None else amd(sev=0x1A).hypervisor("KVMKVMKVM"), **more)


PATHS = ["/proc/cpuinfo", "/proc/cmdline", "/sys/hypervisor/type", "/proc/sys/kernel/osrelease", "/etc/crypttab", "/proc/swaps"]

TREES = [
    tree("huge-file", files={path: sparse for path in PATHS}),
    tree("many-lines", files={"/proc/cpuinfo": many_lines}),
    tree("many-names", files={"/sys/bus/vmbus/devices": folder_of_many}),
    tree("symlink-loop", links={path: os.path.basename(path) for path in PATHS}),
    tree("symlink-folder-loop", links={"/sys/bus": "../sys/bus", "/proc/sys": "../proc/sys"}),
    tree("fifo", files={path: os.mkfifo for path in PATHS}),
    tree("kmsg-binary", kmsg=bytes(range(256)) * 4000 + b"\n\0\0" + SEV_ACTIVE.replace(b"AMD", b"\0\0\0"), msr={0xC0010131: 1}),
    tree("kmsg-one-line", kmsg=b"Memory Encryption Features active:" + b" SEV" * 500000),
    tree("cpuid-truncated", amd(sev=0x1A).hypervisor("KVMKVMKVM").text()[:700]),
    tree("cpuid-garbage", b"\xff\xfe" * 9000 + b"\n0x0 0x0: eax=0xfffffffff ebx= ecx edx\n" + b"0x" * 90000),
    tree("cpuid-no-end", b"0" * (5 << 20)),
    tree("msr-garbage", probe={"msr": b"0 0xc0010131\n0 0xc0010131 -1\n0 0xc0010131 0x1ffffffffffffffff\n" + os.urandom(5000)}),
    tree("kvm-garbage", probe={"kvm": b"probe open=ok\nprobe hlt=\x1b[2J\n9 99999999999 -\n235 1\n" + os.urandom(5000)}),
    tree("sev-garbage", amd(sev=0x1B), files={"/sys/module/kvm_amd/parameters/sev_snp": "Y\n"}, kmsg=["SEV-SNP API:\x1b[2J", "SEV: failed to \x1b]0;x\x07"],
         probe={"sev": os.urandom(3000) + b"\nprobe snp-status=\x1b[2J" + b"f" * 9000 + b"\nprobe snp-status=0\n"}),
    tree("xl-garbage", probe={"xl": os.urandom(9000), "qmp": b"{" * 100000}),
    tree("names", evil_cpu(), files={"/sys/hypervisor/type": "xen\n", "/sys/hypervisor/guest_type": EVIL}),
    tree("words", intel(EVIL.replace("\n", "\r")[:20]), files={"/proc/cmdline": f"efi={EVIL} {EVIL}\n", "/proc/sys/kernel/osrelease": "../../../../etc/passwd\n"}, kvm={"open": "ok", "hlt": "\x1b[2J"}),
    tree("config-bomb", files={"/proc/sys/kernel/osrelease": "6.1\n", "/proc/config.gz": gzip.compress(bytes(64 << 20))}),
    tree("config-garbage", files={"/proc/sys/kernel/osrelease": "6.1\n", "/proc/config.gz": gzip.compress(b"CONFIG_EFI=y\n" * 1000)[:60]}),
    tree("refused", refused={path: "EIO" for path in PATHS}),
    tree("refused-garbage", probe={"files": os.urandom(4000)}),
] + story_trees.HOSTILE

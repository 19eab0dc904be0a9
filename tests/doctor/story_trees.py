# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of guests that have their secrets, or not: cocod's units, sockets and files, and what becomes of memory."""

import os

from machine import Expect, Tree, amd, luks_header, socket_node

STATUS = 0xC0010131
ACTIVE = ["Linux version 6.1.0-35-amd64", "Memory Encryption Features active: AMD SEV"]
ACTIVE_SNP = ["Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP"]
EVIL = "\x1b[2J\u202e\u009b31m"

# What such a guest has: firmware, a driver, a secret.
READY_FILES = {"/sys/firmware/efi": None, "/sys/bus/platform/devices/efivars.0": None, "/proc/sys/kernel/osrelease": "6.1.0-35-amd64\n",
               "/sys/kernel/security/secrets/coco/736869e5-84f0-4973-92ec-06879ce3da0b": ""}

SYSTEM, ENABLED = "/usr/lib/systemd/system", "/etc/systemd/system/sockets.target.wants"
NEEDED = {f"{ENABLED}/{u}.socket": f"{SYSTEM}/{u}.socket" for u in ("cocod", "cocod-worker-luks", "cocod-worker-evidence")}

READY, WARNS, FAILS = (0, "Ready for sev"), (2, "Ready with warnings for sev"), (1, "Not ready for sev")


def tree(name, how, checks, files=None, rights=None, says=(), lacks=(), kmsg=(), links=None, refused=None, probe=None, msr=1, cpu=None, active=None, bare=False):
    """A VM of SEV that is ready but for what the tree adds.  @rights are {path: "MODE UID GID"}."""
    probe = dict(probe or {})
    if not bare:
        files = {f"{SYSTEM}/cocod.socket": "", **(files or {})}
        links = {**NEEDED, **(links or {})}
    if rights:
        probe["rights"] = "".join(f"{path} {r}\n" for path, r in rights.items())
    return Tree(name, cpu or amd(sev=2).hypervisor("KVMKVMKVM"), {**READY_FILES, **(files or {})}, links, (active or ACTIVE) + list(kmsg), {STATUS: msr}, refused=refused, probe=probe, guest=Expect(*how, checks, says=says, lacks=lacks))


# ---- units ----

SOCKET = "[Socket]\nListenSequentialPacket=/run/cocod/cocod.sock\n[Install]\nWantedBy=sockets.target\nAlso=cocod-cryptsetup.socket cocod-net.socket\n"
INSTALLED = {f"{SYSTEM}/cocod.socket": SOCKET}
ALL = {**NEEDED, **{f"{ENABLED}/{u}": f"{SYSTEM}/{u}" for u in ("cocod-cryptsetup.socket", "cocod-net.socket")}}
PRESETS = "/usr/lib/systemd/system-preset"

UNITS = [
    tree("story-units-none", FAILS, {"guest-units": "fail"}, says=["Install coco-agent"], bare=True),
    tree("story-units-enabled", READY, {"guest-units": "pass"}, INSTALLED, links=ALL, bare=True),
    tree("story-units-off", FAILS, {"guest-units": "fail"}, INSTALLED, says=["systemctl enable --now cocod.socket cocod-worker-luks.socket cocod-worker-evidence.socket cocod-cryptsetup.socket cocod-net.socket"], bare=True),
    tree("story-units-one-off", WARNS, {"guest-units": "warn"}, INSTALLED, links={k: v for k, v in ALL.items() if "net" not in k}, says=["systemctl enable --now cocod-net.socket\n"], bare=True),
    tree("story-units-worker-off", FAILS, {"guest-units": "fail"}, INSTALLED, links={k: v for k, v in ALL.items() if "luks" not in k}, says=["systemctl enable --now cocod-worker-luks.socket\n"], bare=True),
    tree("story-units-masked", FAILS, {"guest-units": "fail"}, INSTALLED, links={**ALL, "/etc/systemd/system/cocod.socket": "/dev/null"}, says=["systemctl unmask cocod.socket"], bare=True),
    # In /lib, and enabled by the distribution.
    tree("story-units-lib", READY, {"guest-units": "pass"}, {"/lib/systemd/system/cocod.socket": "[Socket]\n"}, links={**{k: v for k, v in NEEDED.items() if "worker" in k}, "/lib/systemd/system/sockets.target.wants/cocod.socket": "../cocod.socket"}, bare=True),
    tree("story-units-preset", FAILS, {"guest-units": "fail"}, {**INSTALLED, f"{PRESETS}/99-default.preset": "# all\ndisable *\n"}, says=["99-default.preset", "00-cocod.preset"], bare=True),
    tree("story-units-preset-first-line", FAILS, {"guest-units": "fail"}, {**INSTALLED, f"{PRESETS}/90-x.preset": "enable cocod*\ndisable *\n", f"{PRESETS}/99-default.preset": "disable *\n"}, lacks=["preset"], bare=True),
    tree("story-units-preset-hidden", FAILS, {"guest-units": "fail"}, {**INSTALLED, f"{PRESETS}/90-x.preset": "disable cocod.socket\n", "/etc/systemd/system-preset/90-x.preset": "enable cocod.socket\n"}, lacks=["preset"], bare=True),
    tree("story-units-first-boot", WARNS, {"guest-units": "warn"}, {**INSTALLED, "/etc/machine-id": "uninitialized\n", f"{PRESETS}/99.preset": "disable *\n"}, links=ALL, says=["first boot"], bare=True),
    tree("story-units-booted", READY, {"guest-units": "pass"}, {**INSTALLED, "/etc/machine-id": "0123\n", f"{PRESETS}/99.preset": "disable *\n"}, links=ALL, bare=True),
    tree("story-units-unread", READY, {"guest-units": "unknown"}, refused={f"{SYSTEM}/cocod.socket": "EACCES"}, says=["Run it as root"], bare=True),
]

# ---- sockets ----


def unix(*paths, flags="00010000"):
    return "Num       RefCount Protocol Flags    Type St Inode Path\n" + "".join(f"0000000000000000: 00000002 00000000 {flags} 0005 01 {i + 100} {p}\n" for i, p in enumerate(paths))


API, KEY = "/run/cocod/cocod.sock", "/run/cryptsetup-keys.d/data.key"
PLAIN = "100600 0 0"
INIT = "/run/systemd/private"
NODES = {API: socket_node, KEY: socket_node, "/run/cocod/journal": ""}

SOCKETS = [
    tree("story-sockets-none", READY, {"guest-sockets": "na"}, {"/proc/net/unix": unix(INIT), "/run/cocod/journal": ""}),
    tree("story-sockets-live", READY, {"guest-sockets": "pass"}, {**NODES, "/proc/net/unix": unix(INIT, API, KEY)}),
    tree("story-sockets-stale", FAILS, {"guest-sockets": "fail"}, {**NODES, "/proc/net/unix": unix(INIT, API)}, says=[f"rm -f {KEY} && systemctl restart cocod-cryptsetup@data.socket"]),
    tree("story-sockets-stale-api", FAILS, {"guest-sockets": "fail"}, {**NODES, "/proc/net/unix": unix(INIT, KEY)}, says=["systemctl restart cocod.socket"]),
    # Connected there, but not listening; and a path that only begins so.
    tree("story-sockets-connected", FAILS, {"guest-sockets": "fail"}, {**NODES, "/proc/net/unix": unix(INIT, KEY, API + "2") + unix(API, flags="00000000")}),
    tree("story-sockets-namespace", READY, {"guest-sockets": "unknown"}, {**NODES, "/proc/net/unix": unix("/run/x")}, says=["another network namespace"]),
    tree("story-sockets-unread", READY, {"guest-sockets": "unknown"}, {API: socket_node, "/proc/net/unix": unix(INIT, API)}, refused={"/run/cryptsetup-keys.d": "EACCES"}, says=["Run it as root"]),
    tree("story-sockets-evil", FAILS, {"guest-sockets": "fail"}, {f"/run/cryptsetup-keys.d/{EVIL}.key": socket_node, "/proc/net/unix": unix(INIT)}, says=["Remove it"], lacks=["rm -f"]),
]

# ---- the initramfs ----

HOOK = {"/usr/share/initramfs-tools/hooks/coco-agent": ""}
KEYSCRIPT = "root UUID=1b4e28ba-2fa1-11d2-883f-0016d3cca427 none luks,initramfs,keyscript=/usr/lib/coco-agent/keyscript\n"
GATE = "/run/cocod/gate"
RELEASE = {"/proc/sys/kernel/osrelease": "6.1.0-35-amd64\n"}

INITRAMFS = [
    tree("story-initramfs-none", READY, {"guest-initramfs": "na"}, {"/etc/crypttab": "data /dev/vdb none luks\n#" + KEYSCRIPT}),
    tree("story-initramfs-ran", READY, {"guest-initramfs": "pass"}, {**HOOK, "/etc/crypttab": KEYSCRIPT, GATE: ""}, {GATE: PLAIN}),
    tree("story-initramfs-missing", WARNS, {"guest-initramfs": "warn"}, {**HOOK, "/etc/crypttab": KEYSCRIPT, **RELEASE}, says=["update-initramfs -u -k 6.1.0-35-amd64"]),
    tree("story-initramfs-dracut", WARNS, {"guest-initramfs": "warn"}, {"/etc/dracut.conf.d/coco-agent.conf": 'add_dracutmodules+=" coco-agent "\n', **RELEASE}, says=["dracut --force --kver 6.1.0-35-amd64"]),
    tree("story-initramfs-dracut-ran", READY, {"guest-initramfs": "pass"}, {"/etc/dracut.conf.d/coco-agent.conf": 'add_dracutmodules+=" coco-agent "\n', GATE: ""}, {GATE: PLAIN}),
    tree("story-initramfs-dracut-other", READY, {"guest-initramfs": "na"}, {"/etc/dracut.conf.d/x.conf": '#add_dracutmodules+=" coco-agent "\nomit_dracutmodules+=" coco-agent "\n'}),
    tree("story-initramfs-gate-open", FAILS, {"guest-initramfs": "fail"}, {**HOOK, "/etc/crypttab": KEYSCRIPT, GATE: ""}, {GATE: "100644 0 0"}, says=["until the next boot"]),
    tree("story-initramfs-gate-other", FAILS, {"guest-initramfs": "fail"}, {GATE: ""}, {GATE: "100600 1000 0"}),
    tree("story-initramfs-gate-link", FAILS, {"guest-initramfs": "fail"}, {GATE: ""}, {GATE: "120777 0 0"}),
    tree("story-initramfs-no-hook", FAILS, {"guest-initramfs": "fail"}, {"/etc/crypttab": KEYSCRIPT, GATE: ""}, {GATE: PLAIN}, says=["the hook that puts cocod into the initramfs"]),
    tree("story-initramfs-unread", READY, {"guest-initramfs": "unknown"}, refused={"/etc/crypttab": "EACCES"}),
    # A name of a kernel that is a command is none.
    tree("story-initramfs-evil-release", WARNS, {"guest-initramfs": "warn"}, {**HOOK, "/etc/crypttab": KEYSCRIPT, "/proc/sys/kernel/osrelease": "6; rm -rf /\n"}, says=["-k $(uname -r)"], lacks=["rm -rf"]),
]

# ---- swap ----

HEAD = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def swaps(*lines):
    return {"/proc/swaps": HEAD + "".join(f"{path:40}{kind}\t8388604\t\t0\t\t-2\n" for path, kind in lines)}


def dm(name, uuid, *slaves, mapped="x"):
    folder = f"/sys/block/{name}"
    return {f"{folder}/dm/uuid": uuid + "\n", f"{folder}/dm/name": mapped + "\n", f"{folder}/slaves": None, **{f"{folder}/slaves/{s}": "" for s in slaves}}


LUKS = "CRYPT-LUKS2-1b4e28ba2fa111d2883f0016d3cca427-swap"
MOUNTS = "22 1 0:21 / /proc rw - proc proc rw\n23 1 253:0 / / rw - ext4 /dev/x rw\n24 23 8:2 / /var rw - ext4 /dev/sda2 rw\n25 23 253:0 / /var/lib rw - ext4 /dev/x rw\n"

SWAP = [
    tree("story-swap-none", READY, {"guest-swap": "pass"}, swaps()),
    tree("story-swap-clear", FAILS, {"guest-swap": "fail"}, swaps(("/dev/vda3", "partition")), says=["swapoff '/dev/vda3'", "swap /dev/vda3 /dev/urandom"]),
    tree("story-swap-crypt", READY, {"guest-swap": "pass"}, {**swaps(("/dev/dm-1", "partition")), **dm("dm-1", LUKS, "vda3")}),
    tree("story-swap-mapper", READY, {"guest-swap": "pass"}, {**swaps(("/dev/mapper/swap", "partition")), **dm("dm-0", "LVM-x", "vda1"), **dm("dm-1", "CRYPT-PLAIN-swap", "vda3", mapped="swap")}),
    tree("story-swap-lvm-on-crypt", READY, {"guest-swap": "pass"}, {**swaps(("/dev/dm-2", "partition")), **dm("dm-2", "LVM-abc", "dm-1"), **dm("dm-1", LUKS, "vda3")}),
    tree("story-swap-lvm-clear", FAILS, {"guest-swap": "fail"}, {**swaps(("/dev/dm-2", "partition")), **dm("dm-2", "LVM-abc", "vda3")}),
    # Half of the stripes are on a disk without.
    tree("story-swap-lvm-half", FAILS, {"guest-swap": "fail"}, {**swaps(("/dev/dm-2", "partition")), **dm("dm-2", "LVM-abc", "dm-1", "vdb"), **dm("dm-1", LUKS, "vda3")}),
    tree("story-swap-verity", FAILS, {"guest-swap": "fail"}, {**swaps(("/dev/dm-1", "partition")), **dm("dm-1", "CRYPT-INTEGRITY-swap", "vda3")}),
    tree("story-swap-second-clear", FAILS, {"guest-swap": "fail"}, {**swaps(("/dev/dm-1", "partition"), ("/dev/vdb1", "partition")), **dm("dm-1", LUKS, "vda3")}),
    tree("story-swap-zram", READY, {"guest-swap": "pass"}, {**swaps(("/dev/zram0", "partition")), "/sys/block/zram0/backing_dev": "none\n"}),
    tree("story-swap-zram-writes-back", FAILS, {"guest-swap": "fail"}, {**swaps(("/dev/zram0", "partition")), "/sys/block/zram0/backing_dev": "/dev/vdb\n"}),
    tree("story-swap-file-crypt", READY, {"guest-swap": "pass"}, {**swaps(("/var/lib/swap", "file")), "/proc/self/mountinfo": MOUNTS, **dm("dm-0", LUKS, "vda3")}, links={"/sys/dev/block/253:0": "../../class/block/dm-0"}),
    tree("story-swap-file-clear", FAILS, {"guest-swap": "fail"}, {**swaps(("/var/swap", "file")), "/proc/self/mountinfo": MOUNTS, "/sys/block/sda2": None}, links={"/sys/dev/block/8:2": "../../class/block/sda2"}, says=["/etc/fstab"]),
    tree("story-swap-file-btrfs", READY, {"guest-swap": "unknown"}, {**swaps(("/swap", "file")), "/proc/self/mountinfo": "23 1 0:30 / / rw - btrfs /dev/x rw\n"}),
    tree("story-swap-loop", READY, {"guest-swap": "unknown"}, swaps(("/dev/loop0", "partition"))),
    tree("story-swap-circle", READY, {"guest-swap": "unknown"}, {**swaps(("/dev/dm-1", "partition")), **dm("dm-1", "LVM-a", "dm-2"), **dm("dm-2", "LVM-b", "dm-1")}),
    tree("story-swap-out-of-dev", READY, {"guest-swap": "unknown"}, swaps(("/dev/../dev/dm-1", "partition"))),
    tree("story-swap-unread", READY, {"guest-swap": "unknown"}, refused={"/proc/swaps": "EACCES"}),
]

# ---- hibernation, and memory that changes hands ----


def power(state="freeze mem disk", disk="[platform] shutdown reboot", resume="0:0"):
    return {"/sys/power/state": state + "\n", "/sys/power/disk": disk + "\n", "/sys/power/resume": resume + "\n"}


TO_DM = {"/sys/dev/block/253:1": "../../class/block/dm-1"}

HIBERNATION = [
    tree("story-hibernation-not-built", READY, {"guest-hibernation": "pass"}, {"/sys/power": None}),
    tree("story-hibernation-off", READY, {"guest-hibernation": "pass"}, power("freeze mem", "[disabled]")),
    tree("story-hibernation-locked", READY, {"guest-hibernation": "pass"}, {**power("freeze mem", "[disabled]", "8:2"), "/sys/kernel/security/lockdown": "none [integrity] confidentiality\n"}),
    tree("story-hibernation-no-device", READY, {"guest-hibernation": "pass"}, power()),
    tree("story-hibernation-clear", FAILS, {"guest-hibernation": "fail"}, {**power(resume="8:2"), "/sys/block/sda2": None, "/proc/cmdline": "ro resume=/dev/sda2\n"}, links={"/sys/dev/block/8:2": "../../class/block/sda2"}, says=["nohibernate", "resume=/dev/sda2"]),
    tree("story-hibernation-crypt", READY, {"guest-hibernation": "pass"}, {**power(resume="253:1"), **dm("dm-1", LUKS, "vda3")}, links=TO_DM),
    tree("story-hibernation-device-unknown", WARNS, {"guest-hibernation": "warn"}, power(resume="../..")),
    tree("story-hibernation-unread", READY, {"guest-hibernation": "unknown"}, refused={"/sys/power/state": "EIO"}),
]

INIT_LINE = "mem auto-init: stack:off, heap alloc:{}, heap free:{}"
FREE, ALLOC = "guest-init-on-free", "guest-init-on-alloc"

MEMORY = [
    tree("story-memory-on", READY, {FREE: "pass", ALLOC: "pass"}, kmsg=[INIT_LINE.format("on", "on")]),
    tree("story-memory-off", READY, {FREE: "warn", ALLOC: "warn"}, kmsg=[INIT_LINE.format("off", "off")], says=["init_on_free=1", "init_on_alloc=1"]),
    # What the kernel said counts more than what it was asked for.
    tree("story-memory-asked", READY, {FREE: "warn", ALLOC: "pass"}, {"/proc/cmdline": "init_on_free=1\n"}, kmsg=[INIT_LINE.format("on", "off")]),
    tree("story-memory-cmdline", READY, {FREE: "pass", ALLOC: "warn"}, {"/proc/cmdline": "init_on_free=on init_on_alloc=0\n"}),
    tree("story-memory-config", READY, {FREE: "warn", ALLOC: "pass"}, {**RELEASE, "/boot/config-6.1.0-35-amd64": "CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n"}),
    tree("story-memory-nonsense", READY, {FREE: "unknown", ALLOC: "unknown"}, {"/proc/cmdline": "init_on_free=maybe init_on_alloc\n"}),
]

# ---- cocod's configuration ----

ETC = "/etc/cocod"
CERTIFICATE = """-----BEGIN CERTIFICATE-----
MIIBkTCCATegAwIBAgIUH0e7moKb5XkICiafQvyuHa8NEIswCgYIKoZIzj0EAwIw
HTEbMBkGA1UEAwwSYSBicm9rZXIgZm9yIHRlc3RzMCAXDTI2MTEyODEzMDIyOFoY
DzIxMjYxMTA0MTMwMjI4WjAdMRswGQYDVQQDDBJhIGJyb2tlciBmb3IgdGVzdHMw
WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARKKIQ0hnyUkAwJ0Vx5CcDxUFv64NFc
nD7lcMIDw9kH6pgksEEHTJgB0vGnRX7+SJuUrplJ7abkSuT7KP+hS5Zvo1MwUTAd
BgNVHQ4EFgQUbKy0LW+WKDTF/3UFweSY7xcuVNAwHwYDVR0jBBgwFoAUbKy0LW+W
KDTF/3UFweSY7xcuVNAwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBF
AiEA+9jcc/zHczcnGrGu29sdINwnttWCBnfSqGbazapaWsoCIC3JApFsfxy8W3E5
75nfYO8WixXg3Gf7BiFfafTSk86c
-----END CERTIFICATE-----
"""     # that nobody has the key of
KEEPER, SECRET, BROKER, POLICY = f"{ETC}/cocod.conf", f"{ETC}/secrets.d/data.conf", f"{ETC}/broker.conf", f"{ETC}/attest.conf"
GUIDS = ["736869e5-84f0-4973-92ec-06879ce3da0b", "11111111-2222-4333-8444-555555555555"]
DATA = f"[Secret]\nGuid={GUIDS[0]}\nConsumers=cryptsetup:data\n"
URI = "[Secret]\nUri=kbs:///default/disk/data\nConsumers=cryptsetup:data\n"
IDENTITY = "[Broker]\nUrl=https://kbs.example\nIdentity=/etc/cocod/kbs.pem\n"
SIGNED = {BROKER: IDENTITY, f"{ETC}/kbs.pem": CERTIFICATE, SECRET: URI}


def snp(name, how, checks, files=None, **more):
    """The same of SEV-SNP, which gives evidence."""
    status, first = how
    if not name.startswith("story-policy"):
        files = {POLICY: COVERED, **(files or {})}
    return tree(name, (status, first.replace("sev", "snp")), checks, {"/sys/kernel/config/tsm/report": None, **(files or {})}, msr=7, cpu=amd(sev=0x1A).hypervisor("KVMKVMKVM"),
                active=ACTIVE_SNP, **more)


CONFIG = [
    tree("story-config-none", READY, {"guest-gate": "pass", "guest-secrets": "na", "guest-broker": "na", "guest-policy": "na"}),
    tree("story-config-good", READY, {"guest-gate": "pass", "guest-secrets": "pass", "guest-broker": "na", "guest-policy": "na"}, {KEEPER: "[Cocod]\nSourceTimeoutSec=5s\n", SECRET: DATA}),
    tree("story-config-anything", FAILS, {"guest-gate": "fail"}, {KEEPER: "[Cocod]\nRequire=none\n"}, says=["remove Require=none"]),
    tree("story-config-dropin", WARNS, {"guest-gate": "warn"}, {KEEPER: "[Cocod]\nRequire=attested\n", "/usr/lib/cocod/cocod.conf.d/10.conf": "[Cocod]\nVerifyVolumeHeader=no\n"}),
    tree("story-config-evidence-of-sev", FAILS, {"guest-gate": "fail"}, {POLICY: "[snp]\nmeasurement=" + "ab" * 48 + "\n"}, says=["Require=attested"]),
    tree("story-config-test-folder", WARNS, {"guest-gate": "warn"}, {KEEPER: "[Cocod]\nSecretDirectory=/srv\n"}),
    tree("story-config-wrong", FAILS, {"guest-gate": "fail", "guest-secrets": "pass", "guest-policy": "fail"}, {KEEPER: "[Cocod]\nRequire=maybe\nUnknown=1\n", SECRET: DATA}, says=["/etc/cocod/cocod.conf:2: Require=", "and there is more"]),
    tree("story-config-hidden", READY, {"guest-gate": "pass", "guest-secrets": "na"}, {"/usr/lib/cocod/cocod.conf": "nonsense", "/run/cocod/secrets.d/data.conf": "nonsense", KEEPER: "[Cocod]\n"}, links={SECRET: "/dev/null"}),
    tree("story-config-lost-link", FAILS, {"guest-secrets": "fail"}, links={SECRET: "/srv/data.conf"}, says=["leads nowhere"]),
    tree("story-config-denied", READY, {"guest-secrets": "unknown", "guest-gate": "pass"}, {KEEPER: "[Cocod]\n", SECRET: DATA}, refused={SECRET: "EACCES"}, says=["Run it as root"]),
    tree("story-config-denied-folder", READY, {"guest-secrets": "unknown"}, refused={f"{ETC}/secrets.d": "EACCES"}),
    tree("story-secrets-silent", WARNS, {"guest-secrets": "warn"}, {SECRET: f"[Secret]\nGuid={GUIDS[0]}\n"}, says=["'data' has no Consumers="]),
    tree("story-secrets-get", READY, {"guest-secrets": "pass"}, {SECRET: f"[Secret]\nGuid={GUIDS[0]}\nConsumers=get\n"}),
    tree("story-secrets-two", READY, {"guest-secrets": "pass"}, {SECRET: DATA, f"{ETC}/secrets.d/b.conf": f"[Secret]\nGuid={GUIDS[1]}\nConsumers=get\n"}),
    tree("story-secrets-twice", FAILS, {"guest-secrets": "fail"}, {SECRET: DATA, f"{ETC}/secrets.d/b.conf": DATA}, says=["the same as that of the secret"]),
    tree("story-secrets-wrong", FAILS, {"guest-secrets": "fail", "guest-gate": "pass"}, {SECRET: "[Secret]\nGuid=x\n"}, says=["data.conf:2: Guid="]),
    tree("story-secrets-large", FAILS, {"guest-secrets": "fail"}, {SECRET: DATA + "# " + "x" * 70000 + "\n"}, says=["larger than such a file may be"]),
    tree("story-broker-signs", READY, {"guest-broker": "pass", "guest-secrets": "pass"}, SIGNED),
    tree("story-broker-tls", WARNS, {"guest-broker": "warn"}, {**SIGNED, BROKER: "[Broker]\nUrl=https://kbs.example\nPublicKey=sha256//" + "A" * 43 + "=\n"}, says=["Identity=FILE in the place of PublicKey="]),
    tree("story-broker-unused", WARNS, {"guest-broker": "warn"}, {**SIGNED, SECRET: DATA}, says=["no file in secrets.d has Uri="]),
    tree("story-broker-nobody", FAILS, {"guest-broker": "fail"}, {**SIGNED, BROKER: "[Broker]\nUrl=https://kbs.example\n"}, says=["a broker that nobody authenticates is refused"]),
    tree("story-broker-http", FAILS, {"guest-broker": "fail"}, {**SIGNED, BROKER: IDENTITY.replace("https", "http")}, says=["nobody is authenticated over http://"]),
    tree("story-broker-no-file", FAILS, {"guest-broker": "fail", "guest-secrets": "pass"}, {BROKER: IDENTITY, SECRET: URI}, says=["kbs.pem"]),
    tree("story-broker-private-key", FAILS, {"guest-broker": "fail"}, {**SIGNED, f"{ETC}/kbs.pem": CERTIFICATE + "-----BEGIN PRIVATE KEY-----\n"}, says=["private key"], lacks=["MII"]),
    tree("story-broker-denied", READY, {"guest-broker": "unknown", "guest-secrets": "pass"}, SIGNED, refused={f"{ETC}/kbs.pem": "EACCES"}),
    tree("story-broker-missing", FAILS, {"guest-broker": "na", "guest-secrets": "fail"}, {SECRET: URI}, says=["there is no broker.conf"]),
]

MEASURED = "[snp]\nmeasurement=" + "ab" * 48 + "\n"
COVERED = MEASURED + "covers=kernel,initrd,cmdline\n"
NOW = 1796000000        # 2026-11-29

POLICIES = [
    snp("story-policy-none", FAILS, {"guest-policy": "fail"}, says=["no broker to ask"]),
    snp("story-policy-good", READY, {"guest-policy": "pass", "guest-gate": "pass"}, {POLICY: COVERED}),
    snp("story-policy-missing", FAILS, {"guest-policy": "fail"}, {SECRET: DATA}, says=["There is no attest.conf"]),
    snp("story-policy-broker-judges", READY, {"guest-policy": "na"}, SIGNED),
    snp("story-policy-broker-not-all", FAILS, {"guest-policy": "fail"}, {**SIGNED, f"{ETC}/secrets.d/b.conf": f"[Secret]\nGuid={GUIDS[1]}\nConsumers=get\n"}),
    snp("story-policy-not-asked", FAILS, {"guest-policy": "na", "guest-gate": "fail"}, {KEEPER: "[Cocod]\nRequire=none\n"}),
    snp("story-policy-silent", FAILS, {"guest-policy": "fail"}, {POLICY: "[snp]\nmin_tcb=1:2:3:4\n"}, says=["no identity of what runs"]),
    snp("story-policy-empty-section", FAILS, {"guest-policy": "fail"}, {POLICY: "[snp]\n"}),
    snp("story-policy-other-kind", FAILS, {"guest-policy": "fail"}, {POLICY: "[tdx]\nmrtd=" + "ab" * 48 + "\n"}),
    snp("story-policy-not-covered", FAILS, {"guest-policy": "fail"}, {POLICY: MEASURED}, says=["may not cover kernel"]),
    snp("story-policy-partial", WARNS, {"guest-policy": "warn"}, {POLICY: MEASURED + "allow=partial-identity\n"}, says=["no partial-identity"]),
    snp("story-policy-debug", WARNS, {"guest-policy": "warn"}, {POLICY: COVERED + "allow=debug\n"}, says=["whose memory the host reads"]),
    snp("story-policy-foreign", FAILS, {"guest-policy": "fail"}, {POLICY: COVERED + "pcr0=" + "00" * 32 + "\n"}),
    snp("story-policy-ended", FAILS, {"guest-policy": "fail"}, {POLICY: COVERED.replace("\ncov", " until=2026-11-01\ncov")}, probe={"time": f"{NOW}\n"}, says=["measurement= in attest.conf has ended"]),
    snp("story-policy-ends-later", READY, {"guest-policy": "pass"}, {POLICY: COVERED.replace("\ncov", " until=2026-12-01\ncov")}, probe={"time": f"{NOW}\n"}),
    snp("story-policy-wrong", FAILS, {"guest-policy": "fail"}, {POLICY: "[snp]\nmeasurement=zz\n"}, says=["line 2"]),
    snp("story-policy-denied", READY, {"guest-policy": "unknown"}, {POLICY: COVERED}, refused={POLICY: "EACCES"}),
    snp("story-policy-in-usr", READY, {"guest-policy": "pass"}, {POLICY.replace("/etc", "/usr/lib"): COVERED}),
]

# ---- whose files they are ----

FOLDER, OPEN = "40755 0 0", "100666 0 0"
FILES = {KEEPER: "[Cocod]\n", SECRET: DATA, "/etc/crypttab": "", "/etc/cryptsetup-keys.d/a.key": ""}
OF_FILES = {ETC: FOLDER, f"{ETC}/secrets.d": FOLDER, KEEPER: "100644 0 0", SECRET: "100600 0 0", "/etc/crypttab": "100644 0 0", "/etc/cryptsetup-keys.d": FOLDER, "/etc/cryptsetup-keys.d/a.key": PLAIN}


def files(name, how, outcome, says=(), **rights):
    """@rights change OF_FILES, by a letter for each path."""
    names = {"etc": ETC, "folder": f"{ETC}/secrets.d", "keeper": KEEPER, "secret": SECRET, "tab": "/etc/crypttab", "key": "/etc/cryptsetup-keys.d/a.key"}
    return tree(f"story-files-{name}", how, {"guest-files": outcome}, FILES, {**OF_FILES, **{names[k]: v for k, v in rights.items()}}, says=says)


OWNERS = [
    tree("story-files-none", READY, {"guest-files": "na"}),
    files("root", READY, "pass"),
    files("writable", FAILS, "fail", ["chmod go-w '/etc/cocod/secrets.d/data.conf'"], secret=OPEN),
    files("group", FAILS, "fail", keeper="100664 0 0"),
    files("folder", FAILS, "fail", folder="41777 0 0"),
    files("place", FAILS, "fail", etc="40755 1000 0"),
    files("other-owner", FAILS, "fail", ["chown -h root:"], secret="100600 1000 0"),
    files("link", READY, "pass", secret="120777 0 0"),
    files("link-of-other", FAILS, "fail", secret="120777 1000 0"),
    files("crypttab", FAILS, "fail", tab="100646 0 0"),
    files("key-shown", FAILS, "fail", ["chmod go= '/etc/cryptsetup-keys.d/a.key'"], key="100640 0 6"),
    tree("story-files-unknown", READY, {"guest-files": "unknown"}, FILES),
    tree("story-files-denied", READY, {"guest-files": "unknown"}, FILES, OF_FILES, refused={"/etc/cryptsetup-keys.d": "EACCES"}, says=["Run it as root"]),
]

# ---- collateral ----

HERE = os.path.dirname(os.path.abspath(__file__))


def corpus(name):
    with open(f"{HERE}/../fuzz/corpus/{name}", "rb") as f:
        return f.read()


# They are good until 2026-02-09, 2026-02-09, 2026-03-01; the certificate until 2126.
TCB, QE, CRL = corpus("tdx-collateral/tcb-info"), corpus("tdx-collateral/qe-identity"), corpus("crl/pem")
CACHE, OWN = "/var/cache/cocod", f"{ETC}/collateral"
JANUARY, FEBRUARY, LATE_FEBRUARY, MARCH = 1768219200, 1770336000, 1771588800, 1772841600     # 12, 6, 20, 7


def collateral(name, how, outcome, files, when=JANUARY, **more):
    return snp(f"story-collateral-{name}", how, {"guest-collateral": outcome}, files, probe={"time": f"{when}\n"} if when else None, **more)


COLLATERAL = [
    collateral("none", READY, "na", {f"{CACHE}/newest": "coco-newest 1\n", f"{OWN}/README": "x"}),
    collateral("good", READY, "pass", {f"{CACHE}/tcb-info-90c06f000000.json": TCB, f"{CACHE}/qe-identity.json": QE, f"{CACHE}/crl-vcek.pem": CRL, f"{OWN}/cert-a.pem": CERTIFICATE}),
    collateral("tcb-info-soon", WARNS, "warn", {f"{CACHE}/tcb-info-x.json": TCB}, FEBRUARY, says=["cococtl attest fetch --refresh", "the host's word"]),
    collateral("tcb-info-over", FAILS, "fail", {f"{CACHE}/tcb-info-x.json": TCB}, MARCH),
    collateral("qe-identity-over", FAILS, "fail", {f"{OWN}/qe-identity.json": QE}, MARCH),
    collateral("crl-soon", WARNS, "warn", {f"{OWN}/crl.pem": CRL}, LATE_FEBRUARY, says=["revocation list of ARK-Milan"]),
    collateral("crl-over", FAILS, "fail", {f"{OWN}/crl.pem": CRL, f"{OWN}/cert-a.pem": CERTIFICATE}, MARCH),
    collateral("certificate-soon", WARNS, "warn", {f"{OWN}/cert-a.pem": CERTIFICATE}, 4948866148),
    collateral("certificate-over", FAILS, "fail", {f"{OWN}/cert-a.pem": CERTIFICATE}, 4949470949),
    # A newer one of the same platform counts, wherever it lies; one of another platform does not.
    collateral("newer", READY, "pass", {f"{CACHE}/tcb-info-a.json": TCB, f"{OWN}/tcb-info-b.json": TCB.replace(b"2026-02-09", b"2026-12-09")}, MARCH),
    collateral("newer-of-other", FAILS, "fail", {f"{CACHE}/tcb-info-a.json": TCB, f"{OWN}/tcb-info-b.json": TCB.replace(b"2026-02-09", b"2026-12-09").replace(b"90C06F", b"90C06E")}, MARCH),
    collateral("malformed", WARNS, "warn", {f"{OWN}/crl.pem": "nonsense"}),
    collateral("cut", WARNS, "warn", {f"{OWN}/tcb-info.json": TCB[:900]}),
    collateral("empty-certificate", WARNS, "warn", {f"{OWN}/cert.pem": "\n"}),
    collateral("large", FAILS, "fail", {f"{OWN}/cert.pem": b"x" * (5 << 20)}, says=["larger than such a file may be"]),
    collateral("too-many", FAILS, "fail", {f"{CACHE}/cert-{i}.pem": CERTIFICATE for i in range(33)}, says=["too many files"]),
    collateral("no-clock", READY, "unknown", {f"{OWN}/crl.pem": CRL}, 0),
    collateral("denied", READY, "unknown", {f"{OWN}/crl.pem": CRL}, refused={f"{OWN}/crl.pem": "EACCES"}),
]

# ---- crypttab ----

OF_DATA = {f"{ENABLED}/cocod-cryptsetup@data.socket": f"{SYSTEM}/cocod-cryptsetup@.socket"}
LONG = "d" * 65
COPY = "/run/cocod.headers/data.hdr"
MEASURED = f"data /dev/vdb none luks,tpm2-measure-pcr=15,header={COPY}"
TPM2 = '{"keyslots":{},"tokens":{"0":{"type":"systemd-tpm2","keyslots":["1"]}}}'
BOTH = '{"keyslots":{},"tokens":{"0":{"type":"systemd-tpm2","keyslots":["1"]},"1":{"type":"coco","keyslots":["2"],"coco-secret":"data"}}}'
TOKEN = f"[Secret]\nGuid={GUIDS[0]}\nConsumers=token\n"


def volumes(name, how, outcome, line, **more):
    files = more.pop("files", {})
    return tree(f"story-crypttab-{name}", how, {"guest-crypttab": outcome}, {"/etc/crypttab": line + "\n", **files}, **more)


CRYPTTAB = [
    volumes("named", FAILS, "fail", "data /dev/vdb none luks", files={SECRET: DATA}, says=["cocod-cryptsetup@data.socket, which would give it one, is not enabled"]),
    volumes("named-and-enabled", READY, "pass", "data /dev/vdb none luks", files={SECRET: DATA}, links=OF_DATA),
    volumes("named-any-socket", READY, "pass", "data /dev/vdb /run/cocod/cryptsetup.sock luks", files={SECRET: DATA}),
    volumes("named-other", READY, "na", "other /dev/vdb none luks,keyfile-erase", files={SECRET: DATA}),
    volumes("named-erase", FAILS, "fail", "data /dev/vdb none luks,keyfile-erase", files={SECRET: DATA}, links=OF_DATA, says=["keyfile-erase"]),
    volumes("by-distribution", READY, "pass", "data /dev/vdb none luks", links={"/usr/lib/systemd/system/sockets.target.wants/cocod-cryptsetup@data.socket": "../cocod-cryptsetup@.socket"}),
    volumes("long-for-cocod", FAILS, "fail", f"{LONG} /dev/vdb /run/cocod/cryptsetup.sock luks", says=["1 to 64 printable"]),
    volumes("just-not-long", READY, "pass", f"{LONG[1:]} /dev/vdb /run/cocod/cryptsetup.sock luks"),
    volumes("long-for-systemd", FAILS, "fail", f"{'d' * 79} /dev/vdb /run/cocod/cryptsetup.sock luks", says=["more than the 78 bytes"]),
    volumes("measured-token", WARNS, "warn", "data /dev/vdb none luks,tpm2-measure-pcr=15", files={SECRET: TOKEN}, says=["asks no token"]),
    volumes("not-measured-token", READY, "na", "data /dev/vdb none luks,tpm2-measure-pcr=no", files={SECRET: TOKEN}),
    volumes("measured-others-token", READY, "na", MEASURED, files={SECRET: TOKEN, COPY: luks_header(TPM2)}),
    volumes("measured-our-token", FAILS, "fail", MEASURED, files={SECRET: TOKEN, COPY: luks_header(BOTH)}, says=["Volume 'data' gets no key by its token", "asks no token"]),
    volumes("measured-our-token-secret-not", FAILS, "fail", MEASURED, files={COPY: luks_header(BOTH)}),
    volumes("measured-our-token-and-socket", READY, "pass", MEASURED, files={SECRET: TOKEN, COPY: luks_header(BOTH)}, links=OF_DATA),
    volumes("our-token", READY, "pass", MEASURED.replace("=15", "=off"), files={SECRET: TOKEN, COPY: luks_header(BOTH)}),
    volumes("our-token-elsewhere", FAILS, "fail", MEASURED.replace(COPY, "/boot/data.img"), files={SECRET: TOKEN, "/boot/data.img": luks_header(BOTH)}),
    volumes("measured-luks1", READY, "na", MEASURED, files={SECRET: TOKEN, COPY: luks_header("", version=1)}),
    volumes("measured-header-gone", WARNS, "warn", MEASURED, files={SECRET: TOKEN}, says=["is on a device or is not there"]),
    volumes("measured-header-malformed", WARNS, "warn", MEASURED, files={SECRET: TOKEN, COPY: luks_header('{"tokens":')}, says=["header is malformed"]),
    volumes("measured-header-cut", WARNS, "warn", MEASURED, files={SECRET: TOKEN, COPY: luks_header(BOTH)[:9000]}),
    volumes("measured-header-denied", WARNS, "warn", MEASURED, files={SECRET: TOKEN}, refused={COPY: "EACCES"}),
    volumes("measured-header-recorded", FAILS, "fail", MEASURED, files={SECRET: TOKEN}, probe={"tokens": f"coco yes {COPY}\n"}),
    volumes("measured-header-recorded-nonsense", WARNS, "warn", MEASURED, files={SECRET: TOKEN}, probe={"tokens": f"coco maybe {COPY}\n"}),
    volumes("measured-key", READY, "pass", "data /dev/vdb /run/cocod/cryptsetup.sock luks,tpm2-measure-pcr=yes", files={SECRET: TOKEN}),
    volumes("evil", FAILS, "fail", f"{EVIL.replace(' ', '')} /dev/vdb /run/cocod/cryptsetup.sock luks"),
]

TREES = CRYPTTAB + CONFIG + POLICIES + OWNERS + COLLATERAL + UNITS + SOCKETS + INITRAMFS + SWAP + HIBERNATION + MEMORY

# ---- hostile ----


def evil_names(path):
    os.makedirs(path)
    for i in range(300):
        with open(f"{path}/{i}{EVIL}\n.sock", "wb"):
            pass


def lines(line, n=200000):
    def make(path):
        with open(path, "wb") as f:
            f.write(line.encode() * n)
    return make


def sparse(path):
    with open(path, "wb") as f:
        f.truncate(1 << 40)


PATHS = ["/etc/crypttab", "/proc/net/unix", "/proc/self/mountinfo", "/sys/power/state", "/run/cocod/gate", f"{SYSTEM}/cocod.socket", f"{PRESETS}/1.preset", "/etc/dracut.conf.d/a.conf",
         KEEPER, SECRET, BROKER, POLICY, f"{OWN}/crl.pem", f"{OWN}/tcb-info.json", f"{CACHE}/cert-a.pem"]


def hostile(name, **more):
    return Tree(f"hostile-story-{name}", amd(sev=0x2).hypervisor("KVMKVMKVM"), msr={STATUS: 1}, **more)


HOSTILE = [
    hostile("huge", files={p: sparse for p in PATHS}),
    hostile("folders", files={p: None for p in PATHS}),
    hostile("fifos", files={p: os.mkfifo for p in PATHS}),
    hostile("loops", links={p: os.path.basename(p) for p in PATHS}),
    hostile("out", links={p: "/../../../../../../etc/passwd" for p in PATHS}),
    hostile("names", files={"/run/cocod": evil_names, "/etc/dracut.conf.d": evil_names, PRESETS: evil_names, f"{SYSTEM}/cocod.socket": f"Also={EVIL} ../../x {'y' * 3000}\n"}),
    hostile("binary", files={p: os.urandom(70000) for p in PATHS}, probe={"rights": os.urandom(9000), "time": os.urandom(100)}),
    hostile("header-sparse", files={"/etc/crypttab": MEASURED + "\n", SECRET: TOKEN, COPY: sparse}),
    hostile("header-fifo", files={"/etc/crypttab": MEASURED + "\n", SECRET: TOKEN, COPY: os.mkfifo}),
    hostile("header-deep", files={"/etc/crypttab": MEASURED + "\n", SECRET: TOKEN, COPY: luks_header('{"tokens":' * 1000)}),
    hostile("header-evil", files={"/etc/crypttab": MEASURED + "\n", SECRET: TOKEN, COPY: luks_header('{"tokens":{"0":{"type":"' + EVIL.replace(chr(10), "") + '"}}}')}),
    hostile("many", files={"/proc/net/unix": lines(f"0: 2 0 10000 1 1 1 {EVIL}\n"), "/proc/swaps": HEAD + f"/dev/{EVIL} partition 1 1 1\n" * 3000, "/etc/crypttab": "a b\n" * 50000}),
    hostile("swaps", files={"/proc/swaps": HEAD + "x" * 200000, "/proc/self/mountinfo": lines("1 1 1:1 / " + "/" * 2000 + " - \n", 500)}),
]

# SPDX-License-Identifier: LGPL-2.1-or-later
"""Records of hosts: Xen, and what a machine has besides."""

from host_trees import milan, ordinary, xen, xeon, zen4
from machine import Expect, Tree, intel

# ---- Xen: what xl and xenhypfs printed in dom0 ----


def xl(scheduler="credit2", commandline="placeholder", config="CONFIG_PV=y\nCONFIG_HVM=y\n# CONFIG_MEM_ACCESS is not set\n"):
    return {"xl": f"$ xl info\nhost                   : dom0\nxen_scheduler          : {scheduler}\nxen_commandline        : {commandline}\nxen_caps               : xen-3.0-x86_64 hvm-3.0-x86_64\n"
                  f"$ xenhypfs cat /buildinfo/config\n{config}"}


DOM0 = xen("PV", "control_d\n")


def dom0(name, checks, said=None, files=(), says=(), lacks=()):
    """Xen's dom0 is never more than ready with warnings."""
    return milan(name, Expect(2, "Ready with warnings for snp", {f"host-xen-{c}": o for c, o in checks.items()}, says=says, lacks=lacks), {**DOM0, **dict(files)}, probe=xl() if said is None else said)


XEN = [
    dom0("xen-dom0-credit2", {"scheduler": "pass", "introspection": "pass", "pvh": "pass", "pvcalls": "pass", "config": "na"}, says=["credit2: it takes cpus_soft="]),
    # Xen does not say that it has no such scheduler.
    dom0("xen-dom0-null-requested", {"scheduler": "warn"}, xl(commandline="placeholder sched=null dom0_mem=1024M"), says=["started with sched=null and has the scheduler credit2", "CONFIG_SCHED_NULL"]),
    dom0("xen-dom0-null-had", {"scheduler": "pass"}, xl("null", "sched=null")),
    dom0("xen-dom0-last-wins", {"scheduler": "pass"}, xl("credit", "sched=null sched=credit")),
    dom0("xen-dom0-rtds-requested", {"scheduler": "warn"}, xl(commandline="sched=rtds"), lacks=["CONFIG_SCHED_NULL"]),
    dom0("xen-dom0-mem-access", {"introspection": "warn"}, xl(config="CONFIG_MEM_ACCESS=y\nCONFIG_HVM=y\n"), says=['altp2m="disabled"']),
    dom0("xen-dom0-pv-only", {"pvh": "warn"}, xl(config="CONFIG_PV=y\n")),
    dom0("xen-dom0-no-buildinfo", {"scheduler": "pass", "introspection": "unknown", "pvh": "unknown"}, xl(config="xenhypfs: Could not read /buildinfo/config\n")),
    dom0("xen-dom0-not-asked", {"scheduler": "unknown", "introspection": "unknown", "pvh": "unknown"}, {}, says=["no program is run for that"]),
    dom0("xen-dom0-xl-garbage", {"scheduler": "unknown", "introspection": "unknown"}, {"xl": "\x1b[2J$ xl info\n$ xl info \n\nxen_scheduler credit2\n" + "CONFIG_HVM=y\n" * 3}),
    dom0("xen-dom0-scheduler-hostile", {"scheduler": "warn"}, xl("\x1b[31m" + "x" * 500, "sched=\x1b[2J"), lacks=["\x1b"]),
    dom0("xen-dom0-pvcalls", {"pvcalls": "warn"}, files={"/sys/bus/xen-backend/devices/pvcalls-3-0": None, "/sys/bus/xen-backend/devices/vbd-3-51712": None}),
    dom0("xen-dom0-config", {"config": "pass"}, files={"/etc/xen/a.cfg": 'type="pvh"\n# builder="hvm"\n', "/etc/xen/xl.conf": "builder=1\n"}),
    dom0("xen-dom0-config-old", {"config": "warn"}, files={"/etc/xen/a.cfg": 'name="a"\nbuilder = "hvm"\n', "/etc/xen/b.cfg": 'type="pv"\n'}, says=['type="hvm"']),
    dom0("xen-dom0-dm-restricted", {"dm": "pass", "config": "pass"}, files={"/etc/xen/a.cfg": 'type = "hvm"\ndm_restrict = 1\ndevice_model_user="vm-a"\n', "/etc/xen/b.cfg": "type='pvh'\n"}),
    dom0("xen-dom0-dm-root", {"dm": "warn"}, files={"/etc/xen/a.cfg": "type='hvm'\n#dm_restrict=1\n", "/etc/xen/b.cfg": 'type="hvm"\ndm_restrict=0\n'}, says=["of 2 guests of type HVM", "device_model_user="]),
    dom0("xen-dom0-dm-builder", {"dm": "warn", "config": "warn"}, files={"/etc/xen/a.cfg": "builder='hvm'"}),
    dom0("xen-dom0-dm-none", {"dm": "na"}, files={"/etc/xen/xl.conf": 'type="hvm"\n'}),
    dom0("xen-dom0-parameters", {"parameters": "pass"}, xl(config="CONFIG_HYPFS=y\n"), says=["'xl set-parameters loglvl=info'; 'xenhypfs ls /params' lists them"]),
    dom0("xen-dom0-parameters-unlisted", {"parameters": "pass"}, xl(config="CONFIG_PV=y\n# CONFIG_HYPFS is not set\n")),
    dom0("xen-dom0-parameters-unknown", {"parameters": "unknown"}, xl(config="xenhypfs: Could not read /buildinfo/config\n")),
    dom0("xen-dom0-config-pvh", {"config": "warn"}, files={"/etc/xen/a.cfg": "pvh=1\n"}, says=['type="pvh" in the place of pvh=']),
    # A guest's name in the log of another makes nobody dom0.
    milan("xen-none-with-xl", Expect(0, "Ready for snp", {"host-xen-scheduler": "na", "host-xen-pvcalls": "na"}), probe=xl()),
]

# ---- besides ----

MIDR = "/sys/devices/system/cpu/cpu0/regs/identification/midr_el1"
MCG_CAP, FEATURE_CONTROL = 0x179, 0x3A


def lmce(name, outcome, msr):
    return xeon(name, Expect(0, "Ready for tdx", {"host-lmce": outcome}), msr=msr)


def arm(name, outcome, files, says=()):
    return Tree(name, files=files, host=Expect(1, "Not ready", {"host-arm": outcome}, says=says))


MIRRORED = ["efi: Memory: 4096M/65536M mirrored memory"]
BESIDES = [
    ordinary("host-umip", zen4().leaf(7, ecx=1 << 2), Expect(0, "Ready for none", {"host-umip": "pass", "host-lmce": "na", "host-l2-cat": "na", "host-arm": "na", "host-mirrored-memory": "na"}, ["--require", "none"]),
             {"/sys/module/kvm_amd/parameters/avic": "Y\n"}),
    ordinary("host-no-umip", zen4().leaf(7), Expect(0, "Ready for none", {"host-umip": "na"}, ["--require", "none"]), {"/sys/module/kvm_amd/parameters/avic": "Y\n"}),
    lmce("host-lmce-on", "pass", {MCG_CAP: 1 << 27, FEATURE_CONTROL: 1 << 20 | 5}),
    lmce("host-lmce-off", "warn", {MCG_CAP: 1 << 27, FEATURE_CONTROL: 5}),
    lmce("host-lmce-none", "na", {MCG_CAP: 0, FEATURE_CONTROL: 1 << 20}),
    lmce("host-lmce-denied", "unknown", {MCG_CAP: "EACCES"}),
    ordinary("host-l2-cat", intel(), Expect(0, "Ready for none", {"host-l2-cat": "pass"}, ["--require", "none"]), {"/sys/module/kvm_intel/version": "", "/proc/cpuinfo": "flags\t\t: fpu cat_l3 cat_l2 mba\n"}),
    ordinary("host-l2-cat-word", intel(), Expect(0, "Ready for none", {"host-l2-cat": "na"}, ["--require", "none"]), {"/sys/module/kvm_intel/version": "", "/proc/cpuinfo": "flags\t\t: fpu xcat_l2 cat_l2x\n"}),
    milan("host-mirrored", Expect(0, "Ready for snp", {"host-mirrored-memory": "pass"}), {"/proc/cmdline": "ro kernelcore=mirror\n"}, kmsg=["ccp 0000:22:00.1: SEV-SNP API:1.55 build:21"] + MIRRORED),
    milan("host-mirrored-unused", Expect(0, "Ready for snp", {"host-mirrored-memory": "warn"}, says=["kernelcore=mirror"]), kmsg=["ccp 0000:22:00.1: SEV-SNP API:1.55 build:21"] + MIRRORED),
    arm("xen-arm-its", "pass", {MIDR: "0x00000000430f0a11\n", "/proc/interrupts": " 42:   0   ITS-MSI 8192 Edge   eth0\n"}, says=["Cavium ThunderX, whose devices interrupt through GICv3's ITS"]),
    arm("host-arm-centriq", "pass", {MIDR: "0x00000000510f8000\n"}, says=["a CPU that has no name here, without an ITS"]),
    arm("host-arm-centriq-2400", "pass", {MIDR: "0x00000000510fc000\n"}, says=["Qualcomm Centriq 2400, without an ITS"]),
    arm("host-arm-nonsense", "unknown", {MIDR: "many\n"}),
]

# ---- memory that only the guest has, with several nodes ----

NODES = {f"/sys/devices/system/node/node{n}": None for n in (0, 1)} | {"/sys/devices/system/node/possible": "0-1\n"}


def memfd(name, outcome, said, files=None, cap=1, status=0, **more):
    return milan(name, Expect(status, {0: "Ready for snp", 2: "Ready with warnings for snp"}[status], {"host-memfd-policy": outcome}, **more), NODES if files is None else files,
                 kvm={"open": "ok", "hlt": "ok", 235: (0x1F, 0x1F), 234: (cap, cap)} | ({"memfd-policy": said} if said else {}))


MEMFD = [
    memfd("host-two-node-gmem-policy-yes", "pass", "kept"),
    memfd("host-two-node-gmem-policy-no", "warn", "lost", status=2, says=["numactl --cpunodebind=N"]),
    memfd("host-two-node-gmem-no-mmap", "warn", "ENODEV", status=2),
    memfd("host-two-node-no-gmem", "na", None, cap=0),
    memfd("host-two-node-gmem-untold", "unknown", None),
    memfd("host-one-node-gmem", "na", "lost", {"/sys/devices/system/node/node0": None, "/sys/devices/system/node/nodes": None}),
]

TREES = XEN + BESIDES + MEMFD

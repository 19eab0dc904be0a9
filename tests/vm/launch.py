# SPDX-License-Identifier: LGPL-2.1-or-later
"""A guest's launch from both sides: its owner with coco-inject, and the host with its security processor.

The host's side is tests/double's, which shares no code with coco-inject: what it measures is computed twice.
"""

import contextlib
import os
import subprocess
import time

import systemvm
import vm
from systemvm import Failure, run

DOUBLE = os.path.join(systemvm.HERE, "../double")
PYTHON = "/usr/bin/python3"
# Each name in a policy is one bit.  The owner's tool takes the names, the host's side the number.
SEV = ("nodbg,noks,nosend", 0xb)
SEV_ES = ("nodbg,noks,es,nosend", 0xf)
# The CPUs whose state SEV-ES measures: QEMU's name of the model, and its CPUID signature.
CPU = ("EPYC-Milan", 0xa00f11)
# A long timeout, so that a busy machine makes no test fail.
PATIENCE = "5min"


class Platform:
    """The machine: certificates from ARK to PDH in folder, and the PDH's private key, which only its processor has."""

    def __init__(self, folder):
        self.folder = folder
        # The key size of the first generation.  Such keys are made faster.
        run(PYTHON, os.path.join(DOUBLE, "fake-platform"), "--bits", "2048", folder)
        self.pdh = os.path.join(folder, "pdh.cert")
        self.ark = os.path.join(folder, "ark.cert")
        self.pdh_key = os.path.join(folder, "pdh.key.pem")


class Owner:
    """The owner of one launch, with a folder for its keys; firmware, kernel, initrd and command line are the owner's files.

    tell() is called with each command of coco-inject's before it runs.
    """

    def __init__(self, coco_inject, platform, folder, policy=SEV):
        os.mkdir(folder, 0o700)
        self.coco_inject = coco_inject
        self.platform = platform
        self.folder = folder
        self.policy = policy
        # No ARK of AMD's has signed this platform.
        self.anchor = ["--anchor", platform.ark]
        self.tell = lambda command: None

    def run(self, *arguments):
        self.tell(["coco-inject", *arguments])
        return run(self.coco_inject, *arguments, cwd=self.folder)

    def file(self, name):
        """The path of one of the session's four files."""
        return os.path.join(self.folder, f"vm_{name}")

    def verify_chain(self):
        """Verify that the machine is the (fake) AMD's.  Returns the output of coco-inject."""
        return self.run("chain", "verify", self.platform.folder, *self.anchor)

    def make_session(self):
        """Make new keys for one launch on that machine with that policy.  Returns the output of coco-inject."""
        return self.run("session", "--pdh", self.platform.pdh, "--policy", self.policy[0], "--name", "vm",
                        "--chain", self.platform.folder, *self.anchor)

    def inject(self, guest, monitor, secrets, timeout=600):
        """Compare the paused guest's measurement with what the files give, hand it the secrets, (name, file) each, and start it.

        Returns the exit status and what coco-inject says.
        """
        command = [self.coco_inject, "inject", "--qmp", monitor, "--tek", self.file("tek.bin"), "--tik", self.file("tik.bin"),
                   "--policy", self.policy[0], "--firmware", guest.firmware, "--kernel", guest.kernel, "--initrd", guest.initrd,
                   "--cmdline-file", guest.cmdline_file, "--area", f"{vm.AREA:#x}:{vm.AREA_LEN}", "--timeout", PATIENCE,
                   # The distribution's OVMF has no place for the hashes of kernel, initrd and command line, and would
                   # start others as well.  They are in the measurement all the same, as QEMU gave them; but a host that
                   # lies could have these hashes measured and boot something else.  Only AmdSevX64 closes that.
                   "--unchecked-kernel"]
        if self.policy is SEV_ES:
            command += ["--vcpus", str(guest.cpus), "--vcpu-type", CPU[0]]
        for name, file in secrets:
            command += ["--secret", f"{name}:{file}"]
        self.tell(["coco-inject", *command[1:]])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=timeout)
        return done.returncode, done.stdout.decode(errors="replace")


class Host:
    """The host of one guest.  folder has its copies of what the guest boots, as on the guest's system partition."""

    def __init__(self, guest, platform, folder):
        os.mkdir(folder, 0o700)
        self.guest = guest
        self.platform = platform
        self.folder = folder
        self.monitor = os.path.join(folder, "qmp")
        self.log = os.path.join(guest.work, "double.log")
        self.files = {"firmware": guest.firmware}
        for what, name in (("kernel", "vmlinuz.efi"), ("initrd", "initrd.img"), ("cmdline", "cmdline.txt")):
            self.files[what] = os.path.join(folder, name)
            run("mcopy", "-i", guest.esp, f"::/{name}", self.files[what])

    def digest(self, policy=SEV, cpus=None, **others):
        """The digest that the security processor measures for these or other files: firmware, kernel, initrd, cmdline."""
        files = {**self.files, **others}
        with open(files["cmdline"], encoding="ascii") as f:
            # The firmware drops the line feed.
            cmdline = f.read().rstrip("\n")
        command = ["--firmware", files["firmware"], "--kernel", files["kernel"], "--initrd", files["initrd"], "--cmdline", cmdline]
        if policy is SEV_ES:
            command += ["--vcpus", str(cpus or self.guest.cpus), "--sig", str(CPU[1])]
        return run(PYTHON, os.path.join(DOUBLE, "launch-model"), "digest", "--tech", "sev-es" if policy is SEV_ES else "sev",
                   *command).strip()

    @contextlib.contextmanager
    def launch(self, session, digest, policy=SEV, arguments=(), timeout=300):
        """Launch the guest with that owner's session: the security processor is before QEMU's monitor as long as this lasts.

        Yields its process, which has ended when it did not take the session.
        """
        with open(self.log, "ab") as log, subprocess.Popen(
                [PYTHON, os.path.join(DOUBLE, "security-processor"), "--listen", self.monitor, "--qemu", self.guest.qmp_path,
                 "--ram", self.guest.ram.path, "--gpa", str(vm.AREA), "--area-size", str(vm.AREA_LEN),
                 "--pdh-key", self.platform.pdh_key, "--godh", session.file("godh.b64"), "--session", session.file("session.b64"),
                 "--policy", str(policy[1]), "--digest", digest, "--once", *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log) as double:
            try:
                end = time.monotonic() + timeout
                while not os.path.exists(self.monitor) and double.poll() is None:
                    if time.monotonic() > end:
                        raise Failure(f"the double of the security processor does not listen; see {self.log}")
                    time.sleep(0.05)
                yield double
            finally:
                double.terminate()

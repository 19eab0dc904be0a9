# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cases of tests/vm/driver-test: what is done with the driver in a guest, and what must be the result.

Each case finds the module unloaded and leaves it so. Its first line of documentation is its name.
"""

import base64
import binascii
import os
import random
import re
import struct
import subprocess
import uuid

import vm

TABLE_GUID = "1e74f542-71dd-4d66-963e-ef4287ff173b"
LUKS = "736869e5-84f0-4973-92ec-06879ce3da0b"
OTHER = "e6f5a162-d67f-4750-a67c-5d065f2a9910"
THIRD = "1ee27366-0c87-43a6-af48-28543eaf7cb0"
ZERO = str(uuid.UUID(int=0))
SECRETS = "/sys/kernel/security/secrets"
COCO = SECRETS + "/coco"
SVKL = SECRETS + "/svkl"
LEGACY = "/sys/kernel/security/coco/efi_secret"
HEADER_LEN = 20
HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(HERE, "..", "fuzz", "corpus")
ALL = os.environ.get("COCO_ALL") == "1"     # the long runs at their full length

# The rest of the area's page belongs to somebody else and must not change.
BEHIND = bytes((i * 7 + 1) & 0xff for i in range(4096 - vm.AREA_LEN))


# ---- tables, made by hand ----
def entry(guid, data, length=None):
    return uuid.UUID(guid).bytes_le + struct.pack("<I", HEADER_LEN + len(data) if length is None else length) + data


def table(*entries, length=None):
    body = b"".join(entries)
    return (uuid.UUID(TABLE_GUID).bytes_le +
            struct.pack("<I", HEADER_LEN + len(body) if length is None else length) + body)


def wiped(data_len):
    """A wiped entry: its length, and zeros."""
    return entry(ZERO, bytes(data_len))


# ---- the ACPI table SVKL ----
SVKL_HEADER_LEN = 40
SVKL_TABLE_LEN = SVKL_HEADER_LEN + 66 * 16      # more than the driver's cap, so that a test can put any table in its place
SVKL_READ_MAX = SVKL_HEADER_LEN + 64 * 16


def svkl_body(*keys):
    """What follows the ACPI header: the number of keys, then (address, length) of each."""
    body = struct.pack("<I", len(keys)) + b"".join(struct.pack("<HHIQ", 0, 0, n, address) for address, n in keys)
    return body + bytes(SVKL_TABLE_LEN - 36 - len(body))


def corpus(parser):
    """The files of a fuzz target's corpus, as (name, bytes)."""
    folder = os.path.join(CORPUS, parser)
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            yield name, f.read()


class Failed(Exception):
    """A check failed; the text says which."""


def expect(good, text):
    if not good:
        raise Failed(text)


def expect_equal(got, wanted, what):
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


class Bench:
    """One running guest with the driver, and its RAM."""

    def __init__(self, name, guest, ram, verdicts, area=vm.AREA):
        self.name = name
        self.guest = guest
        self.ram = ram
        self.verdicts = verdicts    # the program with the shared parsers
        self.area = area
        self.kernel_log = ""
        self.svkl = None
        self.other_view = None      # with an encryption bit: the memory that it selects
        self.view_is_placed = False

    # The host's side.
    def inject(self, data, fill=0):
        expect(len(data) <= vm.AREA_LEN, "the test's table is larger than the area")
        self.ram.write(self.area, data + bytes([fill]) * (vm.AREA_LEN - len(data)) + BEHIND)

    def expect_area(self, data, what):
        got = self.ram.read(self.area, vm.AREA_LEN)
        wanted = data + bytes(vm.AREA_LEN - len(data))
        expect(got == wanted, f"{what}: the area differs from offset "
               f"{next((i for i in range(vm.AREA_LEN) if got[i] != wanted[i]), 0)}")
        expect_equal(self.ram.read(self.area + vm.AREA_LEN, len(BEHIND)), BEHIND, "what lies behind the area")

    def judge(self, parser, data):
        """The lines that the shared parser, built as a program, prints for data."""
        path = f"{self.verdicts}.{self.name.replace(' ', '-')}"
        with open(path, "wb") as f:
            f.write(data)
        out = subprocess.run([self.verdicts, parser, path], check=True, stdout=subprocess.PIPE, text=True).stdout
        return [line.split() for line in out.split("\n")[1:] if line]

    def put_svkl(self, data):
        """Replace the table that QEMU made by this one, from its ACPI header on."""
        if self.svkl is None:
            # Use the address that the kernel prints.  The firmware has left copies in memory that is now the kernel's.
            self.read_log()
            found = re.search(r"ACPI: SVKL 0x([0-9A-F]{16})", self.kernel_log)
            expect(found, "the kernel has not found the table SVKL")
            self.svkl = int(found[1], 16)
            expect_equal(self.ram.read(self.svkl, 8), b"SVKL" + struct.pack("<I", SVKL_TABLE_LEN), "the table SVKL")
        self.ram.write(self.svkl, data + bytes(SVKL_TABLE_LEN - len(data)))

    def put_keys(self, *keys):
        self.put_svkl(b"SVKL" + struct.pack("<IB", SVKL_TABLE_LEN, 1) + bytes(27) + svkl_body(*keys))

    # The guest's side.
    def sh(self, line, timeout=300):
        return self.guest.run(line, timeout)

    def out(self, line):
        """The output of a command that must succeed."""
        status, text = self.sh(line)
        expect(status == 0, f"'{line}' ended with status {status}: {text}")
        return text

    def fails(self, line, with_text=""):
        status, text = self.sh(line)
        expect(status != 0, f"'{line}' did not fail: {text}")
        expect(with_text in text, f"'{line}' did not say '{with_text}': {text}")

    def read_log(self):
        """The kernel log since the last call."""
        text = self.sh("dmesg -c")[1]
        self.kernel_log += text + "\n"
        return text

    def load(self, arguments="", module="coco_secret"):
        self.read_log()
        self.out(f"insmod /{module}.ko dyndbg=+p {arguments}")
        return self.read_log()

    def iomem(self):
        """The kernel's memory map: (name, first, last) of each range, including nested ones."""
        for line in self.out("cat /proc/iomem").split("\n"):
            span, name = line.strip().split(" : ", 1)
            first, last = (int(x, 16) for x in span.split("-"))
            yield name, first, last

    def runtime_map(self):
        """EFI's runtime regions: (type, first, last) each."""
        text = self.out("cd /sys/firmware/efi/runtime-map; for i in *; do cat $i/type $i/phys_addr $i/num_pages; done")
        numbers = [int(x, 0) for x in text.split()]
        return [(t, at, at + n * 4096 - 1) for t, at, n in zip(numbers[::3], numbers[1::3], numbers[2::3])]

    def mapped(self):
        """The physical address ranges that the module has mapped now."""
        for line in self.out("cat /proc/vmallocinfo").split("\n"):
            if "[coco_secret]" in line:
                size, at = int(line.split()[1]), re.search(r" phys=0x([0-9a-f]+)", line)
                expect(at, f"vmallocinfo: {line}")
                yield int(at[1], 16), int(at[1], 16) + size - 4096 - 1      # without the guard page

    def firmware_copies(self, needle):
        """Where needle is in memory that the firmware has reserved. Elsewhere files may contain it, such as the module's."""
        spans = [(first, last) for name, first, last in self.iomem()
                 if name in ("Reserved", "ACPI Tables", "ACPI Non-volatile Storage")]
        return [at for at in self.ram.find(needle) if at >= 1 << 20 and any(first <= at <= last for first, last in spans)]

    def believe(self, tech, sev=False):
        """Make the kernel take address bit 39 for that technology's encryption bit, or for no such bit."""
        symbols = self.out("grep -E ' (cc_mask|cc_vendor|sev_status)$' /proc/kallsyms")
        at = {line.split()[2]: "0x" + line.split()[0] for line in symbols.split("\n")}
        self.read_log()
        self.fails(f"insmod /encryption_bit.ko tech={tech} sev={int(sev)} at_mask={at['cc_mask']} at_vendor={at['cc_vendor']} "
                   f"at_sev_status={at['sev_status']}", "temporarily unavailable")
        expect(f"encryption_bit: {tech}" in self.read_log(), f"the kernel was not told of {tech}")

    def load_fails(self, error, *words):
        """The module refuses with this error and these words, and leaves nothing behind."""
        self.read_log()
        self.fails("insmod /coco_secret.ko legacy_path=1", error)
        log = self.read_log()
        for w in words:
            expect(w in log, f"the log does not say '{w}': {log}")
        expect_equal(self.out("ls /sys/kernel/security | grep -e secrets -e coco || :"), "", "left behind")
        expect("coco_secret" not in self.out("cat /proc/modules"), "the module has stayed")

    def unload(self):
        self.out("rmmod coco_secret")
        expect_equal(self.out("ls /sys/kernel/security | grep -e secrets -e coco || :"), "", "left behind")

    def listed(self, folder=COCO):
        return sorted(self.out(f"ls {folder}").split())

    def content(self, path):
        return base64.b64decode(self.out(f"base64 {path}"))


# ---- the cases; each finds and leaves the module unloaded ----
def check_files(b, secrets):
    """The files of these secrets, {GUID: data}, are as in the kernel's ABI, whichever driver serves them."""
    expect_equal(b.listed(), sorted(secrets), "names")
    expect_equal(b.out(f"stat -c '%a %u %g %F' {SECRETS} {COCO}").split("\n"), ["755 0 0 directory"] * 2, "folders")
    for guid, data in secrets.items():
        expect_equal(b.out(f"stat -c '%a %u %g %s' {COCO}/{guid}"), "440 0 0 0", guid)
        expect_equal(b.content(f"{COCO}/{guid}"), data, guid)
    expect_equal(b.out(f"dd if={COCO}/{OTHER} bs=1 skip=255 count=2 2>/dev/null | base64"),
                 base64.b64encode(b"\xff\0").decode(), "a read in the middle")
    for command in (f"touch {COCO}/new", f"mkdir {COCO}/new", f"rmdir {COCO}", f"mv {COCO}/{LUKS} {COCO}/{ZERO}",
                    f"ln {COCO}/{LUKS} {COCO}/{ZERO}", f"echo x >{COCO}/{LUKS}"):
        b.fails(command)


def check_removal(b, secret):
    """Of the entries LUKS, OTHER with this unread secret, and THIRD, remove the second."""
    before, after = entry(LUKS, b"before"), entry(THIRD, b"after")
    b.out(f"rm {COCO}/{OTHER}")
    b.expect_area(table(before, wiped(len(secret)), after), "after the removal")
    expect_equal(b.ram.find(secret), [], "copies of a secret that nobody read, in the whole RAM")
    expect_equal(b.listed(), sorted([LUKS, THIRD]), "names")
    b.fails(f"cat {COCO}/{OTHER}", "No such file")
    b.fails(f"rm {COCO}/{OTHER}", "No such file")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"before", LUKS)


FILES = {LUKS: b"correct horse battery staple\0", OTHER: bytes(range(256)) * 4 + b"odd", THIRD: b""}


def case_files(b):
    """files have the names, modes and owner of the kernel's ABI, size 0, and the secrets' bytes"""
    content = table(*(entry(g, d) for g, d in FILES.items()))
    b.inject(content)
    log = b.load()
    expect("serving 3 from the table, 0 wiped before" in log, f"the log: {log}")
    check_files(b, FILES)
    b.unload()
    b.expect_area(content, "unloading wipes nothing")


def case_unlink(b):
    """removing a file zeroes the data and then the GUID, keeps the length and the neighbours; a reload skips it"""
    secret = b"wipe me: " + os.urandom(24).hex().encode()
    b.inject(table(entry(LUKS, b"before"), entry(OTHER, secret), entry(THIRD, b"after")))
    b.load()
    check_removal(b, secret)
    b.unload()
    expect("serving 2 from the table, 1 wiped before" in b.load(), "reload")
    expect_equal(b.listed(), sorted([LUKS, THIRD]), "names")
    b.out(f"rm {COCO}/*")
    expect_equal(b.listed(), [], "names")
    b.expect_area(table(wiped(6), wiped(len(secret)), wiped(5)), "after all removals")
    b.unload()
    b.load_fails("No such device", "no secrets: the table has none to serve, 3 wiped before")


def case_open_files(b):
    """an open file keeps the module loaded, and reads nothing once its secret is wiped"""
    b.inject(table(entry(LUKS, b"0123456789"), entry(OTHER, b"other")))
    b.load()
    b.fails(f"exec 5<{COCO}/{OTHER}; rmmod coco_secret", "Resource temporarily unavailable")
    expect_equal(b.listed(), sorted([LUKS, OTHER]), "names")
    b.fails(f"exec 5<{COCO}/{LUKS}; dd bs=1 count=3 <&5 2>/dev/null; rm {COCO}/{LUKS}; dd bs=1 <&5",
            "No such device or address")
    b.expect_area(table(wiped(10), entry(OTHER, b"other")), "after the removal")
    text = b.out(f"exec 5<{COCO}/{OTHER}; rm {COCO}/{OTHER}; rmmod coco_secret; cat <&5; exec 5<&-; rmmod coco_secret && echo gone")
    expect("temporarily unavailable" in text and "No such device or address" in text and text.endswith("gone"), f"a removed file, open: {text}")
    b.inject(table(wiped(10), entry(OTHER, b"other")))
    b.load()
    # A process in the folder does not keep the module from being unloaded.  It then finds a dead folder, not the module's old memory.
    text = b.out(f"cd {COCO}; rmmod coco_secret; ls; cat {OTHER}; rm {OTHER}; insmod /coco_secret.ko && ls {COCO} && ls ."
                 " && cd / && rmmod coco_secret && echo still here")
    expect_equal(text.split("\n")[-2:], [OTHER, "still here"], "the shell")
    expect_equal(b.out("ls /sys/kernel/security | grep secrets || :"), "", "left behind")
    expect("coco_secret" not in b.out("cat /proc/modules"), "the module has stayed")


def case_held_paths(b):
    """a path to a file that outlives the module, removed or not, keeps nothing and opens nothing"""
    b.inject(table(entry(LUKS, b"0123456789"), entry(OTHER, b"other")))
    b.load()
    b.out(f"touch /tmp/a /tmp/b; mount --bind {COCO}/{LUKS} /tmp/a; mount --bind {COCO}/{OTHER} /tmp/b; rm {COCO}/{LUKS}")
    b.fails("cat /tmp/a", "No such device or address")
    expect_equal(b.out("cat /tmp/b"), "other", "a file by another path")
    b.unload()
    for path in ("/tmp/a", "/tmp/b"):
        b.fails(f"cat {path}", "No such device or address")
    b.out("umount /tmp/a; umount /tmp/b; rm /tmp/a /tmp/b")


def case_rounds(b):
    """rounds of new secrets, load, readers and removers on two CPUs, unload with a live secret; nothing stays mapped"""
    guids = [str(uuid.UUID(int=(0xc0c0 << 112) + i)) for i in range(1, 5)]
    expect(int(b.out("nproc")) >= 2, "the guest has one CPU only")
    mapped = b.out("grep -c ioremap /proc/vmallocinfo")
    for n in range(100 if ALL else 10):
        secrets = [f"round {n} {g}\n" for g in guids]
        live = entry(LUKS, f"live in round {n}".encode())
        b.inject(table(*(entry(g, s.encode()) for g, s in zip(guids, secrets)), live))
        text = b.out(f"insmod /coco_secret.ko && cd {COCO} || exit 1; rm -f /tmp/read /tmp/gone; for j in 1 2; do "
                     f"(for f in {' '.join(guids)}; do cat $f >>/tmp/read; rm $f && echo $f >>/tmp/gone; done) 2>/dev/null & done; wait;"
                     " ls; echo @; cat /tmp/gone; echo @; cat /tmp/read; cd / && rmmod coco_secret")
        left, gone, read = (part.split("\n") for part in text.replace("@\n", "@").split("@"))
        expect_equal(left[:-1], [LUKS], f"round {n}: names")
        expect_equal(sorted(gone[:-1]), guids, f"round {n}: files removed, each once")
        expect(set(read) <= {s.rstrip() for s in secrets} | {""}, f"round {n}: readers got something else: {read}")
        b.expect_area(table(*(wiped(len(s)) for s in secrets), live), f"round {n}: the area")
    expect_equal(b.out("grep -c ioremap /proc/vmallocinfo"), mapped, "mappings of the kernel")
    expect_equal(b.out("ls /sys/kernel/security | grep -e secrets -e coco || :"), "", "left behind")


def case_unload_under_readers(b):
    """rounds of load, read, unlink, unload while two CPUs read, list and stat without end; the kernel preempts its own code"""
    rounds = 500 if ALL else 40
    expect(int(b.out("nproc")) >= 2, "the guest has one CPU only")
    expect("Dynamic Preempt: full" in b.kernel_log + b.read_log(), "the kernel does not preempt its own code")
    mapped = b.out("grep -c ioremap /proc/vmallocinfo")
    b.out(f"touch /tmp/go; for cpu in 1 2; do (while [ -e /tmp/go ]; do cat {COCO}/*; ls -l {COCO}; [ -x {COCO}/{LUKS} ]; done "
          f">/tmp/read.$cpu 2>/dev/null) & taskset -p $cpu $! >/dev/null; done")
    live = entry(OTHER, b"stays")
    for n in range(rounds):
        secret = f"round {n}".encode()
        b.inject(table(entry(LUKS, secret), live))
        text = b.out(f"insmod /coco_secret.ko && cat {COCO}/{LUKS} && rm {COCO}/{LUKS} && "
                     "until rmmod coco_secret 2>/dev/null; do :; done && echo @")
        expect_equal(text, secret.decode() + "@", f"round {n}")
        b.expect_area(table(wiped(len(secret)), live), f"round {n}: the area")
    b.out("rm /tmp/go; wait; while pgrep -f /tmp/read; do usleep 10000; done; test -s /tmp/read.1 && test -s /tmp/read.2; rm /tmp/read.?")
    expect_equal(b.out("grep -c ioremap /proc/vmallocinfo"), mapped, "mappings of the kernel")
    expect_equal(b.out("ls /sys/kernel/security | grep -e secrets -e coco || :"), "", "left behind")


def case_unlink_while_reading(b):
    """reading while another process removes gives the secret's bytes or an error, never bytes that are partly zero"""
    secret = bytes(random.Random(7).choices(range(1, 256), k=2900))
    for _ in range(8):
        b.inject(table(entry(LUKS, secret)))
        # Each reader opens it again and again; a failed exec ends its shell.
        text = b.out(f"insmod /coco_secret.ko; touch /tmp/go; for j in 1 2 3; do (while [ -e /tmp/go ]; do "
                     f"exec 5<{COCO}/{LUKS}; dd bs=4096 count=1 <&5; done >/tmp/r$j 2>/dev/null) 2>/dev/null & done; "
                     f"while [ ! -s /tmp/r1 ]; do usleep 1000; done; rm {COCO}/{LUKS}; rm /tmp/go; wait; "
                     "echo @; cat /tmp/r1 /tmp/r2 /tmp/r3 | base64; rm /tmp/r?; rmmod coco_secret").split("@")[-1]
        got = base64.b64decode(text)
        expect(got, "nobody has read anything")
        expect(got == secret * (len(got) // len(secret)), f"{len(got)} bytes were read that are not the secret again and again")
        b.expect_area(table(wiped(len(secret))), "the area")


def case_wipe_on_unload(b):
    """wipe_on_unload=1 wipes what is left when the module goes; without it nothing is wiped"""
    content = table(entry(LUKS, b"stays"), entry(OTHER, b"as well"))
    b.inject(content)
    b.load()
    b.unload()
    expect("still in the firmware's memory" in b.read_log(), "the log")
    b.expect_area(content, "without it")
    b.load("wipe_on_unload=1")
    b.out(f"rm {COCO}/{OTHER}")
    b.expect_area(table(entry(LUKS, b"stays"), wiped(7)), "before the module goes")
    b.unload()
    expect("wiped" in b.read_log(), "the log")
    b.expect_area(table(wiped(5), wiped(7)), "with it")


def case_duplicate(b):
    """if two entries have the same GUID, the first is served, with a warning"""
    content = table(entry(LUKS, b"first"), entry(LUKS, b"second"), entry(OTHER, b"other"))
    b.inject(content)
    expect(f"{LUKS} is there twice" in b.load(), "no warning")
    expect_equal(b.listed(), sorted([LUKS, OTHER]), "names")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"first", LUKS)
    b.unload()


def case_wiped_and_padding(b):
    """wiped entries and zero padding are skipped"""
    b.inject(table(wiped(33), entry(LUKS, b"x"), wiped(0), entry(OTHER, b"y"), bytes(13)))
    expect("serving 2 from the table, 2 wiped before" in b.load(), "the log")
    expect_equal(b.listed(), sorted([LUKS, OTHER]), "names")
    b.unload()


def case_broken_entry(b):
    """a broken entry ends the table with a warning; the entries before it are served"""
    for length in (0, 19, 200, 0xffffffff):
        b.inject(table(entry(LUKS, b"good"), entry(OTHER, b"bad", length=length), entry(THIRD, b"lost")))
        expect("the table is broken after 1 entries" in b.load(), f"length {length}: no warning")
        expect_equal(b.listed(), [LUKS], f"length {length}: names")
        expect_equal(b.content(f"{COCO}/{LUKS}"), b"good", LUKS)
        b.unload()
    b.inject(table(entry(OTHER, b"bad", length=7)))
    b.load_fails("", "the table is broken after 0 entries", "no secrets")


def case_empty_area(b):
    """an empty area, or an area with something else in it, gives no device"""
    b.inject(b"")
    b.load_fails("No such device", "is empty")
    b.inject(os.urandom(64), fill=0xff)
    b.load_fails("No such device", "is empty")
    b.inject(table())
    b.load_fails("No such device", "no secrets: the table has none")


def case_malformed_header(b):
    """a table with an impossible length is refused"""
    for length in (0, 19, vm.AREA_LEN + 1, 0x80000000, 0xffffffff):
        b.inject(table(entry(LUKS, b"x"), length=length))
        b.load_fails("", "refused: the table in the area", "impossible length")


def case_full_area(b):
    """as many entries as the area can hold"""
    guids = [str(uuid.UUID(int=(0xf111 << 112) + i)) for i in range(1, (vm.AREA_LEN - HEADER_LEN) // HEADER_LEN + 1)]
    content = table(*(entry(g, b"") for g in guids))
    content += bytes(vm.AREA_LEN - len(content))
    b.inject(content)
    b.load()
    expect_equal(b.listed(), guids, "names")
    b.out(f"rm {COCO}/*")
    expect_equal(b.listed(), [], "names")
    b.unload()
    b.inject(table(entry(LUKS, b"z" * (vm.AREA_LEN - 2 * HEADER_LEN))))
    b.load()
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"z" * (vm.AREA_LEN - 2 * HEADER_LEN), "the largest secret")
    b.out(f"rm {COCO}/{LUKS}")
    b.expect_area(table(wiped(vm.AREA_LEN - 2 * HEADER_LEN)), "after the removal")
    b.unload()


def case_legacy_path(b):
    """legacy_path=1 serves coco/efi_secret: the same files, and removing a file there removes it"""
    b.inject(table(entry(LUKS, b"one"), entry(OTHER, b"two"), entry(THIRD, b"three")))
    b.load("legacy_path=1")
    expect_equal(b.listed(LEGACY), sorted([LUKS, OTHER, THIRD]), "names")
    expect_equal(b.content(f"{LEGACY}/{LUKS}"), b"one", "content")
    b.fails(f"exec 5<{COCO}/{LUKS}; rm {LEGACY}/{LUKS}; cat <&5", "No such device or address")
    b.expect_area(table(wiped(3), entry(OTHER, b"two"), entry(THIRD, b"three")), "after a removal at the older path")
    b.out(f"rm {COCO}/{OTHER}")
    expect_equal(b.listed(LEGACY), [THIRD], "names at the older path")
    expect_equal(b.listed(), [THIRD], "names")
    b.unload()
    b.load()
    b.fails(f"ls {LEGACY}", "No such file")
    b.unload()


def case_other_driver(b):
    """steps aside when another driver has the folder"""
    b.inject(table(entry(LUKS, b"x")))
    b.out("insmod /other_driver.ko")
    b.read_log()
    b.fails("insmod /coco_secret.ko", "No such device")
    expect("leaving the secrets to it" in b.read_log(), "no message")
    expect_equal(b.listed(SECRETS), [], "names")
    b.out("rmmod other_driver")
    b.load()
    b.unload()


def case_no_memory_map(b):
    """efi=noruntime: the table is found through sysfs, and a file there cannot point the driver at RAM"""
    b.inject(table(entry(LUKS, b"without a memory map")))
    log = b.load()
    expect("by the EFI tables' addresses in sysfs" in log, f"the log: {log}")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"without a memory map", LUKS)
    b.unload()
    for address in ("0x2000000", "0x0", "0xfffffffffffffff0", f"{vm.AREA:#x}", "nonsense"):
        b.out(f"echo {address} >/tmp/lie; mount --bind /tmp/lie /sys/firmware/efi/config_table")
        b.load_fails("Bad message", "refused: no EFI configuration table")
        b.out("umount /sys/firmware/efi/config_table")
    b.load()
    b.unload()


def case_descriptor_gone(b):
    """a descriptor in memory that the kernel has taken over is refused if the firmware image does not have the area either"""
    b.inject(table(entry(LUKS, b"x")))
    b.load_fails("Bad message", "refused: the area's descriptor", "update this machine's firmware")


def case_descriptor_hidden(b):
    """an intact descriptor in memory that no map describes, such as a crashed kernel's, is refused"""
    b.inject(table(entry(LUKS, b"x")))
    hidden = [at for at in b.ram.find(struct.pack("<QQ", vm.AREA, vm.AREA_LEN)) if at >= HIDDEN]
    expect(hidden, "there is no descriptor in the hidden memory")
    at = re.search(r"descriptor at (0x[0-9a-f]+) is not wholly in memory", b.sh("insmod /coco_secret.ko; dmesg")[1])
    expect(at and int(at[1], 16) in hidden, f"the log does not refuse one of {[hex(x) for x in hidden]}")
    b.load_fails("Bad message", "refused: the area's descriptor", "is not wholly in memory that the firmware has reserved")


def case_crash_kernel(b):
    """a kernel that dumps another one gets no secrets, whatever the firmware's tables say"""
    b.inject(table(entry(LUKS, b"x")))
    b.ram.write(vm.KEYS, bytes(range(1, 33)))
    b.put_keys((vm.KEYS, 32))
    b.load_fails("No such device", "no secrets: this kernel is there to dump another one")
    b.expect_area(table(entry(LUKS, b"x")), "the area")


def case_firmware_image(b):
    """with a descriptor in memory that the kernel has taken over, the firmware image leads to the area"""
    b.inject(table(entry(LUKS, b"found by the image")))
    log = b.load()
    expect("by the firmware image" in log, f"the log: {log}")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"found by the image", LUKS)
    b.out(f"rm {COCO}/{LUKS}")
    b.expect_area(table(wiped(18)), "after the removal")
    b.unload()


def case_area_in_ram(b):
    """an area in memory that the kernel has taken over is refused"""
    b.load_fails("Bad message", "refused: the secret area", "taken over")


def case_no_area(b):
    """firmware without a secret area gives no device"""
    b.load_fails("No such device", "no secrets: this machine's firmware announces no secret area")


def case_area_corpus(b):
    """hostile areas, from the fuzzer's corpus and damaged at random: files for what the shared parser accepts, and a log line"""
    areas = [(name, data) for name, data in corpus("secret-table") if len(data) <= vm.AREA_LEN]
    expect(areas, "the corpus is empty")
    rand = random.Random(1)
    for i in range(24):
        data = bytearray(rand.choice(areas)[1].ljust(256, b"\0"))
        for _ in range(rand.randrange(1, 6)):
            data[rand.randrange(len(data))] = rand.choice((0, 1, 19, 20, 21, 127, 128, 255, rand.randrange(256)))
        areas.append((f"spoilt {i}", bytes(data)))
    for name, data in areas:
        lines = b.judge("secret-table", data.ljust(vm.AREA_LEN, b"\0"))
        names = {line[1] for line in lines if line[0] == "entry" and line[1] != ZERO}
        b.inject(data)
        b.read_log()
        text = b.out(f"insmod /coco_secret.ko 2>/dev/null && {{ ls {COCO}; rmmod coco_secret; }} || :")
        expect_equal(text.split(), sorted(names), f"{name}: names")
        log = b.read_log()
        expect("serving" in log if names else "no secrets" in log or "refused" in log, f"{name}: the log: {log}")
        b.expect_area(data, f"{name}: the area afterwards")


def case_verdicts(b):
    """the shared parsers have the same results in the kernel and in programs, for the whole corpus"""
    b.out("insmod /coco_verdicts.ko")
    n = 0
    for parser in ("secret-table", "ovmf-table", "svkl"):
        for name, data in corpus(parser):
            said = b.out(f"cat /corpus/{parser}/{name} >/proc/coco-{parser}; cat /proc/coco-{parser}") if data else ""
            if data:
                expect_equal([line.split() for line in said.split("\n") if line], b.judge(parser, data), f"{parser}: {name}")
                n += 1
    b.out("rmmod coco_verdicts")
    expect(n > 50, f"only {n} files were compared")


# ---- the ACPI table SVKL ----
def case_svkl(b):
    """SVKL keys are files with the keys' bytes; removing a file zeroes the key and nothing else; a wiped key is not served again"""
    keys = [(vm.KEYS + 0x10, 32), (vm.KEYS + 0x30, 64), (vm.KEYS + 0x1ff8, 16), (vm.KEYS + 0x4000, 65536)]
    secrets = [os.urandom(n) for _, n in keys]
    b.ram.write(vm.KEYS, b"\xee" * vm.KEYS_LEN)
    for (address, _), secret in zip(keys, secrets):
        b.ram.write(address, secret)
    before = bytearray(b.ram.read(vm.KEYS, vm.KEYS_LEN))
    b.put_keys(*keys)
    log = b.load()
    expect("serving 4 keys from the ACPI table SVKL" in log, f"the log: {log}")
    expect_equal(b.listed(SVKL), ["0", "1", "2", "3"], "names")
    expect_equal(b.out(f"stat -c '%a %u %g %F' {SVKL}"), "755 0 0 directory", "the folder")
    for i, secret in enumerate(secrets):
        expect_equal(b.out(f"stat -c '%a %u %g %s' {SVKL}/{i}"), "440 0 0 0", f"key {i}")
        expect_equal(b.content(f"{SVKL}/{i}"), secret, f"key {i}")
    b.fails(f"exec 5<{SVKL}/1; rm {SVKL}/1; cat <&5", "No such device or address")
    b.out(f"rm {SVKL}/3")
    for i in (1, 3):
        at = keys[i][0] - vm.KEYS
        before[at:at + len(secrets[i])] = bytes(len(secrets[i]))
    expect(b.ram.read(vm.KEYS, vm.KEYS_LEN) == before, "more or less than the two keys is zero")
    b.unload()
    expect("2 of 4 keys to serve, 2 wiped before" in b.load("wipe_on_unload=1"), "reload")
    expect_equal(b.listed(SVKL), ["0", "2"], "names after a reload")
    b.unload()
    for i in (0, 2):
        at = keys[i][0] - vm.KEYS
        before[at:at + len(secrets[i])] = bytes(len(secrets[i]))
    expect(b.ram.read(vm.KEYS, vm.KEYS_LEN) == before, "wipe_on_unload")
    b.load_fails("No such device", "the ACPI table SVKL has none of 4 keys to serve, 4 wiped before")


def case_svkl_and_area(b):
    """both sources at once; a key inside the secret area is refused, and the area stays intact"""
    content = table(entry(LUKS, b"in the table"))
    b.inject(content)
    b.ram.write(vm.KEYS, bytes(range(1, 33)))
    b.put_keys((vm.KEYS, 32), (vm.AREA + 20, 32), (vm.AREA + vm.AREA_LEN - 1, 2))
    log = b.load("wipe_on_unload=1")
    expect("SVKL key 1 overlaps other secrets" in log and "SVKL key 2 overlaps other secrets" in log, f"the log: {log}")
    expect_equal(b.listed(SVKL), ["0"], "keys")
    expect_equal(b.listed(), [LUKS], "entries")
    b.out(f"rm {SVKL}/0")
    b.expect_area(content, "after a key's removal")
    b.unload()
    b.expect_area(table(wiped(12)), "after wipe_on_unload")
    b.inject(b"")


NO_ADDRESS = "has an address with unusable bits, such as the encryption bit"
TAKEN = "is in memory that the kernel has taken over"
UNRESERVED = "is not wholly in memory that the firmware has reserved"
NOWHERE = "cannot be where the table says"
RUNTIME = "is in memory of the firmware's runtime services"
BIT = 1 << 39       # of encryption_bit.ko
HIDDEN = 640 << 20  # and up: what mem=640M hides


def refuse_keys(b, *wanted):
    """Keys at (address, length) are refused with those words, while a good key is served, and only that one is mapped."""
    good = vm.KEYS + 0x100
    for view in (b.ram, b.other_view) if b.other_view else (b.ram,):
        view.write(good, bytes(range(1, 33)))
    b.put_keys((good, 32), *((at, n) for at, n, _ in wanted))
    log = b.load("wipe_on_unload=1")
    for i, (at, n, why) in enumerate(wanted):
        expect(f"refused: SVKL key {i + 1} {why}" in log, f"{n} bytes at {at:#x}: the log does not say '{why}': {log}")
    expect_equal(b.listed(SVKL), ["0"], "names")
    expect_equal(list(b.mapped()), [(vm.KEYS, vm.KEYS + 4095)], "mappings")
    b.unload()


def case_svkl_in_ram(b):
    """SVKL keys in the kernel's memory, at devices, in the firmware image or outside of memory are refused by name"""
    refuse_keys(b, (0x2000000, 32, TAKEN), (vm.KEYS - 16, 32, TAKEN), (vm.KEYS + vm.KEYS_LEN - 16, 32, TAKEN),
                (0x1000, 32, NOWHERE), (0xf0000, 32, NOWHERE), (0xfed00000, 32, NOWHERE), (0xfee00000, 32, NOWHERE),
                (0xffffffc0, 32, NOWHERE), (0xfffffff0, 32, NOWHERE), (1 << 52, 32, NO_ADDRESS), (1 << 63, 32, NO_ADDRESS),
                ((1 << 64) - 32, 32, NO_ADDRESS))
    b.inject(b"")
    b.put_keys((0x2000000, 32))
    b.load_fails("Bad message", f"refused: SVKL key 0 {TAKEN}")


def case_svkl_in_holes(b):
    """SVKL keys in memory that no map describes, across the end of a reservation, or where a driver has devices are refused"""
    b.ram.write(0x38000000, b"NOBODY-RESERVED-THIS")
    ecam = next(first for name, first, _ in b.iomem() if "MMCONFIG" in name or "ECAM" in name)
    refuse_keys(b, (0x38000000, 32, UNRESERVED), (HIDDEN - 16, 32, UNRESERVED), (ecam, 32, UNRESERVED),
                (vm.KEYS + vm.KEYS_LEN - 4096, 4097, TAKEN))
    expect_equal(b.ram.read(0x38000000, 20), b"NOBODY-RESERVED-THIS", "the hole")
    # The last page before the hole is reserved like the others.
    b.ram.write(HIDDEN - 16, bytes(range(1, 17)))
    b.put_keys((HIDDEN - 16, 16))
    b.load("wipe_on_unload=1")
    expect_equal(b.content(f"{SVKL}/0"), bytes(range(1, 17)), "a key at the end of a reservation")
    b.unload()


def case_svkl_aliases(b):
    """with an encryption bit, addresses with that bit set are refused: in RAM, in the kernel's text and in reserved memory"""
    other_view(b)
    b.believe("amd")
    refuse_keys(b, (BIT | 0x2000000, 32, NO_ADDRESS), (BIT | 0x1000000, 4096, NO_ADDRESS), (BIT | vm.KEYS, 32, NO_ADDRESS),
                (BIT | 0x38000000, 32, NO_ADDRESS), (BIT - 16, 32, NO_ADDRESS), (0x2000000, 32, TAKEN))
    b.believe("none")


def case_svkl_of_sev_guests(b):
    """in an SEV guest the table SVKL is ignored, and the log says so; on a plain machine the log says that the keys are the host's"""
    b.inject(b"")
    b.ram.write(vm.KEYS, bytes(range(1, 33)))
    b.put_keys((vm.KEYS, 32))
    expect("this machine is not a confidential VM: the keys of the ACPI table SVKL are its host's" in b.load(), "a plain machine's log")
    b.unload()
    b.believe("amd", sev=True)
    b.load_fails("No such device", "ignored: the ACPI table SVKL: this is not a TDX guest")
    b.believe("none")


def allowed_spans(b):
    """What may be mapped at all by the kernel's memory map; for secrets, without EFI's runtime regions."""
    runtime = b.runtime_map()
    pages = set()
    for name, first, last in b.iomem():
        if name in ("Reserved", "ACPI Non-volatile Storage") and first >= 1 << 20 and last < 0xb0000000:
            pages.update(range(first & ~4095, last + 1, 4096))
    return {p for p in pages if not any(first <= p <= last for _, first, last in runtime)}


def expect_reserved(b, allowed, what):
    """Everything that the module has mapped is reserved memory."""
    for first, last in b.mapped():
        wrong = [hex(p) for p in range(first, last + 1, 4096) if p not in allowed]
        expect(not wrong, f"{what}: {wrong} are mapped")


def hostile_address(rand, b, runtime):
    near = rand.choice((0, vm.AREA, vm.KEYS, vm.KEYS + vm.KEYS_LEN, 0x100000, 0x1000000, b.ram.mib << 20, 0x80000000, 0xb0000000, 0xc0000000,
                        0xe0000000, 0xfec00000, 0xfed00000, 0xfed40000, 0xfee00000, 0xffc00000, 1 << 32, BIT, 1 << 40, 1 << 51, 1 << 52, 1 << 63,
                        rand.randrange(b.ram.mib << 20), rand.choice(runtime)[1], rand.choice(runtime)[2]))
    return (near + rand.choice((0, 0, 8, -8, -16, 4095, -4096, 4096, rand.randrange(65536)))
            | rand.choice((0, 0, 0, 0, BIT, 1 << 47, 1 << 51, 1 << 63))) % (1 << 64)


def case_svkl_generated(b):
    """with 64 generated hostile SVKL tables, the driver maps only reserved memory"""
    rand = random.Random(10)
    allowed, runtime = allowed_spans(b), b.runtime_map()
    b.inject(b"")
    n_served = 0
    for i in range(64):
        b.ram.write(vm.KEYS, b"\x5a" * vm.KEYS_LEN)
        keys = [(hostile_address(rand, b, runtime), rand.choice((1, 16, 32, 4096, 65536, rand.randrange(1, 65537)))) for _ in range(rand.randrange(1, 63))]
        # Usually one good key, so that the module stays loaded and can be examined.
        keys += [(vm.KEYS + 0x8000 + 64 * i, 32)] * rand.choice((0, 1, 1, 1))
        rand.shuffle(keys)
        b.put_keys(*keys)
        b.read_log()
        if b.sh("insmod /coco_secret.ko 2>/dev/null")[0] == 0:
            n_served += 1
            expect_reserved(b, allowed, f"table {i}")
            b.unload()
        log = b.read_log()
        expect("refused: SVKL key" in log, f"table {i}: the log: {log}")
    expect(n_served > 16, f"only {n_served} of the tables had a key to serve")
    b.put_keys()
    b.ram.write(vm.KEYS, bytes(vm.KEYS_LEN))


COCO_TABLE = uuid.UUID("adf956ad-e98c-484c-ae11-b51c7d336447").bytes_le
ACPI20_TABLE = uuid.UUID("8868e871-e4f1-11d3-bc22-0080c73c8881").bytes_le


def config_entry(b):
    """Where the configuration table's entry for the area is, as the firmware reserved it."""
    found = b.firmware_copies(COCO_TABLE)
    expect(found, "there is no configuration table with the area")
    return found


def free_runtime_page(b):
    """An empty page of EFI's runtime data, where the host's variables could be."""
    data = [(first, last) for t, first, last in b.runtime_map() if t == 6]
    free = next((at for first, last in data for at in range(first, last, 4096) if not any(b.ram.read(at, 4096))), None)
    expect(free, "no page of the runtime data is free")
    return free


def case_config_generated(b):
    """with 64 generated hostile configuration tables and descriptors, the driver maps only reserved memory"""
    rand = random.Random(11)
    allowed, runtime = allowed_spans(b), b.runtime_map()
    entries = config_entry(b)
    saved = b.ram.read(entries[0] + 16, 8)
    descriptor = struct.unpack("<Q", saved)[0]
    saved_descriptor = b.ram.read(descriptor, 16)
    # The runtime data has a table and a descriptor of the area that are good by themselves.
    planted = free_runtime_page(b)
    b.ram.write(planted, table(entry(OTHER, b"the host's")).ljust(1024, b"\0") + struct.pack("<QQ", vm.AREA, vm.AREA_LEN))
    b.put_keys()
    b.inject(table(entry(LUKS, b"x" * 64)))
    n_served = 0
    for i in range(64):
        at, base, size = descriptor, vm.AREA, vm.AREA_LEN
        what = rand.choice((0, 0, 1, 1, 2, 3, 4, 5, 5))
        if what == 0:
            at = hostile_address(rand, b, runtime)
        elif what == 1:
            base = hostile_address(rand, b, runtime)
        elif what == 2:
            size = rand.choice((0, 1, 19, 20, 64, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1, 1 << 32, (1 << 64) - 1))
        elif what == 3:
            at = rand.choice((planted + 1024, planted))
        elif what == 4:
            base, size = planted, rand.choice((64, 1024, 4096, 4097))
        else:
            base, size = vm.KEYS + rand.choice((0, 0, 0, -4096, 4096, vm.KEYS_LEN - 4096)), rand.choice((4096, 8192, vm.KEYS_LEN))
            b.ram.write(vm.KEYS, table(entry(OTHER, b"elsewhere")))
        for e in entries:
            b.ram.write(e + 16, struct.pack("<Q", at))
        b.ram.write(descriptor, struct.pack("<QQ", base, size))
        b.read_log()
        if b.sh("insmod /coco_secret.ko 2>/dev/null")[0] == 0:
            n_served += 1
            expect_reserved(b, allowed, f"table {i}")
            b.unload()
        log = b.read_log()
        expect("serving" in log or "refused" in log or "no secrets" in log, f"table {i}: the log: {log}")
    for e in entries:
        b.ram.write(e + 16, saved)
    b.ram.write(descriptor, saved_descriptor)
    b.ram.write(planted, bytes(4096))
    b.ram.write(vm.KEYS, bytes(vm.KEYS_LEN))
    expect(n_served > 2, f"only {n_served} of the tables had something to serve")
    expect("serving 1 from the table" in b.load(), "the real table, again")
    b.unload()


def case_runtime_data(b):
    """memory of the runtime services, where a variable of the host's can be, is not accepted for a key, a descriptor or the area"""
    free = free_runtime_page(b)
    b.inject(b"")
    b.ram.write(free, table(entry(OTHER, b"the host's")) + bytes(64) + struct.pack("<QQ", free, 4096))
    planted = free + len(table(entry(OTHER, b"the host's"))) + 64
    refuse_keys(b, (free, 32, RUNTIME), (free + 4096 - 16, 16, RUNTIME))
    b.put_keys()
    b.inject(table(entry(LUKS, b"x")))
    entries = config_entry(b)
    saved = b.ram.read(entries[0] + 16, 8)
    descriptor = struct.unpack("<Q", saved)[0]
    saved_descriptor = b.ram.read(descriptor, 16)
    for e in entries:
        b.ram.write(e + 16, struct.pack("<Q", planted))
    b.load_fails("Bad message", f"refused: the area's descriptor at 0x{planted:016x} {RUNTIME}")
    for e in entries:
        b.ram.write(e + 16, saved)
    b.ram.write(descriptor, struct.pack("<QQ", free, 4096))
    b.load_fails("Bad message", f"refused: the secret area at 0x{free:016x}, 4096 bytes, by the EFI system table, {RUNTIME}")
    b.ram.write(descriptor, saved_descriptor)
    b.ram.write(free, bytes(4096))
    b.load()
    b.unload()


def case_planted_system_table(b):
    """with a second EFI system table in the runtime data, good by itself, neither of the two is believed"""
    b.inject(table(entry(LUKS, b"the owner's")))
    free = free_runtime_page(b)
    acpi20 = re.search(r"ACPI 2\.0=(0x[0-9a-f]+)", b.kernel_log + b.read_log())
    expect(acpi20, "the kernel does not say where the ACPI tables are")
    config = free + 256
    def plant(descriptor):
        entries = ACPI20_TABLE + struct.pack("<Q", int(acpi20[1], 16)) + COCO_TABLE + struct.pack("<Q", descriptor)
        head = b"IBI SYST" + struct.pack("<III", 0x20046, 120, 0) + bytes(4)
        rest = bytes(80) + struct.pack("<QQ", 2, config)
        crc = binascii.crc32(head + rest)
        b.ram.write(free, head[:16] + struct.pack("<I", crc) + head[20:] + rest)
        b.ram.write(config, entries)
    plant(vm.KEYS)
    b.load_fails("Bad message", "refused: the firmware's runtime data has two EFI system tables that differ",
                 "refused: no EFI configuration table was found that is the one of this boot")
    # A table that says the same is a copy.
    plant(struct.unpack("<Q", b.ram.read([e for e in config_entry(b) if not free <= e < free + 4096][0] + 16, 8))[0])
    expect("by the EFI system table" in b.load(), "a copy is in the way")
    b.unload()
    b.ram.write(free, bytes(4096))
    b.load()
    b.unload()


def case_svkl_corpus(b):
    """hostile SVKL tables from the fuzzer's corpus: files for what the shared parser accepts, and a log line"""
    b.inject(b"")
    for name, data in corpus("svkl"):
        b.ram.write(vm.KEYS, b"\x5a" * vm.KEYS_LEN)
        b.put_svkl(data)
        length = struct.unpack_from("<I", data.ljust(8, b"\0"), 4)[0]
        lines = b.judge("svkl", data.ljust(SVKL_TABLE_LEN, b"\0")[:min(length, SVKL_READ_MAX)])
        names = [line[1] for line in lines if line[0] == "key" and line[2] == "0" and
                 vm.KEYS <= int(line[3]) <= vm.KEYS + vm.KEYS_LEN - int(line[4])]
        b.read_log()
        text = b.out(f"insmod /coco_secret.ko 2>/dev/null && {{ ls {SVKL}; rmmod coco_secret; }} || :")
        expect_equal(sorted(text.split()), sorted(names), f"{name}: names")
        log = b.read_log()
        expect("keys from the ACPI table SVKL" in log if names else "the ACPI table SVKL" in log or "SVKL key" in log, f"{name}: the log: {log}")
        expect(b.ram.read(vm.KEYS, vm.KEYS_LEN) == b"\x5a" * vm.KEYS_LEN, f"{name}: loading has changed the keys")
    b.put_keys()
    b.ram.write(vm.KEYS, bytes(vm.KEYS_LEN))


def case_no_svkl(b):
    """firmware without either source gives no device, and the log says so for both"""
    b.load_fails("No such device", "this machine's firmware announces no secret area", "this machine's firmware has no ACPI table SVKL")


# ---- a simulated encryption bit: address bit 39 selects other memory ----
IMAGE_AREA = vm.KEYS + 0x8000       # what the image in the other view names


def other_view(b):
    """Once for each boot: give that address to the device that bit 39 selects, and copy to it what the firmware has reserved."""
    if not b.view_is_placed:
        device = "/sys/bus/pci/devices/0000:00:10.0"
        expect_equal(b.out(f"cat {device}/vendor {device}/device").split(), ["0x1af4", "0x1110"], "the device")
        for offset, data in ((4, r"\0\0"), (0x18, r"\x0c\0\0\0"), (0x1c, r"\x80\0\0\0"), (4, r"\x02\0")):
            b.out(f"printf '{data}' | dd of={device}/config bs=1 seek={offset} conv=notrunc 2>/dev/null")
        b.view_is_placed = True
    for name, first, last in b.iomem():
        if name in ("Reserved", "ACPI Tables", "ACPI Non-volatile Storage") and last < b.ram.mib << 20:
            b.other_view.write(first, b.ram.read(first, last - first + 1))
    image = b"".join((struct.pack("<IIH", IMAGE_AREA, vm.AREA_LEN, 26), uuid.UUID("4c2eb361-7d9b-4cc3-8081-127c90d3d294").bytes_le))
    image += struct.pack("<H", len(image) + 18) + uuid.UUID("96b582de-1fb2-45f7-baea-a366c55a082d").bytes_le
    b.other_view.write((1 << 32) - 32 - len(image), image)


def views(b, tech):
    """(private, shared): the bit selects the private memory with AMD, and the shared with Intel."""
    return (b.other_view, b.ram) if tech == "amd" else (b.ram, b.other_view)


def read_private(b, tech, folder, name, where, module, poison=()):
    """Load, read, remove and unload under an encryption bit; every access must have used the private view."""
    private, shared = views(b, tech)
    private.write(where[0], where[1](b"PRIVATE VIEW"))
    shared.write(where[0], where[1](b"shared view."))
    saved = [(at, shared.read(at, len(data))) for at, data in poison]
    for at, data in poison:
        shared.write(at, data)
    if poison and tech == "amd":
        b.load_fails("Bad message", "refused: ")     # so it is poison
    b.believe(tech)
    try:
        log = b.load(module=module)
        expect_equal(b.content(f"{folder}/{name}"), b"PRIVATE VIEW", "what was read")
        b.out(f"rm {folder}/{name}")
        expect(b"PRIVATE VIEW" not in private.read(where[0], 256), "the private view was not wiped")
        expect(b"shared view." in shared.read(where[0], 256), "the shared view was touched")
        b.unload()
    finally:
        b.sh("rmmod coco_secret")
        b.believe("none")
        for at, data in saved:
            shared.write(at, data)
    return log


def area_table(data):
    return table(entry(LUKS, data))


def private_area(b, tech, module="coco_secret", how="the EFI system table"):
    other_view(b)
    b.put_keys()
    b.other_view.write(b.svkl, b.ram.read(b.svkl, SVKL_TABLE_LEN))
    entries = config_entry(b)
    descriptor = struct.unpack("<Q", b.ram.read(entries[0] + 16, 8))[0]
    # The shared view has only garbage in place of each table that leads to the area.
    poison = [(at, b"POISONED") for at in b.firmware_copies(b"IBI SYST")] + [(at, b"POISONED" * 2) for at in entries]
    expect(len(poison) >= 2, "tables were not found")
    poison.append((descriptor, struct.pack("<QQ", vm.AREA - 0x1000000, vm.AREA_LEN)))
    log = read_private(b, tech, COCO, LUKS, (vm.AREA, area_table), module, poison)
    expect(f"by {how}" in log, f"the log: {log}")


def private_image(b, tech):
    other_view(b)
    b.put_keys()
    b.other_view.write(b.svkl, b.ram.read(b.svkl, SVKL_TABLE_LEN))
    # The configuration table points to RAM, so the image must lead to the area.  The images in the two views name different areas.
    entries = config_entry(b)
    saved = b.ram.read(entries[0] + 16, 8)
    for view in (b.ram, b.other_view):
        for at in entries:
            view.write(at + 16, struct.pack("<Q", 0x2000000))
    try:
        where = IMAGE_AREA if tech == "amd" else vm.AREA
        log = read_private(b, tech, COCO, LUKS, (where, area_table), "coco_secret")
        expect("by the firmware image" in log, f"the log: {log}")
    finally:
        for at in entries:
            b.ram.write(at + 16, saved)
    b.ram.write(vm.KEYS, bytes(vm.KEYS_LEN))


def private_svkl(b, tech, module="coco_secret"):
    other_view(b)
    b.inject(b"")
    b.put_keys((vm.KEYS, 12))
    for address, length in ((b.svkl, SVKL_TABLE_LEN), (vm.AREA, vm.AREA_LEN)):
        b.other_view.write(address, b.ram.read(address, length))
    log = read_private(b, tech, SVKL, "0", (vm.KEYS, bytes), module)
    expect(("confidential VM" in log) == (tech == "amd"), f"the log: {log}")


def case_private_area_amd(b):
    """AMD's encryption bit: tables, descriptor and area are read and wiped in the private view, found by the EFI system table"""
    private_area(b, "amd")


def case_private_area_intel(b):
    """Intel's shared bit: the same"""
    private_area(b, "intel")


def case_private_sysfs_amd(b):
    """AMD's encryption bit: the same, found by the EFI tables' addresses in sysfs"""
    private_area(b, "amd", how="the EFI tables' addresses in sysfs")


def case_private_sysfs_intel(b):
    """Intel's shared bit: the same, found by the EFI tables' addresses in sysfs"""
    private_area(b, "intel", how="the EFI tables' addresses in sysfs")


def case_private_image_amd(b):
    """AMD's encryption bit: the firmware image and the area that it names are read in the private view"""
    private_image(b, "amd")


def case_private_image_intel(b):
    """Intel's shared bit: the firmware image and the area that it names are read in the private view"""
    private_image(b, "intel")


def case_private_svkl_amd(b):
    """AMD's encryption bit: SVKL keys are read and wiped in the private view, as on a plain machine"""
    private_svkl(b, "amd")


def case_private_svkl_intel(b):
    """Intel's shared bit: SVKL keys of a TD are read and wiped in the private view"""
    private_svkl(b, "intel")


def case_shared_mutant(b):
    """a driver that maps like older kernels' memremap() fails all of these, and works where there is no such bit"""
    other_view(b)
    b.put_keys()
    b.inject(area_table(b"PRIVATE VIEW"))
    b.load(module="mutant")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"PRIVATE VIEW", "without a bit")
    b.unload()
    for what in (private_area, private_svkl):
        for tech in ("amd", "intel"):
            try:
                what(b, tech, module="mutant")
            except Failed:
                continue
            raise Failed(f"the mutant has passed: {what.__name__}, {tech}")


# ---- the kernel's own driver ----
# efi_secret as Debian's source of the same kernel has it, behind a shim that does what a kernel with CONFIG_EFI_COCO_SECRET does
# at boot (efi-secret/).  What cocod does with its files is the scenario vm-efi-secret of system-test.
def expect_nothing_served(b):
    expect_equal(b.out("ls /sys/kernel/security | grep -e secrets -e coco || :"), "", "left behind")


def load_mainline(b):
    """Load efi_secret; returns what the kernel said."""
    b.read_log()
    b.out("lsmod | grep -q coco_table_shim || insmod /coco_table_shim.ko")
    b.out("insmod /efi_secret.ko")
    return b.read_log()


def unload_mainline(b):
    b.out("rmmod efi_secret && rmmod coco_table_shim")
    expect_nothing_served(b)


def case_mainline_files(b):
    """efi_secret, the kernel's own driver: its files are as ours, one without a byte too; unloading it wipes nothing"""
    content = table(*(entry(g, d) for g, d in FILES.items()))
    b.inject(content)
    log = load_mainline(b)
    # What the kernel would have seen at boot.
    descriptor, = struct.unpack("<Q", b.ram.read(config_entry(b)[0] + 16, 8))
    expect(f"coco_table_shim: the descriptor is at 0x{descriptor:016x}" in log, f"the shim: {log}")
    expect_equal(b.out("cat /sys/bus/platform/devices/efi_secret.0/modalias"), "platform:efi_secret", "what udev loads it by")
    expect("Created 3 entries in securityfs secrets/coco" in log, f"the log: {log}")
    check_files(b, FILES)
    unload_mainline(b)
    b.expect_area(content, "unloading wipes nothing")


def case_mainline_unlink(b):
    """efi_secret: removing a file wipes as ours does; loaded again it does not show what was removed"""
    secret = b"wipe me: " + os.urandom(24).hex().encode()
    b.inject(table(entry(LUKS, b"before"), entry(OTHER, secret), entry(THIRD, b"after")))
    load_mainline(b)
    check_removal(b, secret)
    unload_mainline(b)
    expect("Created 2 entries" in load_mainline(b), "reload")
    expect_equal(b.listed(), sorted([LUKS, THIRD]), "names")
    b.out(f"rm {COCO}/*")
    expect_equal(b.listed(), [], "names")
    b.expect_area(table(wiped(6), wiped(len(secret)), wiped(5)), "after all removals")
    unload_mainline(b)


def case_mainline_open_files(b):
    """efi_secret: an open file keeps the module; once removed it reads as many zeros as the secret had bytes, and not the secret"""
    b.inject(table(entry(LUKS, b"0123456789"), entry(OTHER, b"other")))
    load_mainline(b)
    b.fails(f"exec 5<{COCO}/{OTHER}; rmmod efi_secret", "Resource temporarily unavailable")
    expect_equal(b.listed(), sorted([LUKS, OTHER]), "names")
    text = b.out(f"exec 5<{COCO}/{LUKS}; rm {COCO}/{LUKS}; base64 <&5; rmmod efi_secret 2>&1; exec 5<&-; rmmod efi_secret && echo gone")
    expect_equal(text.split("\n")[0], base64.b64encode(bytes(10)).decode(), "what is read from the removed file")
    expect("temporarily unavailable" in text and text.endswith("gone"), f"a removed file, open: {text}")
    b.expect_area(table(wiped(10), entry(OTHER, b"other")), "after the removal")
    b.out("rmmod coco_table_shim")
    expect_nothing_served(b)


def case_mainline_rounds(b):
    """efi_secret: rounds of load, readers, removers and lists on two CPUs, unload; each removal succeeds once, and nothing stays"""
    guids = [str(uuid.UUID(int=(0xc0c0 << 112) + i)) for i in range(1, 5)]
    expect(int(b.out("nproc")) >= 2, "the guest has one CPU only")
    load_mainline(b)
    b.out("rmmod efi_secret")
    mapped = b.out("grep -c ioremap /proc/vmallocinfo")
    for n in range(100 if ALL else 10):
        secrets = [f"round {n} {g}\n" for g in guids]
        live = entry(LUKS, f"live in round {n}".encode())
        b.inject(table(*(entry(g, s.encode()) for g, s in zip(guids, secrets)), live))
        # What a reader has that was open before the removal may be zeros, or begin or end with them.
        text = b.out(f"insmod /efi_secret.ko && cd {COCO} || exit 1; rm -f /tmp/gone; for j in 1 2; do "
                     f"(for f in {' '.join(guids)}; do cat $f; ls -l; rm $f && echo $f >>/tmp/gone; done) >/dev/null 2>&1 & done; wait;"
                     " ls; echo @; cat /tmp/gone; cd / && rmmod efi_secret")
        left, gone = (part.split("\n") for part in text.replace("@\n", "@").split("@"))
        expect_equal(left[:-1], [LUKS], f"round {n}: names")
        expect_equal(sorted(gone), guids, f"round {n}: files removed, each once")
        b.expect_area(table(*(wiped(len(s)) for s in secrets), live), f"round {n}: the area")
    expect_equal(b.out("grep -c ioremap /proc/vmallocinfo"), mapped, "mappings of the kernel")
    b.out("rmmod coco_table_shim")
    expect_nothing_served(b)


def case_mainline_beside(b):
    """beside efi_secret ours touches neither area nor keys, says so and does not stay; loaded first, it is not disturbed by efi_secret"""
    content = table(entry(LUKS, b"the owner's"), entry(OTHER, b"other"))
    keys = bytes(range(1, 33))
    b.inject(content)
    b.ram.write(vm.KEYS, keys)
    b.put_keys((vm.KEYS, 32))
    load_mainline(b)
    for arguments in ("", "wipe_on_unload=1 legacy_path=1"):
        b.fails(f"insmod /coco_secret.ko {arguments}", "No such device")
        expect("leaving the secrets to it" in b.read_log(), "no message")
        expect("coco_secret" not in b.out("cat /proc/modules"), "the module has stayed")
        expect_equal(b.out("ls /sys/kernel/security | grep -e secrets -e coco"), "secrets", "folders")
        expect_equal(b.listed(SECRETS), ["coco"], "folders of secrets")
        expect_equal(b.content(f"{COCO}/{LUKS}"), b"the owner's", LUKS)
        b.expect_area(content, "the area")
        expect_equal(b.ram.read(vm.KEYS, 32), keys, "the keys")
    b.out(f"rm {COCO}/{OTHER}")
    b.expect_area(table(entry(LUKS, b"the owner's"), wiped(5)), "efi_secret still wipes")
    b.out("rmmod efi_secret")
    b.put_keys()
    b.ram.write(vm.KEYS, bytes(32))

    expect("by the kernel's own pointer" in b.load(), "where the descriptor was found")
    b.out("insmod /efi_secret.ko")
    expect("Error creating secrets securityfs directory entry err=-17" in b.read_log(), "efi_secret found the folder free")
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"the owner's", LUKS)
    b.out(f"rmmod efi_secret; rm {COCO}/{LUKS}")
    b.expect_area(table(wiped(11), wiped(5)), "after the removal")
    b.unload()
    b.out("rmmod coco_table_shim")


def case_mainline_refuses(b):
    """a table that efi_secret refuses as a whole leaves no folder and no mapping; ours then serves what is good in it"""
    load_mainline(b)
    b.out("rmmod efi_secret")
    mapped = b.out("grep -c ioremap /proc/vmallocinfo")
    for entries, words in (((entry(LUKS, b"first"), entry(LUKS, b"second")), "Error creating efi_secret securityfs entry"),
                           ((entry(LUKS, b"first"), entry(OTHER, b"bad", length=7)), "EFI secret area is corrupted")):
        b.inject(table(*entries))
        expect(words in load_mainline(b), f"no message: {words}")
        expect_nothing_served(b)
        expect_equal(b.out("grep -c ioremap /proc/vmallocinfo"), mapped, "mappings of the kernel")
        expect("serving 1 from the table" in b.load(), "ours")
        expect_equal(b.content(f"{COCO}/{LUKS}"), b"first", LUKS)
        b.unload()
        b.out("rmmod efi_secret")
    b.inject(b"")
    load_mainline(b)
    expect_nothing_served(b)
    unload_mainline(b)


def case_mainline_many(b):
    """efi_secret shows 64 secrets and no more, as coco-inject warns; when those are removed and it is loaded again, the others"""
    guids = [str(uuid.UUID(int=(0xf111 << 112) + i)) for i in range(1, 71)]
    b.inject(table(*(entry(g, b"x") for g in guids)))
    expect("Created 64 entries" in load_mainline(b), "the log")
    expect_equal(b.listed(), guids[:64], "names")
    b.out(f"rm {COCO}/*")
    b.expect_area(table(*(wiped(1) for _ in guids[:64]), *(entry(g, b"x") for g in guids[64:])), "after all removals")
    unload_mainline(b)
    load_mainline(b)
    expect_equal(b.listed(), guids[64:], "names")
    unload_mainline(b)


# ---- Secure Boot ----
def case_lockdown(b):
    """Secure Boot has locked the kernel down"""
    expect("[integrity]" in b.out("cat /sys/kernel/security/lockdown"), "the kernel is not locked down")


def case_unsigned(b):
    """a module without a signature, and a module signed with a key that is not enrolled, are refused"""
    for name in ("unsigned", "stranger"):
        b.fails(f"insmod /{name}.ko")
        expect("coco_secret" not in b.out("cat /proc/modules"), f"{name}.ko was loaded")


def case_signed(b):
    """the signed module works under lockdown: finds the area, serves, wipes"""
    b.inject(table(entry(LUKS, b"locked down"), entry(OTHER, b"too")))
    b.load()
    expect_equal(b.content(f"{COCO}/{LUKS}"), b"locked down", LUKS)
    b.out(f"rm {COCO}/{LUKS}")
    b.expect_area(table(wiped(11), entry(OTHER, b"too")), "after the removal")
    b.unload()


# ---- OVMF for SEV ----
AMDSEV_SECRETS = {LUKS: b"through the security processor", OTHER: bytes(range(200))}


def case_amdsev(b):
    """the files have the secrets from coco-inject's packet, found through the firmware image because the descriptor is gone; removal wipes them"""
    log = b.load()
    expect(f"secret area at 0x{b.area:016x}, {vm.AREA_LEN} bytes, by the firmware image" in log, f"the log: {log}")
    expect_equal(b.listed(), sorted(AMDSEV_SECRETS), "names")
    for guid, data in AMDSEV_SECRETS.items():
        expect_equal(b.content(f"{COCO}/{guid}"), data, guid)
    b.out(f"rm {COCO}/{LUKS}")
    area = b.ram.read(b.area, vm.AREA_LEN)
    expect(AMDSEV_SECRETS[LUKS] not in area and AMDSEV_SECRETS[OTHER] in area, "the host does not see the one wiped and the other not")
    expect(b.ram.find(AMDSEV_SECRETS[LUKS]) == [] or b.area not in b.ram.find(AMDSEV_SECRETS[LUKS]), "a copy in the area")
    b.out(f"rm {COCO}/{OTHER}")
    b.unload()
    b.load_fails("No such device", "no secrets: the table has none to serve, 2 wiped before")

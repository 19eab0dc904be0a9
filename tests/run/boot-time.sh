#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cococtl boot-time, over trees that are made here: boots as they are on real machines, and hostile ones.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99
PATH=$top_builddir:$PATH
log_line() { printf '[%5d.%06d] %s\n' $(($1 / 1000000)) $(($1 % 1000000)) "$2"; }

# tree NAME: make an empty one, and its .probe.
tree() { mkdir -p "$1/.probe" "$1/proc" "$1/sys/firmware/acpi/fpdt/boot"; }

# systemd TREE INITRD USERSPACE FINISH: as 'systemctl show' has it; 0: has not been.
systemd() { printf 'InitRDTimestampMonotonic=%s\nUserspaceTimestampMonotonic=%s\nFinishTimestampMonotonic=%s\n' "$2" "$3" "$4" >"$1/.probe/systemd"; }

# A TD whose kernel's clock has missed 60 of its first 66 seconds.
tree td-lost-ticks
{
	log_line 0 'efi: ACPI=0x7f8ee000 Unaccepted=0x7e5d0018'
	log_line 0 'tsc: Detected 2000.000 MHz processor'
	log_line 10 'Memory Encryption Features active: Intel TDX'
	log_line 1000000 'rtc_cmos 00:03: setting system clock to 2026-11-29T15:00:00 UTC (1795964400)'
	log_line 1500000 'Run /init as init process'
} >td-lost-ticks/.probe/kmsg
systemd td-lost-ticks 0 4000000 6000000
# 70 s by the TSC and by the wall clock, 10 s by the kernel's.
printf 'Boottime=10000000\nRealtime=1795964469000000\nTsc=140000000000\n' >td-lost-ticks/.probe/clocks

# Firmware that accepts all memory before the kernel starts, and says how long that took.
tree eager-accept
{
	log_line 0 'efi: ACPI=0x7f8ee000'
	log_line 10 'Memory Encryption Features active: AMD SEV SEV-ES SEV-SNP'
} >eager-accept/.probe/kmsg
systemd eager-accept 1000000 3000000 9000000
echo 1200000000000 >eager-accept/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns
echo 1202500000000 >eager-accept/sys/firmware/acpi/fpdt/boot/exitbootservice_end_ns
printf 'MemTotal: 100 kB\nUnaccepted: 0 kB\n' >eager-accept/proc/meminfo

# Firmware that takes a minute, which the TSC counts and the kernel's clock does not: no tick is lost.
for name in slow-firmware quiet-firmware slow-and-lost; do
	tree $name
	{
		log_line 0 'tsc: Detected 2000.000 MHz processor'
		log_line 1000000 'rtc_cmos 00:03: setting system clock to 2026-11-29T15:00:00 UTC (1795964400)'
	} >$name/.probe/kmsg
	systemd $name 0 4000000 6000000
	printf 'Boottime=10000000\nRealtime=1795964409000000\nTsc=140000000000\n' >$name/.probe/clocks
done
for name in slow-firmware slow-and-lost; do
	echo 58000000000 >$name/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns
	echo 60000000000 >$name/sys/firmware/acpi/fpdt/boot/exitbootservice_end_ns
done
printf 'Boottime=10000000\nRealtime=1795964409000000\nTsc=180000000000\n' >slow-and-lost/.probe/clocks

# A volume whose key comes late, and a GPU that Hyper-V maps for fourteen seconds.
tree luks-slow-kbs
{
	log_line 2000000 'hv_pci 00000001-7870: PCI VMBus probing: Using version 0x10004'
	log_line 2100000 'hv_pci 00000001-7870: PCI host bridge to bus 0001:00'
	log_line 16400000 'pci 0001:00:02.0: BAR 2: assigned [mem 0xfe0000000-0xfffffffff 64bit pref]'
} >luks-slow-kbs/.probe/kmsg
systemd luks-slow-kbs 17000000 65000000 70000000
cat >luks-slow-kbs/.probe/steps <<'EOF'
18000000 asked cryptsetup:root -
18100000 evidence - -
19000000 verdict - -
61000000 read cryptsetup:root luks
61001000 delivered cryptsetup:root luks
64000000 confirmed cryptsetup:root luks
64000500 wiped - luks
EOF
sed -e 's/^61000000/20000000/; s/^61001000/20001000/; s/^6400/2300/' luks-slow-kbs/.probe/steps >fast-steps
cp -r luks-slow-kbs luks-fast-kbs
cp fast-steps luks-fast-kbs/.probe/steps
systemd luks-fast-kbs 17000000 24000000 29000000

boot() { cococtl boot-time --root="$1" "${@:2}" >out 2>err; }
shows() {
	if ! boot "$1" "${@:3}" || ! grep -qE -e "$2" out; then
		cat out err
		return 1
	fi
}
# json TREE EXPRESSION: Python, over the output d.
json() {
	if ! boot "$1" --json || ! python3 -c "import json, sys; d = json.load(open('out')); rows = {r['group'] + ' ' + r['name']: r for r in d['rows']}; sys.exit(not ($2))"; then
		cat out err
		return 1
	fi
}
is() { local want=$1; shift; "$@" >out 2>err; local is=$?; [ "$is" = "$want" ] || { echo "status $is"; cat out err; return 1; }; }

check "lost ticks: the TSC disagrees" shows td-lost-ticks '^NOTE: the TSC and the kernel.s clock disagree'
check "lost ticks: the wall clock disagrees" shows td-lost-ticks '^NOTE: the wall clock and the kernel.s clock disagree'
check "lost ticks: all three totals" json td-lost-ticks "d['until_now'] == {'boottime_usec': 10000000, 'tsc_usec': 70000000, 'wall_usec': 70000000}"
check "... as its schema says" schema boot-time out
check "lost ticks: memory is accepted lazily" json td-lost-ticks "d['acceptance'] == 'lazy'"
check "lost ticks: firmware that says nothing is unknown" shows td-lost-ticks ' unknown  phase firmware$'
check "lost ticks: the initrd of initramfs-tools is known by its /init" json td-lost-ticks "rows['phase initrd']['usec'] == 2500000"
check "slow firmware: the clocks agree about what the kernel took" json slow-firmware "not any('TSC' in n for n in d['notes']) and d['until_now']['tsc_usec'] == 70000000"
check "firmware of which nothing is known: what the TSC has more is its time, and not said to be lost" json quiet-firmware "[n for n in d['notes'] if 'TSC' in n] == [n for n in d['notes'] if 'counted 60 s more' in n] != []"
check "slow firmware, and lost ticks besides" shows slow-and-lost '^NOTE: the TSC and the kernel.s clock disagree'
check "clocks that agree are not marked" bash -c 'sed -i s/Tsc=.*/Tsc=20000000000/ td-lost-ticks/.probe/clocks; cococtl boot-time --root=td-lost-ticks >out 2>&1; ! grep -q "TSC and" out && grep -q "wall clock and" out'
check "eager: it is said, and what would be faster" shows eager-accept '^NOTE: the firmware accepts all memory before'
check "eager: the firmware's twenty minutes" json eager-accept "rows['phase firmware']['usec'] == 1200000000 and rows['phase loader']['usec'] == 2500000"
check "eager: they are in the total" json eager-accept "d['total_usec'] == 1202500000 + 9000000"
echo 18446744073709551615 >eager-accept/sys/firmware/acpi/fpdt/boot/bootloader_launch_ns
check "absurd firmware is unknown" json eager-accept "rows['phase firmware']['usec'] is None and d['total_usec'] == 9000000 and any('absurd' in n for n in d['notes'])"
check "slow broker: the seconds until the key" json luks-slow-kbs "rows['step luks: read']['usec'] == 43000000 and rows['step luks: read']['start_usec'] == 18000000"
check "slow broker: what a volume asked is its secret's" json luks-slow-kbs "'step luks: asked' in rows and [s['step'] for s in d['steps']] == 'asked evidence verdict read delivered confirmed wiped'.split()"
check "slow broker: the PCI device's seconds" json luks-slow-kbs "rows['device 00000001-7870 (0001:00)']['usec'] == 14400000"
check "slow broker: 70 s are over 30s" is 5 cococtl boot-time --root=luks-slow-kbs --fail-over=30s
check "fast broker: 29 s are not" is 0 cococtl boot-time --root=luks-fast-kbs --fail-over=30s
check "29 s are over 28999ms" is 5 cococtl boot-time --root=luks-fast-kbs --fail-over=28999ms
systemd eager-accept 1 2 0
check "a boot that has not ended is not fast" is 1 cococtl boot-time --root=eager-accept --fail-over=30s
check "no time is a usage error" is 64 cococtl boot-time --root=luks-fast-kbs --fail-over=soon
mkdir nothing
check "an empty tree: all is unknown" json nothing "d['total_usec'] is None and d['acceptance'] == 'unknown' and d['steps'] is None"
check "a tree that is not there is an error" is 1 cococtl boot-time --root=not-there

cococtl boot-time --root=luks-fast-kbs --json >before.json
check "diff: what became slower" shows luks-slow-kbs '^ *\+41\.000 s  step luks: read: 43\.000 s, before 2\.000 s' --diff=before.json
check "diff: the total" shows luks-slow-kbs '^ *\+41\.000 s  total' --diff=before.json
check "diff: what is not there any more" shows td-lost-ticks '^ *unknown    device 00000001-7870' --diff=before.json
head -c 100 before.json >cut.json
head -c 5000000 /dev/zero >huge.json
sed 's/"version": *1/"version": 2/' before.json >version.json
sed 's/14400000/-5/' before.json >negative.json
sed 's/14400000/9000000000000000000/' before.json >large.json
sed 's/14400000/99999999999999999999999/' before.json >larger.json
sed 's/00000001-7870/\\u001b[31mred/' before.json >escape.json
for f in cut huge; do
	check "diff: a file that is $f" is 1 cococtl boot-time --root=luks-slow-kbs --diff=$f.json
	check "diff: a file that is $f: what it should be" grep -q 'is not what .cococtl boot-time --json. prints' err
done
check "diff: another version" is 1 cococtl boot-time --root=luks-slow-kbs --diff=version.json
check "diff: another version is said" grep -q 'is of another version' err
check "diff: no file" is 1 cococtl boot-time --root=luks-slow-kbs --diff=nothing.json
for f in negative large; do
	check "diff: a $f number is not known" bash -c "cococtl boot-time --root=luks-slow-kbs --diff=$f.json | grep -q '^ *new    device 00000001-7870'"
done
# Newer versions of json-c refuse it.
check "diff: a number of more than 64 bits is refused, or not known" bash -c "cococtl boot-time --root=luks-slow-kbs --diff=larger.json 2>&1 | grep -qe '^ *new    device 00000001-7870' -e 'is not what .cococtl boot-time --json. prints'"
check "diff: no escapes reach the terminal" bash -c "cococtl boot-time --root=luks-slow-kbs --diff=escape.json >out && grep -q red out && ! grep -q $'\\e' out"

# Hostile.
tree hostile
{
	log_line 1000000 $'hv_pci <script>&"\e[31m\a: PCI VMBus probing: x'
	printf '[   -5.000000] hv_pci neg: PCI VMBus probing: x\n[99999999999999999999.000000] hv_pci over: PCI VMBus probing: x\n'
	log_line 900000 'back in time'
	head -c 100000 /dev/urandom
} >hostile/.probe/kmsg
systemd hostile 99999999999999999999 -4 0x10
printf '5 wiped - luks\n9 asked - luks\nx y z\n-1 asked - a\n99999999999999999999 asked - b\n7 stolen - c\n8 read - \e[31md\n' >hostile/.probe/steps
check "hostile: it is shown" is 0 cococtl boot-time --root=hostile
check "hostile: nothing reaches the terminal" bash -c "! cat out err | grep -q $'[\\e\\a]'"
check "hostile: bad stamps are no devices" bash -c "! grep -qE 'device (neg|over)' out && grep -q 'lines of the kernel.s log have no stamp' out"
check "hostile: stamps that go back are counted" grep -q 'stamps of the kernel.s log go back' out
check "hostile: steps in the wrong order are marked" grep -q "steps of 'luks' are not in order: 'wiped' is before 'asked'" out
check "hostile: what is no step is named" grep -q 'is not a step, ignoring it' err
check "hostile: JSON" json hostile "rows['phase target']['usec'] is None and not any('stolen' in n for n in rows)"
check "hostile: a chart" is 0 cococtl boot-time --root=hostile --svg=hostile.svg
check "hostile: the chart is XML, and its text is text" python3 -c "
import xml.dom.minidom as m
d = m.parse('hostile.svg')
assert not d.getElementsByTagName('script')
assert any('<script>&\"' in t.firstChild.data for t in d.getElementsByTagName('text'))"
head -c 9000000 /dev/zero >hostile/.probe/kmsg
check "hostile: a huge log is refused" is 1 cococtl boot-time --root=hostile
check "hostile: and named" grep -q 'kmsg. cannot be read' err
rm hostile/.probe/kmsg
mkfifo hostile/.probe/kmsg
check "hostile: a FIFO is not waited for" is 1 cococtl boot-time --root=hostile
rm hostile/.probe/kmsg
printf '9 wiped - outside\n' >outside
ln -sf "$PWD/outside" hostile/.probe/steps
check "hostile: a link does not lead out of the tree" json hostile "d['steps'] is None"

check "a chart" is 0 cococtl boot-time --root=luks-slow-kbs --svg=chart.svg
check "the chart has a bar for each row" python3 -c "
import xml.dom.minidom as m
bars = [r for r in m.parse('chart.svg').getElementsByTagName('rect')][1:]
assert len(bars) >= 11, len(bars)
assert all(380 <= int(r.getAttribute('x')) and int(r.getAttribute('x')) + int(r.getAttribute('width')) <= 380 + 700 + 2 for r in bars)"
check "a chart that cannot be written" is 1 cococtl boot-time --root=luks-slow-kbs --svg=no/such/chart.svg
check "without cocod the rest is shown" bash -c 'cococtl --socket=nothing boot-time >out 2>err; [ $? = 0 ] && grep -q "cocod was not asked" out'
[ -z "${COCO_CHART:-}" ] || cp chart.svg "$COCO_CHART"
finish

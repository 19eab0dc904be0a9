#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# coco-inject inject computes the measurement itself: from the owner's files to a running guest, every lie on the way,
# a session that is used twice, options from a file, and libvirt guests.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
cd "$work" || exit 99

inject=$top_builddir/coco-inject
double=$top_srcdir/tests/double/security-processor
model=$top_srcdir/tests/double/launch-model

"$model" firmware fw
"$model" firmware fw-other --seed other
"$model" firmware fw-plain --without secret,hashes
head -c 100001 /dev/urandom >kernel
head -c 200003 /dev/urandom >initrd
printf 'correct horse' >pw
"$inject" table --secret luks:pw -o table 2>/dev/null
truncate -s 16M ram
kernel=(--kernel kernel --initrd initrd --cmdline 'root=/dev/vda1 ro')
ours=("${kernel[@]}" --policy 0x7 --vcpus 2 --vcpu-type EPYC-Milan)
theirs=(--tech sev-es --firmware fw "${kernel[@]}" --vcpus 2 --sig 0xa00f11)

# start ARGUMENTS...: start a double with new keys, which measures a launch with $theirs.
start() {
	rm -f sock record m vm_*
	: >record
	truncate -s 0 ram
	truncate -s 16M ram
	head -c16 /dev/urandom >vm_tek.bin
	head -c16 /dev/urandom >vm_tik.bin
	launch "$@"
}
launch() {
	"$double" --listen sock --once --tek vm_tek.bin --tik vm_tik.bin --digest "$("$model" digest "${theirs[@]}")" --policy 7 --measurement-out m \
		--record record --gpa 0x80c000 --area-size 3072 --ram ram "$@" 2>double.err &
	pid=$!
	tap_pids=("$pid")
	appears sock $pid || { cat double.err >&2; exit 99; }
}
stop() {
	kill "$pid" 2>/dev/null
	wait "$pid" 2>/dev/null
	tap_pids=()
}
run() {
	local status=$1

	shift
	expect "$status" "$inject" inject --qmp sock --tek vm_tek.bin --tik vm_tik.bin --secret luks:pw --firmware fw "$@"
}
never_sent() { ! grep -q 'sev-inject-launch-secret\|"cont"' record; }
sent() { grep -q 'sev-inject-launch-secret' record && grep -q '"cont"' record; }
in_ram() { cmp -n "$(stat -c %s table)" -i 0:8437760 table ram; }

start
check "SEV-ES with a kernel, from the owner's files" run 0 "${ours[@]}"
stop
check "the table is in the guest" in_ram
check "which runs" sent
audit="audit: vm=vm policy=0x7 digest=$("$model" digest "${theirs[@]}") measurement=$(cat m) result=started"
check "an audit line" said "$audit\$"
check "without a key in it" bash -c "! grep -q -e $(base64 <vm_tik.bin) -e $(xxd -p <vm_tik.bin) -e horse err"
theirs_es=("${theirs[@]}")
theirs=(--tech sev --firmware fw)
start --policy 3
check "plain SEV" run 0 --policy nodbg,noks
stop
check "plain SEV: is in the guest" in_ram
start --policy 3
check "a digest that was computed before" run 0 --policy 3 --launch-digest "$("$model" digest "${theirs[@]}")"
stop
start --policy 3 --gpa 0x10000 --area-size 64
check "another area" run 0 --policy 3 --area 0x10000:64
stop
check "another area: goes to QEMU" grep -q '"gpa": 65536' record
start --policy 3
check "--dry-run" run 0 --policy 3 --dry-run --name 'my-vm'
check "--dry-run: is said" said "audit: vm=my-vm .* result=checked"
stop
check "--dry-run: sends nothing" never_sent
check "--dry-run: does not use the session" test ! -e vm_session.used
theirs=("${theirs_es[@]}")

# bad NAME STATUS TEXT DOUBLE-ARGUMENTS... -- OUR-ARGUMENTS...: nothing is sent, and the audit line says that.
bad() {
	local name=$1 status=$2 text=$3 double_args=()

	shift 3
	while [ "$1" != -- ]; do
		double_args+=("$1")
		shift
	done
	shift
	start "${double_args[@]}"
	check "$name" run "$status" "$@"
	stop
	check "$name: is said" said "$text"
	check "$name: nothing is sent" never_sent
	check "$name: the audit line" said "audit: .* result=\(refused\|undecided\) step="
}
flip() { /usr/bin/python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read()); b[int(sys.argv[3])] ^= 1; open(sys.argv[2], "wb").write(b)' "$@"; }
flip fw fw-byte 20000
flip initrd initrd-byte 100
theirs[3]=fw-byte
bad "a byte of the firmware" 1 "not the expected one" -- "${ours[@]}"
theirs[3]=fw
theirs[7]=initrd-byte
bad "a byte of the initrd" 1 "not the expected one" -- "${ours[@]}"
theirs[7]=initrd
theirs[9]='root=/dev/vdb1 ro'
bad "the command line" 1 "not the expected one" -- "${ours[@]}"
theirs[9]='root=/dev/vda1 ro'
theirs[11]=3
bad "the CPUs" 1 "It would be with: 3 CPUs" -- "${ours[@]}"
theirs[11]=2
bad "the policy, told" 1 "policy 0x5 (nodbg,es), and the session asked for 0x7" --policy 5 -- "${ours[@]}"
bad "the policy, told as it should be" 1 "It would be with: policy 0x5" --policy 5 --tell-policy 7 -- "${ours[@]}"
bad "the nonce" 1 "not the expected one" --lie nonce -- "${ours[@]}"
bad "47 bytes" 2 "not 48 bytes" --lie measure-47 -- "${ours[@]}"
bad "hung up" 3 "hung up" --lie eof --at query-sev-launch-measure -- "${ours[@]}"
bad "an API that binds nothing" 1 "too old" --api 0.16 -- "${ours[@]}"
bad "an API that is too old for us" 1 "1.55, and 1.56 is the least" -- "${ours[@]}" --min-api 1.56
bad "a firmware of the host's" 1 "not the expected one" --lie measurement -- "${ours[@]}"
start
check "the API that is the least" run 0 "${ours[@]}" --min-api 1.55
stop
start --lie fw-error
check "an error of the firmware" run 1 "${ours[@]}"
stop
check "an error of the firmware: the audit line" said "result=refused step=inject"
check "an error of the firmware: never continued" bash -c '! grep -q "\"cont\"" record'
start
head -c 3033 /dev/urandom >over
check "a byte over the area of the measured firmware" run 1 "${ours[@]}" --secret 0f2e573e-be4d-a7d6-bdc4-908077d7628d:over
check "a byte over: nothing is asked" test ! -s record
check "no policy" run 64 --vcpus 2
check "no policy: is said" said "session's --policy"
check "a measurement and a kernel" run 64 "${ours[@]}" --measurement "$(cat m)"
check "a firmware without an area" expect 1 "$inject" inject --qmp sock --tek vm_tek.bin --tik vm_tik.bin --secret luks:pw --firmware fw-plain --policy 3
check "SNP" run 64 "${ours[@]}" --tech snp
check "neither guest nor monitor" expect 64 "$inject" inject --tek vm_tek.bin --tik vm_tik.bin --secret luks:pw --firmware fw --policy 3
stop

# ---- a session is for one launch ----
start
check "a session" run 0 "${ours[@]}"
stop
check "is marked as used" test -e vm_session.used
check "with the launch's measurement" cmp vm_session.used <(cat m; echo)
: >record
launch
check "and not used again" run 1 "${ours[@]}"
check "which is said" said "was used for another launch"
stop
check "used again: nothing is sent" never_sent
launch
check "--allow-reuse" run 0 "${ours[@]}" --allow-reuse
stop
cp vm_tek.bin key
rm -f vm_session.used
launch
check "another name" expect 0 "$inject" inject --qmp sock --tek key --tik vm_tik.bin --secret luks:pw --firmware fw "${ours[@]}"
stop
check "has its mark beside it" test -e key.used
launch
check "a key from a descriptor" expect 0 bash -c 'exec "$@" 7<key' - "$inject" inject --qmp sock --tek /dev/fd/7 --tik vm_tik.bin --secret luks:pw --firmware fw \
	"${ours[@]}"
stop
check "warns" said "not checked"
if shm=$(mktemp -d -p /dev/shm coco-test.XXXXXX 2>/dev/null); then
	launch
	cp vm_tek.bin "$shm"
	check "a key in /dev/shm" expect 0 "$inject" inject --qmp sock --tek "$shm/vm_tek.bin" --tik vm_tik.bin --secret luks:pw --firmware fw "${ours[@]}"
	stop
	check "has its mark there" cmp "$shm/vm_session.used" <(cat m; echo)
	rm -r "$shm"
else
	skip "a key in /dev/shm" "it cannot be written to"
fi
"$top_srcdir/tests/double/fake-platform" host || exit 99
rm -f key.used vm_*
: >vm_session.used
check "a new session" expect 0 "$inject" session --pdh host/pdh.cert --policy nodbg,noks,es,nosend --name vm
check "has no mark of the one before" test ! -e vm_session.used
# Trying the same launch again is allowed.
start --lie bad-gpa
check "a first try" run 1 "${ours[@]}"
stop
m=$(cat m)
"$double" --listen sock --once --tek vm_tek.bin --tik vm_tik.bin --gpa 0x80c000 --area-size 3072 --ram ram --digest "$("$model" digest "${theirs[@]}")" --policy 7 \
	--nonce "$(echo "$m" | base64 -d | tail -c16 | xxd -p)" 2>double.err &
pid=$!
tap_pids=("$pid")
appears sock $pid || cat double.err
check "a second try of the same launch" run 0 "${ours[@]}"
stop

# ---- options from a file ----
cat >vm.conf <<'P'
# A VM that is started every day.
[inject]
qmp=sock
tek=vm_tek.bin
tik=vm_tik.bin
firmware=fw
kernel=kernel
initrd=initrd
cmdline="root=/dev/vda1 ro"
policy=nodbg,noks,es
vcpus=2
vcpu-type=EPYC-Milan
secret=luks:pw  0f2e573e-be4d-a7d6-bdc4-908077d7628d:pw
huge-pages=no
json=yes
P
start
check "--config" expect 0 "$inject" inject --config vm.conf
stop
check "takes all options" grep -q '"secrets":2,.*"continued":true' out
start
check "the command line counts more" expect 1 "$inject" inject --config vm.conf --vcpus 3
stop
check "and is said" said "2 CPUs"
config() {
	local name=$1 text=$2

	printf '%b' "$3" >bad.conf
	check "--config: $name" expect 2 "$inject" inject --config bad.conf
	check "--config: $name: is said" said "$text"
}
config "an unknown option" "bad.conf:2: 'colour' is not an option" '[inject]\ncolour=red\n'
config "an option that is nearly one" "'secert' is not an option of inject; did you mean secret?" '[inject]\nsecert=luks:a\n'
config "an option twice" "bad.conf:3: the option 'secret' is given twice" '[inject]\nsecret=luks:a\nsecret = luks:b\n'
config "a section twice" "bad.conf:4: the section \[inject\] is there twice" '[inject]\nqmp=sock\n[measure]\n[inject]\n'
config "a NUL" "bad.conf:2: it has the control character 0x00" '[inject]\nqmp=sock\0\n'
config "a comment behind a value" "bad.conf:2: a comment stands behind" '[inject]\ncmdline=ro # quiet\n'
config "no section" "stands before any section" 'qmp=sock\n'
config "another section" "no section \[inject\]" '[measure]\ntech=sev\n'
config "a section that is nearly the verb's" "bad.conf:1: \[injekt\] is not a verb of coco-inject; did you mean inject?" '[injekt]\nqmp=sock\n'
config "one beside it" "bad.conf:3: \[sesion\] is not a verb of coco-inject; did you mean session?" '[inject]\nqmp=sock\n[sesion]\n'
config "one that is like no verb" "bad.conf:1: \[xyzzy\] is not a verb of coco-inject\$" '[xyzzy]\n[inject]\nqmp=sock\n'
config "no value" "no value" '[inject]\nqmp=\n'
config "neither yes nor no" "yes or no" '[inject]\njson=maybe\n'
config "a configuration in it" "not an option" '[inject]\nconfig=other\n'
config "a second line" "bad.conf:3: it is neither Name=value" '[inject]\nqmp=sock\n  more\n'
check "--config: no such file" expect 74 "$inject" inject --config nowhere

# ---- libvirt ----
if [ -e "$top_builddir/tests/double/libvirt.so.0" ]; then
	# The double frees nothing.
	lv() {
		local status=$1

		shift
		expect "$status" env LD_LIBRARY_PATH="$top_builddir/tests/double" ASAN_OPTIONS=detect_leaks=0 "$inject" inject --connect double:sock --tek vm_tek.bin --tik vm_tik.bin \
			--secret luks:pw --firmware fw "${ours[@]}" "$@"
	}
	start
	check "libvirt" lv 0 --libvirt vm
	stop
	check "libvirt: the table is in the guest" in_ram
	check "libvirt: which runs" sent
	check "libvirt: the audit line" said "audit: vm=vm .* result=started"
	start --gpa 0x10000 --area-size 64
	check "libvirt: by UUID, another area" lv 0 --libvirt 5ca1ab1e-0000-4000-8000-000000000001 --area 0x10000:64
	stop
	check "libvirt: the address goes along" grep -q '"gpa": 65536' record
	# lv_bad NAME STATUS TEXT DOUBLE-ARGUMENTS...
	lv_bad() {
		local name=$1 status=$2 text=$3

		shift 3
		start "$@"
		check "libvirt: $name" lv "$status" --libvirt vm
		stop
		check "libvirt: $name: is said" said "$text"
		check "libvirt: $name: never continued" bash -c '! grep -q "\"cont\"" record'
	}
	printf '%s\n' "<domain><launchSecurity type='sev-snp'/></domain>" >guest.xml
	export DOUBLE_XML=guest.xml
	lv_bad "SNP" 1 "protected by SEV-SNP, .* at run time" --lie snp
	unset DOUBLE_XML
	check "libvirt: SNP: in the step of SEV" said "result=refused step=sev"
	# lv_kind NAME TEXT XML: a guest without a measurement is named with its kind.
	lv_kind() {
		printf '%s\n' "$3" >guest.xml
		export DOUBLE_XML=guest.xml
		lv_bad "$1" 1 "$2" --lie not-sev
		unset DOUBLE_XML
	}
	lv_kind "TDX" "protected by TDX, .* at run time" "<domain><launchSecurity type='tdx'><policy>0x1</policy></launchSecurity></domain>"
	lv_kind "TDX, other quotes" "protected by TDX, .* at run time" '<domain><launchSecurity  type="tdx"/></domain>'
	lv_kind "Secure Execution" "IBM Secure Execution" "<domain><launchSecurity type='s390-pv'/></domain>"
	lv_kind "a type that nobody knows" "is it protected by SEV" "<domain><launchSecurity type='tdy'/></domain>"
	lv_kind "a type that never ends" "is it protected by SEV" "<domain><launchSecurity type='$(printf 'x%.0s' {1..999})"
	lv_kind "no type in the tag" "is it protected by SEV" "<domain><launchSecurity ><type='tdx'></domain>"
	lv_kind "no quote" "is it protected by SEV" "<domain><launchSecurity type=tdx></domain>"
	lv_bad "hung up" 3 "not known" --lie eof --at query-sev
	lv_bad "hung up at the start" 3 "state" --lie eof --at query-status
	lv_bad "hung up while it connects" 3 "No connection" --lie eof --at qmp_capabilities
	lv_bad "hung up while injecting" 3 "not known" --lie eof --at sev-inject-launch-secret
	lv_bad "another measurement" 1 "not the expected one" --lie measurement
	lv_bad "47 bytes" 2 "not 48 bytes" --lie measure-47
	lv_bad "another policy" 1 "session asked for" --policy 5
	lv_bad "not SEV" 1 "is it protected by SEV" --lie not-sev
	lv_bad "a guest that runs" 1 "start --paused" --lie running
	lv_bad "refused" 1 "is the TIK the one" --lie fw-error
	for lie in mute drip babble; do
		for at in qmp_capabilities query-status query-sev sev-inject-launch-secret; do
			start --lie $lie --at $at
			check "libvirt: $lie in $at" lv 3 --libvirt vm --timeout 500ms
			stop
			check "libvirt: $lie in $at: is said" said "no answer from libvirt in time, see --timeout"
			check "libvirt: $lie in $at: never continued" bash -c '! grep -q "\"cont\"" record'
		done
	done
	start --lie escape --at query-status
	check "libvirt: an error that moves the cursor" lv 1 --libvirt vm
	stop
	check "libvirt: an error that moves the cursor: is printable" said "'query-status': ?\[2J?root: all is well??1m?"
	start --lie cont-error
	check "libvirt: not started" lv 3 --libvirt vm
	stop
	check "libvirt: not started: is said" said "does not let it run"
	start
	check "libvirt: no such guest" lv 74 --libvirt other
	stop
	start
	check "libvirt: one that does not tell the version" env DOUBLE_OLD_LIBVIRT=1 bash -c "$(declare -f lv expect); $(declare -p inject top_builddir ours work); lv 1 --libvirt vm"
	stop
	check "libvirt: no connection" expect 74 env LD_LIBRARY_PATH="$top_builddir/tests/double" ASAN_OPTIONS=detect_leaks=0 "$inject" inject --connect double:nowhere --libvirt vm \
		--tek vm_tek.bin --tik vm_tik.bin --secret luks:pw --firmware fw "${ours[@]}"
	start
	check "libvirt and monitor" lv 64 --libvirt vm --qmp sock
	stop
	# The real library with its test driver, which has no SEV: everything else works.
	if ldconfig -p | grep -q 'libvirt\.so\.0'; then
		check "libvirt's own library" expect 1 "$inject" inject --libvirt test --connect test:///default --tek vm_tek.bin --tik vm_tik.bin --secret luks:pw \
			--firmware fw "${ours[@]}"
		check "libvirt's own library: the guest runs already" said "start --paused"
		check "libvirt's own library: no such guest" expect 74 "$inject" inject --libvirt none --connect test:///default --tek vm_tek.bin --tik vm_tik.bin \
			--secret luks:pw --firmware fw "${ours[@]}"
	else
		skip "libvirt's own library" "it is not installed (Debian: libvirt0)"
	fi
else
	skip "libvirt" "built without its headers (Debian: libvirt-dev)"
fi
finish

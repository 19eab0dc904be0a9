#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# ./demo and ./check work for users other than root, and with sudo: what they do before the first VM, and the volumes
# that VMs get.  Stand-ins replace the installation of packages, the build, and the VM.
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"

uid=65534
as_user() {
	if [ "$(id -u)" -eq 0 ]; then
		setpriv --reuid="$uid" --regid="$uid" --clear-groups -- "$@"
	else
		"$@"
	fi
}

# foreign UID: print the files here that belong to another user.
foreign() {
	find "$work/tree" "$work/home" ! -user "$1"
}
none_foreign() {
	local files

	files=$(foreign "$1")
	[ -z "$files" ] || { echo "$files"; return 1; }
}

make_tree() {
	mkdir -p "$work/tree/tests/vm" "$work/home"
	cp "$top_srcdir/demo" "$top_srcdir/check" "$work/tree/"
	cp "$top_srcdir/tests/user" "$work/tree/tests/"
	cat >"$work/tree/tests/setup" <<-EOF
		#!/bin/sh
		echo "setup by \$(id -u)" >>"$work/said"
	EOF
	cat >"$work/tree/tests/build" <<-EOF
		#!/bin/sh
		mkdir -p "\$1"; echo "build by \$(id -u) in \$HOME" >>"$work/said"
		[ "\${1##*/}" = demo ]
	EOF
	cat >"$work/tree/tests/vm/demo" <<-EOF
		#!/bin/sh
		mkdir -p "\$top_builddir/vm"; echo "vm by \$(id -u)" >>"$work/said"; echo "sudo \${SUDO_UID-unset}" >>"$work/said"
	EOF
	# A machine without namespaces would stop here, which is not what is tested.
	mkdir -p "$work/bin"
	printf '#!/bin/sh\nexec test ! -e "%s/no-namespaces"\n' "$work" >"$work/bin/unshare"
	printf '#!/bin/sh\necho "nobody:x:%s:%s:::"\n' "$uid" "$uid" | sed "s|:::|::$work/home:|" >"$work/bin/getent"
	chmod 755 "$work" "$work/tree/tests/"{setup,build,user} "$work/tree/tests/vm/demo" "$work/bin/"*
	: >"$work/said"
	chmod 666 "$work/said"
}
in_tree() {
	(cd "$work/tree" && PATH="$work/bin:$PATH" "$@")
}
told() {
	grep -qx -e "$1" "$work/said" || { cat "$work/said"; return 1; }
}

make_tree
if [ "$(id -u)" -eq 0 ]; then
	chown -R "$uid:$uid" "$work/tree" "$work/home"
	sudo=(env SUDO_UID="$uid" SUDO_GID="$uid" SUDO_USER=nobody)

	check "sudo ./demo" in_tree expect 0 "${sudo[@]}" ./demo
	check "sudo ./demo: packages are root's" told "setup by 0"
	check "sudo ./demo: the build is the user's, with the user's home" told "build by $uid in $work/home"
	check "sudo ./demo: the VM is the user's" told "vm by $uid"
	check "sudo ./demo: and knows nothing of sudo" told "sudo unset"
	check "sudo ./demo: no file is root's" none_foreign "$uid"

	: >"$work/said"
	check "sudo ./check" in_tree expect 1 "${sudo[@]}" ./check unit
	check "sudo ./check: packages are root's" told "setup by 0"
	check "sudo ./check: the build is the user's" told "build by $uid in $work/home"
	check "sudo ./check: no file is root's" none_foreign "$uid"

	# A tree in which root has run it before.
	touch "$work/tree/logs/root"
	check "root's files in the tree" in_tree expect 1 setpriv --reuid="$uid" --regid="$uid" --clear-groups ./demo
	check "root's files in the tree: are named" said "'./logs/root' and perhaps more here is another user's"
	rm "$work/tree/logs/root"

	: >"$work/said"
	check "root, in a tree of root's" bash -c "chown -R 0:0 '$work/tree'"
	check "sudo ./demo in a tree of root's" in_tree expect 0 "${sudo[@]}" ./demo
	check "sudo ./demo in a tree of root's: stays root's" told "vm by 0"
	rm -rf "$work/tree/build" "$work/tree/logs"
	chown -R "$uid:$uid" "$work/tree"
else
	skip "with sudo" "only root can become another user"
fi

: >"$work/said"
check "./demo as another user than root" in_tree expect 0 as_user ./demo
check "./demo as another user than root: the VM" told "vm by $(as_user id -u)"
touch "$work/no-namespaces"
check "a user without a range of ids" in_tree expect 1 as_user ./demo
check "a user without a range of ids: is told how to get one" said "usermod --add-subuids"

if command -v cryptsetup >/dev/null || [ -x /usr/sbin/cryptsetup ]; then
	mkdir -m 777 "$work/disk"
	printf key >"$work/disk/key"
	cp "$top_srcdir/tests/vm/"*.py "$work/tree/tests/vm/"
	check "a volume is encrypted without root" as_user env PYTHONPATH="$work/tree/tests/vm" /usr/bin/python3 -B -c \
		"import sys, systemvm; systemvm.Disk(sys.argv[1], 'data', sys.argv[1] + '/key', 'known')" "$work/disk"
	check "and opens" as_user /usr/sbin/cryptsetup open --test-passphrase --key-file "$work/disk/key" "$work/disk/data.img"
else
	skip "a volume is encrypted without root" "cryptsetup is not installed"
fi

finish

#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# cocod --check-config for who may not read everything: what cannot be read is an error, and nothing is taken for empty.
# shellcheck disable=SC2317 # functions are called by check
# shellcheck source=tests/run/tap.sh
. "$(dirname "$0")/tap.sh"
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP only root can become another user"; exit 0; }
command -v setpriv >/dev/null || { echo "1..0 # SKIP setpriv is missing"; exit 0; }

root=$work/root
conf=$root/etc/cocod
chmod 755 "$work"
cp "$top_builddir/cocod" "$work/cocod"
chmod 755 "$work/cocod"
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)
# As cocod.service has it: root, but without the capabilities that pass over modes.
less=-dac_override,-dac_read_search
# shellcheck disable=SC2034 # named by "who" below
keeper=(setpriv "--bounding-set=$less" "--inh-caps=$less")
"${nobody[@]}" "$work/cocod" --version >/dev/null 2>&1 || { echo "1..0 # SKIP the programs cannot be run by another user"; exit 0; }

fill() {
	rm -rf "$root"
	mkdir -p "$conf/secrets.d" "$conf/cocod.conf.d" "$root/run/cocod/secrets.d" "$root/usr/lib/cocod"
	printf '[Cocod]\nVerifyVolumeHeader=no\n' >"$conf/cocod.conf"
	printf '[Cocod]\nRequire=attested\n' >"$conf/cocod.conf.d/a.conf"
	printf '[Secret]\nGuid=736869e5-84f0-4973-92ec-06879ce3da0b\nConsumers=cryptsetup:data\n' >"$conf/secrets.d/data.conf"
}

# unreadable FILE PATH AS...: what is made of PATH's mode and owner, and is said of FILE.
unreadable() {
	local said=$1 path=$2 mode=$3

	shift 3
	fill
	chown -R 65533 "$root/$path"
	chmod "$mode" "$root/$path"
	expect 1 "$@" "$work/cocod" --check-config --config-root="$root" && said "$root/$said: Permission denied; cocod runs as root without CAP_DAC_OVERRIDE"
}

fill
check "a user may check what all may read" expect 0 "${nobody[@]}" "$work/cocod" --check-config --config-root="$root"
check "... which is said" grep -q 'Require=attested, 1 secret configured' "$work/out"
for who in nobody keeper; do
	declare -n as=$who
	check "$who: cocod.conf of mode 000" unreadable etc/cocod/cocod.conf etc/cocod/cocod.conf 000 "${as[@]}"
	check "$who: cocod.conf.d of another user" unreadable etc/cocod/cocod.conf.d etc/cocod/cocod.conf.d 700 "${as[@]}"
	check "$who: a drop-in of another user" unreadable etc/cocod/cocod.conf.d/a.conf etc/cocod/cocod.conf.d/a.conf 600 "${as[@]}"
	check "$who: secrets.d of another user" unreadable etc/cocod/secrets.d etc/cocod/secrets.d 700 "${as[@]}"
	check "$who: secrets.d that can be listed only" unreadable etc/cocod/secrets.d/data.conf etc/cocod/secrets.d 744 "${as[@]}"
	check "$who: a secret's file of another user" unreadable etc/cocod/secrets.d/data.conf etc/cocod/secrets.d/data.conf 600 "${as[@]}"
	check "$who: /run/cocod/secrets.d" unreadable run/cocod/secrets.d run/cocod/secrets.d 700 "${as[@]}"
	check "$who: /usr/lib/cocod" unreadable usr/lib/cocod/cocod.conf.d usr/lib/cocod 700 "${as[@]}"
	check "$who: /etc" unreadable etc/cocod/cocod.conf etc 700 "${as[@]}"
	fill
	printf '[Policy]\n' >"$conf/attest.conf"
	rm "$conf/cocod.conf.d/a.conf"
	chown 65533 "$conf/attest.conf"
	chmod 000 "$conf/attest.conf"
	check "$who: attest.conf of mode 000" expect 1 "${as[@]}" "$work/cocod" --check-config --config-root="$root"
	check "... is said" said "attest.conf: Permission denied"
done

fill
check "a root that does not exist" expect 1 "$work/cocod" --check-config --config-root="$root/nowhere"
check "... is said" said "root folder does not exist"
vectors=$COCO_VECTORS/field/config
if [ -d "$vectors" ]; then
	for i in twice long-comment; do
		fill
		rm "$conf/cocod.conf.d/a.conf"
		cp "$vectors/$i.conf" "$conf/cocod.conf"
		check "$i.conf" expect 1 "$work/cocod" --check-config --config-root="$root"
		check "... is refused by its line" said "cocod.conf:[0-9]*: "
	done
else
	skip "twice.conf and long-comment.conf" "no vectors"
fi
finish

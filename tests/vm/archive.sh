# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Gives access to more of the distribution's archive than this machine's apt is configured for, without changing that
# configuration.  To be sourced.
#
#	archive_open DIR TYPE SUFFIX [RELEASE]
#					an apt of its own in DIR, for deb or deb-src of the distribution's release, or RELEASE, with
#					SUFFIX ("-backports"), from the place where this machine gets its own release
#	archive apt-get|apt-cache ...	that apt; needs no root
#	archive_release			the codename of this machine's release, like "bookworm"
#	archive_sources RELEASE		what this machine's apt uses for Debian's RELEASE itself, as a sources.list; for a RELEASE that it
#					does not know, the places of its own release with the other's name
archive_release() {
	# shellcheck disable=SC1091 # this machine's
	(. /etc/os-release && echo "${VERSION_CODENAME:?/etc/os-release does not say which release this is}")
}

archive_open() {
	archive_dir=$1
	archive_own=$(archive_release)
	# shellcheck disable=SC2016 # for apt to expand
	archive_uri=$(apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(COMPONENT) $(REPO_URI)' |
		sed -n "s/^Packages $archive_own main //p" | head -n 1)
	[ -n "$archive_uri" ] || { echo "archive: apt has no source for $archive_own main" >&2; return 1; }
	# The keys in /etc/apt would do too, but not every machine has the archive's keys there.
	archive_key=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e $archive_key ] && archive_key=" [signed-by=$archive_key]" || archive_key=
	mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
	echo "$2$archive_key $archive_uri ${4:-$archive_own}$3 main" >"$1/sources.list"
	archive apt-get -q update >&2
}

archive() {
	archive_tool=$1
	shift
	# apt as root would drop to a user who cannot write here.
	"$archive_tool" -o Dir::Etc::SourceList="$archive_dir/sources.list" -o Dir::Etc::SourceParts=- \
		-o Dir::State::Lists="$archive_dir/lists" -o Dir::Cache="$archive_dir/cache" -o APT::Sandbox::User=root "$@"
}

archive_sources() {
	# shellcheck disable=SC2016 # apt expands these
	apt-get indextargets --format '$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ORIGIN)|$(CODENAME)' 'Created-By: Packages' |
		awk -F '|' -v release="$1" -v own="$(archive_release)" '
			# The suffix "-updates" of "bookworm-updates".  Other suites, such as backports, are left out.
			function part(of) { return $5 == of ? "" : $5 == of "-updates" ? "-updates" : $5 == of "-security" ? "-security" : "no" }
			$4 != "Debian" { next }
			part(release) != "no" { print "deb", $1, $2, $3; known = 1 }
			# sid has only one suite.
			part(own) == "" || part(own) != "no" && release != "sid" { others[++n] = "deb " $1 " " release part(own) " " $3 }
			END {
				for (i = 1; i <= n && !known; i++) print others[i]
				exit !known && !n
			}' || { echo "archive: apt has no sources of Debian's $1 or $(archive_release): run apt-get update" >&2; return 1; }
}

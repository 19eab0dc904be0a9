/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/crypttab-line.h"

#include <stdio.h>
#include <strings.h>

#include "base/parse.h"

#define HEADERS_DIR "/run/cocod.headers/"
#define KEYS_DIR "/run/cryptsetup-keys.d/"
#define ANY_SOCKET "/run/cocod/cryptsetup.sock"

const char *crypttab_line_option(const char *options, const char *name, size_t *ret_len)
{
	const char *found = NULL, *p = options;
	size_t n = strlen(name), found_len = 0;

	for (;;) {
		size_t len = strcspn(p, ",");

		if (len >= n && memcmp(p, name, n) == 0 && (len == n || p[n] == '=')) {
			found = p + MIN(n + 1, len);
			found_len = len - MIN(n + 1, len);
		}
		if (!p[len])
			break;
		p += len + 1;
	}
	if (found)
		*ret_len = found_len;
	return found;
}

/* ---- is it this volume ---- */

bool crypttab_is_device(const char *device, const char *uuid, const struct stat *st)
{
	static const struct {
		const char *tag, *folder;
	} tags[] = {
		{ "LABEL=", "/dev/disk/by-label/" },
		{ "PARTUUID=", "/dev/disk/by-partuuid/" },
		{ "PARTLABEL=", "/dev/disk/by-partlabel/" },
		{ "/", "/" },
	};
	const char *rest = startswith(device, "UUID=");
	char path[512];
	struct stat other;

	if (rest)
		return strcasecmp(rest, uuid) == 0;
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		rest = startswith(device, tags[i].tag);
		if (!rest)
			continue;
		if (snprintf(path, sizeof(path), "%s%s", tags[i].folder, rest) >=
			    (int)sizeof(path) ||
		    stat(path, &other) < 0)
			return false;
		return S_ISBLK(other.st_mode) ? S_ISBLK(st->st_mode) &&
							other.st_rdev == st->st_rdev :
						other.st_dev == st->st_dev &&
							other.st_ino == st->st_ino;
	}
	return false;
}

/* ---- does it work ---- */

/* Options with which the volume does not get its key from a socket, or does harm. */
static const struct {
	const char *name, *why;
} harmful[] = {
	{ "keyfile-offset", "a socket has no offset: systemd-cryptsetup cannot read a key there" },
	{ "keyfile-erase", "systemd-cryptsetup would remove cocod's socket" },
	{ "swap", "the volume would be overwritten, with a random key" },
	{ "tmp", "the volume would be overwritten" },
	{ "plain", "the volume is LUKS" },
	{ "tcrypt", "the volume is LUKS" },
	{ "bitlk", "the volume is LUKS" },
	{ "fvault2", "the volume is LUKS" },
	{ "tpm2-device", "systemd-cryptsetup would take the key for data that a TPM decrypts" },
	{ "fido2-device", "systemd-cryptsetup would take the key for data of a FIDO2 device" },
	{ "pkcs11-uri", "systemd-cryptsetup would take the key for data that a smart card "
			"decrypts" },
};

/* The number in @value of @len bytes.  Systemd ignores what is none, or refuses it. */
static bool number_of(const char *value, size_t len, uint64_t *ret)
{
	char text[24];

	if (len >= sizeof(text))
		return false;
	memcpy(text, value, len);
	text[len] = '\0';
	return parse_u64(text, ret) >= 0;
}

static bool value_is_less(const char *value, size_t len, uint64_t limit)
{
	uint64_t n;

	return !number_of(value, len, &n) || (n > 0 && n < limit);
}

static bool value_differs(const char *value, size_t len, uint64_t wanted)
{
	uint64_t n;

	return !number_of(value, len, &n) || n != wanted;
}

static bool header_is_ours(const struct crypttab_line *line, const char *value, size_t len)
{
	const char *name = startswith(value, HEADERS_DIR);
	size_t n = strlen(line->volume);

	return name && len == sizeof(HEADERS_DIR) - 1 + n + sizeof(".hdr") - 1 &&
	       strncmp(name, line->volume, n) == 0 && startswith(name + n, ".hdr");
}

bool crypttab_has_copy(const struct crypttab_line *line)
{
	size_t len;
	const char *value = crypttab_line_option(line->options, "header", &len);

	return value && header_is_ours(line, value, len);
}

static bool key_is_ours(const struct crypttab_line *line)
{
	const char *key = line->key, *name = startswith(key, KEYS_DIR);
	size_t n = strlen(line->volume);

	if (!key[0] || streq(key, "none") || streq(key, "-") || streq(key, ANY_SOCKET))
		return true;
	return name && strncmp(name, line->volume, n) == 0 && streq(name + n, ".key");
}

static int judge_key(const struct crypttab_line *line, struct cause *c)
{
	static const char ours[] = "/coco-agent/keyscript";
	char unit[CRYPTTAB_UNIT_MAX];
	size_t len;
	const char *script = crypttab_line_option(line->options, "keyscript", &len);
	bool none = !line->key[0] || streq(line->key, "none") || streq(line->key, "-");

	if (script && len > sizeof(ours) - 1 &&
	    memcmp(script + len - (sizeof(ours) - 1), ours, sizeof(ours) - 1) == 0)
		return 0;
	if (script)
		return cause_set(c, -EINVAL,
				 "line %u of crypttab has a keyscript= that is not ours",
				 line->number);
	if (!key_is_ours(line))
		return cause_set(c, -EINVAL,
				 "line %u of crypttab has another key file, '%s'; the third field "
				 "must be '%s'",
				 line->number, line->key, crypttab_key(line->volume, unit));
	if (none && !streq(crypttab_key(line->volume, unit), "none"))
		return cause_set(c, -EINVAL,
				 "line %u of crypttab: no socket can be named after volume '%s'; "
				 "the third field must be '%s'",
				 line->number, line->volume, ANY_SOCKET);
	return 0;
}

int crypttab_judge(const struct crypttab_line *line, int keyslot, size_t key_len, struct cause *c)
{
	const char *value;
	size_t len;

	for (size_t i = 0; i < ARRAY_SIZE(harmful); i++)
		if (crypttab_line_option(line->options, harmful[i].name, &len))
			return cause_set(c, -EINVAL,
					 "line %u of crypttab has the option '%s': %s",
					 line->number, harmful[i].name, harmful[i].why);
	value = crypttab_line_option(line->options, "header", &len);
	if (value && !header_is_ours(line, value, len))
		return cause_set(c, -EINVAL,
				 "line %u of crypttab has header=%.*s: the volume's header is on "
				 "its device, or in cocod-header's copy",
				 line->number, (int)MIN(len, 64u), value);
	value = crypttab_line_option(line->options, "keyfile-size", &len);
	if (value && value_is_less(value, len, key_len))
		return cause_set(c, -EINVAL,
				 "line %u of crypttab has keyfile-size=%.*s, and the secret has "
				 "%zu bytes",
				 line->number, (int)MIN(len, 64u), value, key_len);
	value = crypttab_line_option(line->options, "key-slot", &len);
	if (value && (keyslot < 0 || value_differs(value, len, (uint64_t)keyslot)))
		return cause_set(c, -EINVAL,
				 "line %u of crypttab has key-slot=%.*s, which is not the secret's "
				 "keyslot",
				 line->number, (int)MIN(len, 64u), value);
	return judge_key(line, c);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == ':' || c == '_' || c == '.';
}

bool crypttab_header(const char *volume, char ret[static CRYPTTAB_HEADER_MAX],
		     char ret_unit[static CRYPTTAB_UNIT_MAX])
{
	static const char before[] = "cocod-header@", after[] = ".service";
	size_t n = sizeof(before) - 1;

	if (*volume == '.' || (size_t)snprintf(ret, CRYPTTAB_HEADER_MAX, HEADERS_DIR "%s.hdr",
					       volume) >= CRYPTTAB_HEADER_MAX)
		return false;
	memcpy(ret_unit, before, n);
	/* As systemd names its own unit for the volume: systemd.unit(5), "String Escaping". */
	for (const char *p = volume; *p; p++) {
		if (n + sizeof("\\xNN") + sizeof(after) > CRYPTTAB_UNIT_MAX)
			return false;
		if (is_plain(*p))
			ret_unit[n++] = *p;
		else
			n += (size_t)sprintf(ret_unit + n, "\\x%02x", (unsigned char)*p);
	}
	memcpy(ret_unit + n, after, sizeof(after));
	return true;
}

const char *crypttab_key(const char *volume, char ret_unit[static CRYPTTAB_UNIT_MAX])
{
	size_t n = strspn(volume, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789:-_.");

	if (volume[n] || (size_t)snprintf(ret_unit, CRYPTTAB_UNIT_MAX, "cocod-cryptsetup@%s.socket",
					  volume) >= CRYPTTAB_UNIT_MAX) {
		strcpy(ret_unit, "cocod-cryptsetup.socket");
		return ANY_SOCKET;
	}
	return "none";
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/worker/luks-pins.h"

#include <ctype.h>
#include <stdio.h>

#include "base/parse.h"
#include "base/text.h"

enum kind { UUID, DIGEST, HEADER, _KIND_MAX };

static const struct {
	const char *prefix, *what;
} kinds[] = {
	[UUID] = { "uuid:", "UUID" },
	[DIGEST] = { "digest:", "digest of the volume key" },
	[HEADER] = { "header:", "header as a whole" },
};

#define WORD_LEN (sizeof("digest:") + (size_t)2 * LUKS_DIGEST_MAX)

/* The word of that kind, or "" if it is not known. */
static void word_of(enum kind kind, const struct luks_found *f, char ret[static WORD_LEN])
{
	char hex[2 * LUKS_DIGEST_MAX + 1];

	ret[0] = '\0';
	switch (kind) {
	case UUID:
		if (f->uuid[0])
			(void) snprintf(ret, WORD_LEN, "uuid:%s", f->uuid);
		for (char *c = ret; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		break;
	case DIGEST:
		format_hex(f->digest, f->digest_len, hex);
		if (f->digest_len > 0)
			(void) snprintf(ret, WORD_LEN, "digest:%s", hex);
		break;
	case HEADER:
	default:
		format_hex(f->header, sizeof(f->header), hex);
		if (f->has_header)
			(void) snprintf(ret, WORD_LEN, "header:%s", hex);
		break;
	}
}

void luks_pins_format(const struct luks_found *f, char *ret, size_t size)
{
	char word[WORD_LEN];
	size_t len = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < _KIND_MAX; i++) {
		word_of((enum kind)i, f, word);
		if (word[0] && len < size)
			len += (size_t)snprintf(ret + len, size - len, "%s%s", len ? " " : "",
						word);
	}
}

static bool is_kind(const char *word, size_t len, const char *prefix)
{
	return len >= strlen(prefix) && memcmp(word, prefix, strlen(prefix)) == 0;
}

/* Returns 1 if @word is in the list, 0 if others of its kind are, -ENOENT if none is. */
static int find(const char *pins, const char *prefix, const char *word)
{
	int found = -ENOENT;

	for (const char *p = pins; *p;) {
		size_t len = strcspn(p, " ");

		if (is_kind(p, len, prefix))
			found = MAX(found, 0);
		if (found >= 0 && word[0] && strlen(word) == len && memcmp(p, word, len) == 0)
			return 1;
		p += len + strspn(p + len, " ");
	}
	return found;
}

/* A word that is of no kind asks for something that nobody looks at. */
static bool are_known(const char *pins)
{
	for (const char *p = pins; *p;) {
		size_t len = strcspn(p, " ");
		bool known = len == 0;

		for (unsigned i = 0; i < _KIND_MAX; i++)
			known |= is_kind(p, len, kinds[i].prefix);
		if (!known)
			return false;
		p += len + strspn(p + len, " ");
	}
	return true;
}

int luks_pins_check(const char *pins, const struct luks_found *f, char *reason, size_t size)
{
	if (!are_known(pins)) {
		(void) snprintf(reason, size, "VolumePin= has a word that is not known here");
		return -EKEYREJECTED;
	}
	for (unsigned i = 0; i < _KIND_MAX; i++) {
		char word[WORD_LEN];
		int r;

		word_of((enum kind)i, f, word);
		r = find(pins, kinds[i].prefix, word);
		if (r == 1 || r == -ENOENT)
			continue;
		if (word[0])
			(void) snprintf(reason, size,
					"its %s is not the one that VolumePin= names, but '%s': "
					"this is another volume, or its header was changed",
					kinds[i].what, word);
		else
			(void) snprintf(reason, size,
					"VolumePin= names its %s, which a volume that is opened by "
					"a token does not show: let it be opened by a key socket",
					kinds[i].what);
		return -EKEYREJECTED;
	}
	return 0;
}

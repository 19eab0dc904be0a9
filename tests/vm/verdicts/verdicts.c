/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#include "tests/vm/verdicts/verdicts.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/string.h>
#define print scnprintf
#else
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#endif

#include "wire/ovmf-table.h"
#include "wire/secret-table.h"
#include "wire/svkl.h"

#ifndef __KERNEL__
/* As the kernel's scnprintf(): returns what was written, not what would have been written. */
__attribute__((format(printf, 3, 4)))
static int print(char *to, size_t room, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(to, room, format, ap);
	va_end(ap);
	return n < 0 || room == 0 ? 0 : (size_t)n < room ? n : (int)room - 1;
}
#endif

struct text {
	char *p;
	size_t room;
	int len;
};

#define say(t, ...) \
	((t)->len += print((t)->p + (t)->len, (t)->room - (size_t)(t)->len, __VA_ARGS__))

static void secret_table(struct text *t, const uint8_t *data, size_t len)
{
	char guid[GUID_TEXT_LEN + 1];
	struct secret_table table;
	struct secret_entry e;
	int r = secret_table_open(data, len, &table);

	say(t, "open %d\n", r);
	if (r < 0)
		return;
	while ((r = secret_table_next(&table, &e)) > 0) {
		guid_format(&e.guid, guid);
		say(t, "entry %s %lu %lu\n", guid, (unsigned long)e.offset,
		    (unsigned long)e.data.len);
	}
	say(t, "end %d\n", r);
}

static void ovmf_table(struct text *t, const uint8_t *data, size_t len)
{
	struct ovmf_area area = { 0 };
	int r = ovmf_secret_area(data, len, &area);

	say(t, "area %d %u %u\n", r, area.base, area.size);
}

static void svkl(struct text *t, const uint8_t *data, size_t len)
{
	struct svkl table;
	int r = svkl_open(data, len, &table);

	say(t, "open %d\n", r);
	if (r < 0)
		return;
	for (unsigned int i = 0; i < table.n_keys; i++) {
		struct svkl_key key = { 0 };

		r = svkl_key(&table, i, &key);
		say(t, "key %u %d %llu %u\n", i, r, (unsigned long long)key.address, key.len);
	}
}

int verdicts(const char *parser, const uint8_t *data, size_t len, char *ret, size_t room)
{
	struct text t = { .p = ret, .room = room };

	if (strcmp(parser, "secret-table") == 0)
		secret_table(&t, data, len);
	else if (strcmp(parser, "ovmf-table") == 0)
		ovmf_table(&t, data, len);
	else if (strcmp(parser, "svkl") == 0)
		svkl(&t, data, len);
	else
		return -EINVAL;
	return t.len;
}

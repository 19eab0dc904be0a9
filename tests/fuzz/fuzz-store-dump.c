/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "broker/store/store.h"

/*
 * A copy of a store.  If it loads, the store that it makes has the same copy, byte for byte but for
 * blanks; if not, the store is empty.  The store is a list in memory.
 */
#define ENTRIES 256

struct memory {
	struct store store;
	uint64_t revision;
	unsigned n;
	struct {
		char *key;
		struct store_value v;
	} list[ENTRIES];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int find(const struct memory *m, const char *key)
{
	for (unsigned i = 0; i < m->n; i++)
		if (streq(m->list[i].key, key))
			return (int)i;
	return -1;
}

static void take_out(struct memory *m, const char *key)
{
	int i = find(m, key);

	if (i < 0)
		return;
	free(m->list[i].key);
	store_value_done(&m->list[i].v);
	m->list[i] = m->list[--m->n];
}

static void put_in(struct memory *m, const struct store_change *c)
{
	unsigned i;

	take_out(m, c->key);
	if (!c->data)
		return;
	i = m->n++;
	m->list[i].key = strdup(c->key);
	m->list[i].v = (struct store_value){ .data = malloc(c->len + 1), .len = c->len,
					     .revision = m->revision };
	memcpy(m->list[i].v.data, c->data, c->len);
}

static int memory_commit(struct store *s, const struct store_fence *fence,
			 struct store_member *members, unsigned n, struct cause *why)
{
	struct memory *m = (struct memory *)s;

	if (m->n + n > ENTRIES)
		return cause_set(why, -ENOSPC, "full");
	m->revision++;
	for (unsigned i = 0; i < n; i++) {
		const struct store_compare *c = &members[i].compares[0];
		int at = members[i].n_compares ? find(m, c->key) : -1;

		members[i].done = !members[i].n_compares ||
				  c->revision == (at < 0 ? 0 : m->list[at].v.revision);
		if (members[i].done)
			put_in(m, &members[i].changes[0]);
	}
	return 0;
}

static int memory_get(struct store *s, const char *key, struct store_value *ret, struct cause *why)
{
	struct memory *m = (struct memory *)s;
	int i = find(m, key);

	if (i < 0)
		return 0;
	*ret = m->list[i].v;
	ret->data = malloc(ret->len + 1);
	memcpy(ret->data, m->list[i].v.data, ret->len);
	return 0;
}

/* The next one after @after, by its bytes. */
static int next(const struct memory *m, const char *after)
{
	int best = -1;

	for (unsigned i = 0; i < m->n; i++)
		if (strcmp(m->list[i].key, after) > 0 &&
		    (best < 0 || strcmp(m->list[i].key, m->list[best].key) < 0))
			best = (int)i;
	return best;
}

static int memory_walk(struct store *s, const char *prefix, const char *after, unsigned max,
		       store_each_t each, void *userdata, struct cause *why)
{
	struct memory *m = (struct memory *)s;
	unsigned n = 0;
	int r = 0;

	for (int i = next(m, after ? after : ""); i >= 0 && r == 0 && (max == 0 || n < max); n++) {
		r = each(userdata, m->list[i].key, &m->list[i].v);
		i = next(m, m->list[i].key);
	}
	return r;
}

static const struct store_engine memory_engine = {
	.name = "memory", .commit = memory_commit, .get = memory_get, .walk = memory_walk,
};

/* It may name another engine; nothing here opens one. */
static void check_same(struct store *s, struct cause *why)
{
	_cleanup_(closep) int first = memfd_create("first", MFD_CLOEXEC);
	_cleanup_(closep) int second = memfd_create("second", MFD_CLOEXEC);
	_cleanup_(freep) char *one = NULL, *two = NULL;
	struct memory again = { .store.engine = &memory_engine };
	size_t one_len, two_len;

	if (store_dump(s, first, why) < 0 || lseek(first, 0, SEEK_SET) < 0 ||
	    store_load(&again.store, first, why) < 0 ||
	    store_dump(&again.store, second, why) < 0 || lseek(first, 0, SEEK_SET) < 0 ||
	    lseek(second, 0, SEEK_SET) < 0 || read_file_fd(first, 1 << 24, &one, &one_len) < 0 ||
	    read_file_fd(second, 1 << 24, &two, &two_len) < 0 || one_len != two_len ||
	    memcmp(one, two, one_len) != 0)
		abort();
	while (again.n > 0)
		take_out(&again, again.list[0].key);
}

/* Load the bytes, and @end behind them. */
static void load(const uint8_t *data, size_t len, const char *end)
{
	_cleanup_(closep) int fd = memfd_create("copy", MFD_CLOEXEC);
	struct memory m = { .store.engine = &memory_engine };
	struct cause why;

	if (write_full(fd, data, len) < 0 || write_full(fd, end, strlen(end)) < 0 ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return;
	if (store_load(&m.store, fd, &why) == 0)
		check_same(&m.store, &why);
	else if (m.n > 0)
		abort();
	while (m.n > 0)
		take_out(&m, m.list[0].key);
}

/* As it is, and with an end that goes with it, which no fuzzer would find. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char end[160], hex[65];
	uint8_t digest[32];
	unsigned lines = 0;

	for (size_t i = 0; i < len; i++)
		lines += data[i] == '\n';
	if (EVP_Digest(data, len, digest, NULL, EVP_sha256(), NULL) != 1)
		abort();
	format_hex(digest, sizeof(digest), hex);
	snprintf(end, sizeof(end), "{\"entries\":%u,\"sha256\":\"%s\"}\n",
		 lines > 0 ? lines - 1 : 0, hex);
	load(data, len, "");
	load(data, len, end);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_RELEASE_FIXTURE_H
#define COCO_TESTS_UNIT_RELEASE_FIXTURE_H

/*
 * For tests of broker/serve over the double of store and writer, which may fail at any point: a
 * service, guests whose evidence is good, and an administrator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/core/record-mac.h"
#include "broker/core/policy-memo.h"
#include "broker/serve/service.h"
#include "crypto/jwe.h"
#include "crypto/locked-heap.h"
#include "tests/double/memory-store.h"

#include <cmocka.h>

#include "tests/unit/broker-keys.h"

#define HEX_32 "000102030405060708090a0b0c0d0e0f000102030405060708090a0b0c0d0e0f"
#define SNP "[snp]\nmeasurement=" HEX_32 "000102030405060708090a0b0c0d0e0f\n" \
	    "covers=kernel,initrd,cmdline\n"
#define ALWAYS "[Release]\nRelease=always\n" SNP
#define LAUNCH "[Release]\nRelease=once\nPer=launch\n" SNP
#define LIMITED "[Release]\nRelease=once\nPer=launch\nLaunches=3/1h\n" SNP
#define VM "[Release]\nRelease=once\nPer=vm\nVmField=host_data\n" SNP "host_data=" HEX_32 "\n"
#define APPROVE "[Release]\nRelease=approve\n" SNP
#define PATH "a/b/c"

/* An approval has the time of this machine, so that guests have it too. */
static int64_t t0;
#define T0 t0

static struct service service;
static struct store *store;
static struct keys *keys;
static EVP_PKEY *guest_key;		/* of all guests */
static uint8_t pack[64];
static size_t pack_len;

int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict)
{
	*ret = (struct judged){ .result = JUDGED_GOOD, .code = "OK" };
	return policy ? 0 : -EINVAL;
}

/* ---- guests ---- */

struct guest {
	uint8_t launch, boot, rd;	/* 0: it has none of the first two */
	bool has_vtpm;
	uint32_t reset_count;
};

static inline void session_of(const struct guest *g, struct session_record *ret)
{
	uint8_t x[BROKER_COORDINATE_MAX], y[BROKER_COORDINATE_MAX];

	*ret = (struct session_record){
		.expiry = (uint32_t)T0 + 300,
		.tee = BROKER_TEE_SNP,
		.key = { .kind = TEE_KEY_EC_P256, .x_len = 32, .y_len = 32 },
		.launch = { .known = g->launch > 0, .has_vtpm = g->has_vtpm,
			    .reset_count = g->reset_count },
		.coco = { .coco = g->boot > 0, .n_paths = 1 },
		.evidence = pack,
		.evidence_len = pack_len,
	};
	assert_int_equal(jwe_key_point(guest_key, BROKER_P256, x, y), 0);
	memcpy(ret->key.x, x, 32);
	memcpy(ret->key.y, y, 32);
	memset(ret->launch.id, g->launch, sizeof(ret->launch.id));
	memset(ret->coco.boot, g->boot, sizeof(ret->coco.boot));
	memset(ret->rd, g->rd, sizeof(ret->rd));
	strcpy(ret->coco.tee, "snp");
	strcpy(ret->coco.paths[0], PATH);
}

/* The answer's id goes to @ret_id unless it is NULL. */
static inline enum release_result get(const struct guest *g, int64_t now, char *ret_id)
{
	struct session_record s;
	struct release_request q = { .session = &s, .path = PATH, .peer = "192.0.2.1", .now = now };
	struct release_answer a;

	session_of(g, &s);
	if (service_release(&service, &q, &a) != 0)
		return RELEASE_LATER;
	/* A key goes out with RELEASE_GOOD and with nothing else. */
	if ((a.body && a.header) != (a.result == RELEASE_GOOD) || !a.body != !a.header)
		abort();
	if (ret_id)
		memcpy(ret_id, a.id, sizeof(a.id));
	free(a.body);
	free(a.header);
	return a.result;
}

/* ---- an administrator ---- */

/* Returns the version, or an errno. */
static inline int set(const char *value, const char *policy, bool create, bool replace)
{
	_cleanup_(secret_freep) struct secret *plain = NULL;
	struct secret_change c = { .path = PATH, .policy = policy,
				   .policy_len = policy ? strlen(policy) : 0, .create = create,
				   .replace = replace, .who = "uid 0" };
	uint64_t version = 77;
	struct cause why = { "" };
	int r;

	if (value) {
		assert_int_equal(secret_new(strlen(value), &plain), 0);
		memcpy(secret_bytes(plain), value, strlen(value));
	}
	c.value = plain;
	r = service_secret_set(&service, &c, &version, &why);
	if (r < 0) {
		assert_true(why.text[0]);
		print_message("%s\n", why.text);
		assert_int_equal(version, 77);
	}
	return r < 0 ? r : (int)version;
}

static inline int remove_secret(void)
{
	struct cause why = { "" };

	return service_secret_remove(&service, PATH, "uid 0", &why);
}

/* Returns how many claims are gone, or an errno; @launch 0: all. */
static inline int rearm(uint8_t launch)
{
	uint8_t id[32];
	unsigned n = 0;
	struct cause why = { "" };
	int r;

	memset(id, launch, sizeof(id));
	r = service_secret_rearm(&service, PATH, launch ? id : NULL, "uid 0", &n, &why);
	return r < 0 ? r : (int)n;
}

/* ---- around each test ---- */

static inline int open_service(void **state)
{
	_cleanup_(closep) int fd = memfd_create("pack", MFD_CLOEXEC);
	struct bundle b = { .n_items = 0 };

	if (fd < 0 || bundle_add_text(&b, BUNDLE_TYPE, "snp") < 0 ||
	    bundle_write_pack(&b, fd) < 0 || jwe_key_new(BROKER_P256, &guest_key) < 0 ||
	    denials_new(&service.denials) < 0 || policy_memo_new(&service.policies) < 0)
		return -1;
	pack_len = (size_t)pread(fd, pack, sizeof(pack), 0);
	bundle_done(&b);
	keys = broker_keys(7);
	store = memory_store_new();
	service.keys = keys;
	service.store = store;
	service.writer = memory_store_writer(store);
	service.restored = false;
	t0 = time(NULL);
	return 0;
}

static inline int close_service(void **state)
{
	EVP_PKEY_free(guest_key);
	guest_key = NULL;
	service.denials = denials_free(service.denials);
	service.policies = policy_memo_free(service.policies);
	keys = keys_free(keys);
	store = store_close(store);
	return 0;
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A journal of any bytes gives records that are safe to use, and only one about each thing.  A
 * good record behind any bytes is found.
 */
#include <assert.h>
#include <stdlib.h>

#include "secrets/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct journal *j)
{
	for (size_t i = 0; i < j->n; i++) {
		const struct journal_record *r = &j->records[i];
		bool known = false;

		assert(r->kind < _JOURNAL_KIND_MAX);
		assert(strlen(r->source) < sizeof(r->source));
		assert(strlen(r->consumer) < sizeof(r->consumer));
		assert(r->state < (r->kind == JOURNAL_DELIVERY ? (int)_DELIVERY_OUTCOME_MAX :
				   r->kind == JOURNAL_SECRET   ? (int)_SECRET_STATE_MAX :
								 256));
		for (size_t k = 0; k < j->n; k++) {
			const struct journal_record *o = &j->records[k];
			bool same = guid_equal(&o->guid, &r->guid);

			assert(i == k || !same || o->kind != r->kind ||
			       (r->kind == JOURNAL_DELIVERY &&
				strcmp(o->consumer, r->consumer) != 0));
			if (r->kind == JOURNAL_DELIVERY && o->kind == JOURNAL_SECRET && same)
				known = true;
		}
		assert(r->kind != JOURNAL_DELIVERY || known || j->n == JOURNAL_MAX_RECORDS);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct journal_record_1 last = { .magic = JOURNAL_MAGIC_1,
					 .state = SECRET_WIPED,
					 .guid = { { 0xee, 0xee } } };
	struct journal j;
	uint8_t *with;
	bool found = false;

	if (len > 65536 || journal_parse(data, len, &j) == -ENOMEM)
		return 0;
	check(&j);
	journal_done(&j);

	with = malloc(len + sizeof(last));
	assert(with);
	memcpy(with, data, len);
	memcpy(with + len, &last, sizeof(last));
	if (journal_parse(with, len + sizeof(last), &j) == 0) {
		check(&j);
		for (size_t i = 0; i < j.n; i++)
			found = found || (j.records[i].kind == JOURNAL_SECRET &&
					  guid_equal(&j.records[i].guid, &last.guid) &&
					  j.records[i].state == SECRET_WIPED);
		assert(found || j.n == JOURNAL_MAX_RECORDS);
		journal_done(&j);
	}
	free(with);
	return 0;
}

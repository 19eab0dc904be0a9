/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/expected.h"

#include "agent/keeper/delivery.h"

/* ---- at the start ---- */

static bool may_ask(void *userdata, const char *volume)
{
	struct keeper *k = userdata;
	const struct store_entry *e;

	if (keeper_volume_is_open(k, volume) > 0)
		return false;
	/* The secret may not have been found yet. */
	e = store_for_volume(k->store, volume);
	return (!e || e->state != SECRET_WIPED) && keeper_wants_good_header(k, e);
}

static unsigned count_at_start(struct keeper *k)
{
	if (!k->gate.open && !k->attestation && !k->broker)
		return 0;
	return spare_count_volumes(k->first_passed, k->n_passed, may_ask, k);
}

/* ---- later ---- */

/* True if a volume may get @e, and somebody looks at its header first. */
static bool is_to_be_had(const struct keeper *k, const struct store_entry *e)
{
	enum secret_origin o;

	if (e->wipe_due || !keeper_wants_good_header(k, e))
		return false;
	for (unsigned n = 0; store_origin(k->store, e, n, &o); n++)
		if (o == ORIGIN_LAUNCH ? k->gate.open : k->broker_gate.open)
			return true;
	return false;
}

static unsigned count_closed(struct keeper *k, const struct store_entry *e, bool *ret_any)
{
	char volume[MSG_NAME_LEN + 1];
	unsigned n = 0;

	for (unsigned i = 0; secret_policy_volume(&e->policy, i, volume); i++) {
		*ret_any = true;
		n += keeper_volume_is_open(k, volume) <= 0;
	}
	*ret_any |= secret_policy_allows(&e->policy, CONSUMER_CRYPTSETUP) == 2;
	return n;
}

/*
 * Whoever judges a header, waits for a key or opens a volume with it has no use for others that
 * start beside it; its end begins another pause.  But a person may be asked for hours.
 */
static bool is_at_work(const struct keeper *k)
{
	for (const struct delivery *d = k->deliveries; d; d = d->next)
		if (d->call || (d->header != HEADER_UNKNOWN && !d->late_error))
			return true;
	return false;
}

static unsigned count_later(struct keeper *k)
{
	const struct store_entry *e;
	unsigned n = 0;
	bool any = false;

	if (is_at_work(k))
		return 0;
	for (size_t i = 0; n < SPARE_MAX && (e = store_get(k->store, i)); i++)
		if (is_to_be_had(k, e))
			n += count_closed(k, e, &any);
	return n > 0 ? n : any;
}

/* ---- both ---- */

static unsigned wanted(void *userdata)
{
	struct keeper *k = userdata;

	return k->spare ? count_later(k) : count_at_start(k);
}

int expected_open(struct keeper *k, const char *path, int first, unsigned n)
{
	const struct spare_setup setup = {
		.loop = k->loop,
		.path = path,
		.wanted = wanted,
		.userdata = k,
	};

	k->first_passed = first;
	k->n_passed = n;
	return spare_new(&setup, &k->spare);
}

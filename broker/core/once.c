/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "broker/core/once.h"

static bool same_launch(const struct claim *c, const struct once_request *q)
{
	return c->has_launch && q->has_launch && memcmp(c->launch, q->launch, 32) == 0;
}

static bool same_boot(const struct claim *c, const struct once_request *q)
{
	return c->has_boot && q->has_boot && memcmp(c->boot, q->boot, 32) == 0;
}

static void new_claim(const struct once_request *q, struct claim *ret)
{
	*ret = (struct claim){ .has_launch = q->has_launch,
			       .has_boot = q->has_boot,
			       .at = q->now,
			       .n = 1 };
	if (q->has_launch)
		memcpy(ret->launch, q->launch, sizeof(ret->launch));
	if (q->has_boot)
		memcpy(ret->boot, q->boot, sizeof(ret->boot));
	memcpy(ret->rd, q->rd, sizeof(ret->rd));
}

/* Why @old stands in the way; or ONCE_AGAIN, and then @ret_n is how often that makes. */
static enum once_answer judge_old(const struct claim *old, const struct once_request *q,
				  unsigned *ret_n, const char **ret_why)
{
	bool same_rd = memcmp(old->rd, q->rd, sizeof(old->rd)) == 0;

	if (same_launch(old, q) && old->has_boot && q->has_boot && !same_boot(old, q)) {
		*ret_why = "another kernel of this launch has it: kexec, kdump, or a reset that "
			   "kept the launch";
		return ONCE_REBOOTED;
	}
	if (old->confirmed) {
		*ret_why = "it was released, and the guest has confirmed that it has it";
		return ONCE_RELEASED;
	}
	if (q->now >= old->at + CLAIM_WINDOW_SEC) {
		*ret_why = "it was released before, and the time for another try is over";
		return ONCE_RELEASED;
	}
	*ret_n = old->n + !same_rd;
	/* One key cannot be in two launches, whoever says so. */
	if (same_rd && (same_launch(old, q) || !old->has_launch || !q->has_launch))
		return ONCE_AGAIN;
	if (!same_launch(old, q)) {
		*ret_why = "it was released to another launch";
		return ONCE_RELEASED;
	}
	if (!same_boot(old, q)) {
		*ret_why = "it was released before, and the guest does not say in which boot it is";
		return ONCE_RELEASED;
	}
	if (old->n < CLAIM_TIMES_MAX)
		return ONCE_AGAIN;
	*ret_why = "it was released too often in this launch without being confirmed";
	return ONCE_RELEASED;
}

enum once_answer once_decide(enum release_per per, const struct claim *old,
			     const struct once_request *q, struct claim *ret,
			     const char **ret_why)
{
	enum once_answer answer;
	unsigned n = 0;

	*ret_why = "";
	if (per == PER_LAUNCH && !q->has_launch) {
		*ret_why = "the evidence does not tell this launch from another";
		return ONCE_NO_LAUNCH;
	}
	if (old && q->now < old->at - CLAIM_CLOCK_SEC) {
		*ret_why = "this machine's clock is behind the time of the last release";
		return ONCE_CLOCK;
	}
	if (!old) {
		new_claim(q, ret);
		return ONCE_CLAIM;
	}
	answer = judge_old(old, q, &n, ret_why);
	if (answer == ONCE_AGAIN) {
		*ret = *old;
		memcpy(ret->rd, q->rd, sizeof(ret->rd));
		ret->n = n;
	} else if (q->approved) {
		*ret_why = "";
		new_claim(q, ret);
		answer = ONCE_CLAIM;
	}
	return answer;
}

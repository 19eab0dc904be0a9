/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "attest/gather/provider.h"

static void cause_append(struct cause *c, const char *name, const char *text)
{
	size_t n = strlen(c->text);

	(void) snprintf(c->text + n, sizeof(c->text) - n, "%s%s: %s", n ? "; " : "", name, text);
}

int attest_gather(const struct attest_provider *const *providers, const struct attest_request *q,
		  struct bundle *ret, struct cause *why)
{
	*why = (struct cause){ "" };
	for (size_t i = 0; providers[i]; i++) {
		struct cause one = { "" };
		int r = providers[i]->probe(q, &one);

		if (r > 0)
			r = providers[i]->report(q, ret, &one);
		else if (r == 0) {
			cause_append(why, providers[i]->name, one.text);
			continue;
		}
		if (r < 0)
			return cause_set(why, r, "%s: %.200s", providers[i]->name, one.text);
		r = bundle_add(ret, BUNDLE_NONCE, q->nonce, q->nonce_len);
		if (r >= 0)
			r = surroundings_add(q->root, ret);
		return r < 0 ? cause_set(why, r, "out of memory, or too much evidence") : 0;
	}
	return -ENODEV;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever Intel's document says: levels are sorted, and borrowed bytes lie inside. */
#include <assert.h>
#include <string.h>

#include "attest/tdx/tdx-collateral.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void inside(struct bytes b, const uint8_t *data, size_t len)
{
	assert(b.len == 0 || (b.p >= data && b.len <= len && (size_t)(b.p - data) <= len - b.len));
}

static void check_levels(const struct svn_levels *l, const uint8_t *data, size_t len)
{
	assert(l->n <= TCB_SVN_LEVELS_MAX);
	for (unsigned i = 0; i < l->n; i++) {
		assert(i == 0 || l->level[i].isvsvn <= l->level[i - 1].isvsvn);
		assert(l->level[i].state.status > TCB_STATUS_NONE &&
		       l->level[i].state.status < _TCB_STATUS_MAX);
		inside(l->level[i].state.advisories, data, len);
	}
}

static void check_tcb_info(const struct tdx_tcb_info *t, const uint8_t *data, size_t len)
{
	inside(t->signed_part, data, len);
	assert(t->signed_part.p[0] == '{' && t->signed_part.p[t->signed_part.len - 1] == '}');
	assert(t->n_levels <= TCB_LEVELS_MAX && t->n_modules <= TCB_MODULES_MAX);
	for (unsigned i = 1; i < t->n_levels; i++)
		assert(memcmp(t->levels[i].sgx, t->levels[i - 1].sgx, TCB_COMPONENTS) <= 0);
	for (unsigned i = 0; i < t->n_modules; i++) {
		inside(t->modules[i].id, data, len);
		check_levels(&t->modules[i].levels, data, len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct tdx_qe_identity qe;
	static struct tdx_tcb_info info;
	const char *problem = NULL;

	if (tdx_tcb_info_read((struct bytes){ data, len }, &info, &problem) == 0)
		check_tcb_info(&info, data, len);
	else
		assert(problem);
	problem = NULL;
	if (tdx_qe_identity_read((struct bytes){ data, len }, &qe, &problem) == 0)
		check_levels(&qe.levels, data, len);
	else
		assert(problem);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/needs.h"

#include <stdio.h>

#include "attest/need-vendor.h"
#include "attest/verify.h"
#include "attest/x509/x509.h"
#include "base/hex.h"
#include "base/parse.h"

static bool has_form(const char *name, const char *prefix, const char *suffix)
{
	size_t len = strlen(name), n = strlen(suffix);

	return startswith(name, prefix) && len >= strlen(prefix) + n &&
	       streq(name + len - n, suffix);
}

bool need_is_name(const char *name)
{
	for (size_t i = 0; need_vendors[i]; i++)
		for (size_t j = 0; need_vendors[i]->kinds[j]; j++) {
			const struct need_kind *kind = need_vendors[i]->kinds[j];

			if (has_form(name, kind->prefix, kind->suffix))
				return true;
			if (kind->header && has_form(name, kind->chain_prefix, kind->chain_suffix))
				return true;
		}
	return false;
}

bool need_is_device_name(const char *name)
{
	for (size_t i = 0; need_vendors[i]; i++)
		for (size_t j = 0; need_vendors[i]->kinds[j]; j++) {
			const struct need_kind *kind = need_vendors[i]->kinds[j];

			if (kind->is_device && has_form(name, kind->prefix, kind->suffix))
				return true;
		}
	return false;
}

const char *need_what(const struct need *need)
{
	return need->kind->what;
}

bool need_is_device(const struct need *need)
{
	return need->kind->is_device;
}

bool need_is_evaluated(const struct need *need)
{
	return need->kind->is_evaluated;
}

enum need_server need_server(const struct need *need)
{
	return need->kind->server;
}

const char *need_header(const struct need *need)
{
	return need->kind->header;
}

enum bundle_kind need_bundle_kind(const struct need *need)
{
	return need->kind->kind;
}

enum bundle_kind need_chain_kind(const struct need *need)
{
	return need->kind->chain;
}

size_t need_max(const struct need *need)
{
	return need->kind->max;
}

int need_check(const struct needs *n, const struct need *need, struct bytes data, int64_t now,
	       struct need_finding *f)
{
	*f = (struct need_finding){ "", INT64_MAX };
	return need->kind->check(n, data, now, f);
}

int need_check_chain(const struct needs *n, struct bytes pem, int64_t now, struct need_finding *f)
{
	*f = (struct need_finding){ "", INT64_MAX };
	return n->vendor->check_chain(pem, now, f);
}

/* ---- what evidence needs ---- */

/* Evidence of two kinds is refused: whose files are wanted is nothing to guess. */
int needs_find_with(struct verifier *ctx, const struct evidence *e, const char *product,
		    struct needs *ret, char problem[static NEEDS_PROBLEM_LEN])
{
	const struct attest_verifier *found = NULL;
	struct needs n;
	int result = 0;

	for (size_t i = 0; attest_verifiers[i]; i++) {
		const struct attest_verifier *type = attest_verifiers[i];
		struct needs its = { .n = 0 };
		int r = type->find_needs ? type->find_needs(ctx, e, product, &its, problem) :
					   -ENOMSG;

		if (r == -ENOMSG)
			continue;
		if (found)
			return needs_problem(problem, -EINVAL,
					     "it is evidence of two kinds, '%s' and '%s': give one",
					     found->name, type->name);
		found = type;
		result = r;
		n = its;
	}
	if (!found)
		return needs_problem(problem, -ENODATA,
				     "there is no report of SEV-SNP and no quote of TDX");
	if (result == 0)
		*ret = n;
	return result;
}

int needs_find(const struct evidence *e, const char *product, struct needs *ret,
	       char problem[static NEEDS_PROBLEM_LEN])
{
	return needs_find_with(/* ctx= */ NULL, e, product, ret, problem);
}

void needs_machine(const struct needs *n, char ret[static NEEDS_MACHINE_LEN])
{
	ret[0] = '\0';
	if (n->vendor->machine)
		n->vendor->machine(n, ret);
}

int needs_of_machine(const char *machine, struct needs *ret)
{
	char again[NEEDS_MACHINE_LEN];

	for (size_t i = 0; need_vendors[i]; i++) {
		struct needs n = { .n = 0 };

		if (!need_vendors[i]->find || need_vendors[i]->find(machine, &n) < 0)
			continue;
		/* One sort has one name. */
		needs_machine(&n, again);
		if (!streq(again, machine))
			return -EINVAL;
		*ret = n;
		return 0;
	}
	return -EINVAL;
}

const struct need *needs_ca(const struct needs *n, const char **ret_header)
{
	return n->vendor->find_ca ? n->vendor->find_ca(n, ret_header) : NULL;
}

void needs_ask_evaluation(struct needs *n, const char *update, uint32_t evaluation)
{
	n->evaluation = update ? 0 : evaluation;
	for (unsigned i = 0; i < n->n; i++) {
		struct need *need = &n->list[i];
		size_t len = strlen(need->path);
		char sign = strchr(need->path, '?') ? '&' : '?';

		if (!need_is_evaluated(need))
			continue;
		if (update)
			(void) snprintf(need->path + len, sizeof(need->path) - len, "%cupdate=%s",
				       sign, update);
		else
			(void) snprintf(need->path + len, sizeof(need->path) - len,
					"%ctcbEvaluationDataNumber=%u", sign, evaluation);
	}
}

/* ---- forms of the network ---- */

int need_decode_chain(const char *header, char *ret)
{
	char *to = ret;

	for (const char *p = header; *p; p++) {
		char c = *p;

		if (c == '%') {
			uint8_t byte;

			/* The NUL at the end is not a digit. */
			if (hex_value(p[1]) < 0 || hex_decode(p + 1, 1, &byte) < 0)
				return -EBADMSG;
			c = (char)byte;
			p += 2;
		}
		if (c != '\n' && c != '\r' && (c < ' ' || c > '~'))
			return -EBADMSG;
		*to++ = c;
	}
	*to = '\0';
	return pem_is((struct bytes){ (const uint8_t *)ret, (size_t)(to - ret) }) ? 0 : -EBADMSG;
}

void need_unhex(uint8_t *data, size_t *len)
{
	size_t n = *len;

	while (n > 0 && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	if (n == 0 || n % 2)
		return;
	if (hex_decode(data, n / 2, data) == 0)
		*len = n / 2;
}

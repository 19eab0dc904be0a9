/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_UNIT_PLATFORM_H
#define COCO_TESTS_UNIT_PLATFORM_H

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/evidence.h"
#include "attest/policy.h"
#include "attest/trust.h"
#include "base/io.h"

/*
 * Evidence of the generated platforms, tests/platform/{snp,tdx} in the build tree, which
 * tests/double/{snp,tdx}-platform make.  Include this after <cmocka.h>.
 */
/* 2026-01-10: when collateral and revocation lists were issued */
#define PLATFORM_ISSUED 1768003200
#define PLATFORM_NOW (PLATFORM_ISSUED + 10 * 86400)
#define PLATFORM_NEXT (PLATFORM_ISSUED + 30 * 86400)

static inline char *platform_read(const char *table, const char *name, size_t *ret_len)
{
	const char *builddir = getenv("top_builddir");
	char path[PATH_MAX], *text = NULL;

	snprintf(path, sizeof(path), "%s/tests/platform/%s/%s", builddir ? builddir : ".", table,
		 name);
	assert_int_equal(read_file_at(AT_FDCWD, path, 1 << 20, &text, ret_len), 0);
	return text;
}

/* The platform's own root keys, in place of the built-in ones. */
static inline void platform_trust(const char *table, struct trust *ret)
{
	char *pins = platform_read(table, "pins.tsv", NULL), *save = NULL, text[1024] = "";

	for (char *line = strtok_r(pins, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (startswith(line, "syn\t"))
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\n",
				 strrchr(line, '\t') + 1);
	assert_int_equal(trust_parse(text, strlen(text), "pins", ret, NULL), 0);
	free(pins);
}

static inline struct bytes *platform_place(struct evidence *e, const char *name)
{
	static const struct {
		const char *name;
		enum evidence_piece piece;
	} others[] = {
		{ "table", EVIDENCE_CERT_TABLE },  { "tcbinfo", EVIDENCE_TCB_INFO },
		{ "qeid", EVIDENCE_QE_IDENTITY },  { "tcb_chain", EVIDENCE_TCB_CHAIN },
		{ "qe_chain", EVIDENCE_QE_CHAIN }, { "root_crl", EVIDENCE_ROOT_CRL },
		{ "pck_crl", EVIDENCE_PCK_CRL },   { "td_quote", EVIDENCE_TD_QUOTE },
		{ "log", EVIDENCE_EVENT_LOG },	   { "runtime_log", EVIDENCE_RUNTIME_LOG },
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(name, others[i].name))
			return &e->piece[others[i].piece];
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		if (streq(name, evidence_piece_name(i)))
			return &e->piece[i];
	return streq(name, "crl") ? &e->crl[e->n_crls++] : &e->cert[e->n_certs++];
}

/*
 * Load the evidence of the case @id.  @settings, if not NULL, becomes the settings of its policy.
 */
static inline void platform_load(const char *table, const char *id, struct evidence *ret,
				 struct policies *settings)
{
	char *cases = platform_read(table, "cases.tsv", NULL), *line, *save = NULL,
	     *column[9] = { NULL };
	char error[POLICY_ERROR_LEN];

	*ret = (struct evidence){ .n_certs = 0 };
	for (line = strtok_r(cases, "\n", &save); line && !column[0];
	     line = strtok_r(NULL, "\n", &save))
		if (startswith(line, id) && line[strlen(id)] == '\t')
			for (size_t i = 0; i < ARRAY_SIZE(column); i++)
				assert_non_null(column[i] = strsep(&line, "\t"));
	assert_non_null(column[0]);
	if (settings)
		policies_init(settings);
	for (char *s = strtok_r(column[7], " ", &save); settings && s;
	     s = strtok_r(NULL, " ", &save))
		if (!streq(s, "-"))
			assert_int_equal(policies_set(settings, s, error), 0);
	for (char *file = strtok_r(column[8], ";", &save); file;
	     file = strtok_r(NULL, ";", &save)) {
		char *path = strchr(file, '=');
		struct bytes *b;

		*path++ = '\0';
		b = platform_place(ret, file);
		b->p = (const uint8_t *)platform_read(table, path, &b->len);
	}
	free(cases);
}

static inline void platform_unload(struct evidence *e)
{
	for (unsigned i = 0; i < _EVIDENCE_MAX; i++)
		free((void *)e->piece[i].p);
	for (unsigned i = 0; i < e->n_certs; i++)
		free((void *)e->cert[i].p);
	for (unsigned i = 0; i < e->n_crls; i++)
		free((void *)e->crl[i].p);
}

#endif

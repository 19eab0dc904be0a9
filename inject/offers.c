/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What completion offers for values that are more than one of some words. */
#include <stdio.h>

#include "inject/args.h"
#include "inject/input.h"
#include "inject/launch/launch.h"
#include "inject/launch/vmsa.h"

const char *const args_policies[] = {
	"nodbg", "nodbg,noks", "nodbg,noks,nosend", "nodbg,noks,es,nosend", NULL,
};

const char *const args_snp_policies[] = {
	"smt", "none", "smt,single-socket", "smt,abi=1.51", NULL,
};

const char *const args_vcpu_types[] = {
	"EPYC", "EPYC-Rome", "EPYC-Milan", "EPYC-Genoa", "EPYC-Turin", NULL,
};

void args_offer_variants(const struct offers *o)
{
	size_t n;
	const struct vmsa_variant *variants = vmsa_variants(&n);

	for (size_t i = 0; i < n; i++)
		offer_word(o, variants[i].name, variants[i].when);
	for (unsigned i = 0; launch_order_name(i); i++)
		offer_word(o, launch_order_name(i), "tdx");
}

/* "luks:FILE": a name, then a file. */
void args_offer_secret(const struct offers *o)
{
	const char *colon = strchr(o->text, ':'), *name;
	struct offers file = *o;
	char word[64];

	if (colon) {
		file.before_len += (size_t)(colon + 1 - o->text);
		file.text = colon + 1;
		offer_files(&file);
		return;
	}
	for (unsigned i = 0; (name = input_well_known(i)); i++) {
		snprintf(word, sizeof(word), "%s:", name);
		offer_word(o, word, NULL);
	}
}

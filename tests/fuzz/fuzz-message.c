/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever a client sends: what we take has the form that the rest of the broker relies on.  The
 * first byte chooses the reader.
 */
#include <assert.h>

#include "base/base64.h"
#include "broker/core/message.h"
#include "wire/kbs-uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_coco(const struct net_auth *a)
{
	assert(a->n_paths <= BROKER_PATHS_MAX && a->coco <= 1 && (a->coco || a->n_paths == 0));
	for (uint32_t i = 0; i < a->n_paths; i++) {
		assert(memchr(a->paths[i], 0, sizeof(a->paths[i])));
		assert(kbs_path_is_valid(a->paths[i]));
		for (uint32_t k = 0; k < i; k++)
			assert(!streq(a->paths[i], a->paths[k]));
	}
}

static void fuzz_request(struct bytes body)
{
	struct net_auth a;
	struct cause why = { "" };
	int r = message_read_request(body, &a, &why);

	if (r < 0) {
		assert(r == -ENOMEM || why.text[0]);
		return;
	}
	assert(broker_tee_parse(a.tee) != BROKER_TEE_NONE);
	check_coco(&a);
}

static void fuzz_attestation(struct bytes body)
{
	struct attestation a;
	struct cause why = { "" };
	struct json_object *key;
	char *text;
	uint8_t nonce[32];
	EVP_PKEY *public;
	int r = message_read_attestation(body, &a, &why);

	if (r < 0) {
		assert(r == -ENOMEM || why.text[0]);
		return;
	}
	assert(strlen(a.nonce) == BROKER_NONCE_TEXT_LEN && base64_decode(a.nonce, nonce, 32) == 32);
	assert(json_object_is_type(a.evidence, json_type_object));
	assert(!a.init_data || strlen(a.init_data) == a.init_data_len);
	check_coco(&a.coco);
	assert(tee_key_public(&a.key, &public) == 0);
	assert(tee_key_text(&a.key, &text) == 0);
	key = json_tokener_parse(text);
	assert(key);
	EVP_PKEY_free(public);
	json_object_put(key);
	free(text);
	attestation_done(&a);
}

static void fuzz_confirm(struct bytes body)
{
	char path[BROKER_PATH_LEN];

	if (message_read_confirm(body, path) == 0)
		assert(memchr(path, 0, sizeof(path)) && kbs_path_is_valid(path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct bytes body = { data + 1, len - 1 };

	if (len == 0)
		return 0;
	switch (data[0] % 3) {
	case 0:
		fuzz_request(body);
		break;
	case 1:
		fuzz_attestation(body);
		break;
	default:
		fuzz_confirm(body);
		break;
	}
	return 0;
}

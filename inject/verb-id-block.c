/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ID block, for QEMU's id-block= and id-auth=.  With it, an SEV-SNP guest only starts with the
 * measurement and the policy that its owner has signed.
 */
#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/parse.h"
#include "inject/launch/id-block.h"
#include "inject/input.h"
#include "inject/launch/launch.h"
#include "inject/output.h"
#include "inject/sev/snp-policy.h"

#define PEM_MAX 16384
#define SECURE_HEAP_LEN 65536	/* for OpenSSL's own copy of the keys */
#define SECURE_HEAP_MIN 64

struct id {
	struct id_block block;
	EVP_PKEY *id_key, *author_key;
	/* As the guest's report shows them. */
	uint8_t id_digest[SHA384_LEN], author_digest[SHA384_LEN];
	uint8_t bytes[ID_BLOCK_LEN], auth[ID_AUTH_LEN];
};

static void id_done(struct id *id)
{
	EVP_PKEY_free(id->id_key);
	EVP_PKEY_free(id->author_key);
}

/* QEMU needs the same policy; with another one the firmware refuses the launch. */
static enum status read_policy(const struct args *a, uint64_t *ret)
{
	const char *text = a->snp_policy;
	char words[SNP_POLICY_TEXT_MAX];
	uint64_t policy = SNP_POLICY_DEFAULT;
	int r = text ? snp_policy_parse(text, &policy) : 0;

	if (r == -ERANGE)
		return give_up(STATUS_USAGE,
			       "--snp-policy '%s' is too large: 64 bits, and each number of "
			       "abi=MAJOR.MINOR to 255",
			       text);
	if (r == -EOPNOTSUPP)
		return give_up(STATUS_USAGE,
			       "--snp-policy '%s' starts no guest: bit 17 must be one, and bits 26 "
			       "to 63 must be zero",
			       text);
	if (r < 0)
		return give_up(STATUS_USAGE,
			       "--snp-policy '%s' is not a number, nor of the names smt, "
			       "migrate-ma, debug, single-socket, cxl-allow, mem-aes-256-xts, "
			       "rapl-dis, ciphertext-hiding, page-swap-disable, abi=MAJOR.MINOR, "
			       "with commas between",
			       text);
	log_info("Policy 0x%llx: %s", (unsigned long long)policy, snp_policy_print(policy, words));
	if (policy & SNP_POLICY_DEBUG && !a->allow_debug)
		return give_up(STATUS_CHECK, "The policy lets the host read and write the guest's "
					     "memory in the clear: take debug (0x80000) away, or "
					     "add --allow-debug if that is what you want");
	if (policy & SNP_POLICY_DEBUG)
		log_warning("The policy has debug: the host can read everything in the guest "
			    "(--allow-debug)");
	if (policy & SNP_POLICY_MIGRATE_MA)
		log_warning("The policy has migrate-ma: Linux' KVM starts no such guest");
	*ret = policy;
	return STATUS_GOOD;
}

static enum status read_block(const struct args *a, struct id_block *b)
{
	if (parse_hex(a->launch_digest, b->launch_digest, sizeof(b->launch_digest)) < 0)
		return give_up(STATUS_USAGE, "--launch-digest is not %zu bytes in hexadecimal",
			       sizeof(b->launch_digest));
	_Static_assert(sizeof(a->family_id.bytes) == sizeof(b->family_id), "an ID is an ID");
	memcpy(b->family_id, a->family_id.bytes, sizeof(b->family_id));
	memcpy(b->image_id, a->image_id.bytes, sizeof(b->image_id));
	b->guest_svn = (uint32_t)a->guest_svn.value;
	return read_policy(a, &b->policy);
}

static enum status read_key(const char *path, EVP_PKEY **ret)
{
	_cleanup_(secret_freep) struct secret *pem = NULL;
	int r;

	r = input_read_secret(path, PEM_MAX, &pem);
	if (r < 0 && r != -EMSGSIZE) {
		log_error_errno(r, "Failed to read the key '%s': %m", path);
		return STATUS_IO;
	}
	if (r == 0)
		r = id_key_read(secret_data(pem), secret_len(pem), ret);
	if (r == -EOPNOTSUPP)
		return give_up(STATUS_MALFORMED,
			       "The key '%s' is not one of P-384; 'openssl ecparam -name secp384r1 "
			       "-genkey -noout' makes one",
			       path);
	if (r < 0)
		return give_up(STATUS_MALFORMED,
			       "'%s' is not a private key in PEM without a passphrase", path);
	return STATUS_GOOD;
}

static int digest_key(struct sha *sha, EVP_PKEY *key, uint8_t *ret)
{
	uint8_t public[ID_KEY_LEN];
	int r;

	r = id_key_public(key, public);
	return r < 0 ? r : sha_of(sha, public, sizeof(public), ret);
}

static enum status make(struct id *id)
{
	_cleanup_(sha_done) struct sha sha = { NULL };
	int r;

	id_block_make(&id->block, id->bytes);
	r = id_auth_make(id->bytes, id->id_key, id->author_key, id->auth);
	if (r == 0)
		r = sha_init(&sha, "SHA384");
	if (r == 0)
		r = digest_key(&sha, id->id_key, id->id_digest);
	if (r == 0 && id->author_key)
		r = digest_key(&sha, id->author_key, id->author_digest);
	return r < 0 ? give_up(STATUS_IO, "OpenSSL has failed to sign") : STATUS_GOOD;
}

/* Write both files or none. */
static enum status write_files(const struct args *a, const struct id *id)
{
	_cleanup_(freep) char *block = NULL, *auth = NULL;
	struct cause why;

	if (streq(a->id_block, a->id_auth))
		return give_up(STATUS_USAGE, "--id-block and --id-auth are the same file");
	if (base64_encode(id->bytes, sizeof(id->bytes), &block) < 0 ||
	    base64_encode(id->auth, sizeof(id->auth), &auth) < 0) {
		log_oom();
		return STATUS_IO;
	}
	const struct output files[] = {
		{ a->id_block, block, strlen(block), 0600 },
		{ a->id_auth, auth, strlen(auth), 0600 },
	};

	return give_up_if(output_files(a, files, ARRAY_SIZE(files), &why), &why);
}

static enum status print_result(const struct args *a, const struct id *id)
{
	_cleanup_(json_putp) struct json_object *o = NULL;
	char words[SNP_POLICY_TEXT_MAX];

	log_info("Wrote the ID block to '%s' and its signatures to '%s'", a->id_block,
		 a->id_auth);
	log_info("QEMU's sev-snp-guest has to have policy=0x%llx%s too, or the guest does not "
		 "start",
		 (unsigned long long)id->block.policy,
		 id->author_key ? " and author-key-enabled=on" : "");
	if (!a->json)
		return STATUS_GOOD;
	o = json_document("id-block");
	if (!o || output_add_hex(o, "launch_digest", id->block.launch_digest, SHA384_LEN) < 0 ||
	    output_add_hex(o, "id_key_digest", id->id_digest, SHA384_LEN) < 0 ||
	    (id->author_key &&
	     output_add_hex(o, "author_key_digest", id->author_digest, SHA384_LEN) < 0) ||
	    json_add_bool(o, "author_key_enabled", id->author_key != NULL) < 0 ||
	    json_add_unsigned(o, "policy", id->block.policy) < 0 ||
	    json_add_text(o, "policy_words", snp_policy_print(id->block.policy, words)) < 0)
		return output_json(NULL);
	return output_json(o);
}

static int run(struct args *a)
{
	_cleanup_(id_done) struct id id = { .id_key = NULL };
	enum status status;

	/*
	 * OpenSSL keeps the private keys in this heap, which is locked.  If that fails they are
	 * still wiped.
	 */
	(void) CRYPTO_secure_malloc_init(SECURE_HEAP_LEN, SECURE_HEAP_MIN);
	status = read_block(a, &id.block);
	if (status == STATUS_GOOD)
		status = read_key(a->id_key, &id.id_key);
	if (status == STATUS_GOOD && a->author_key)
		status = read_key(a->author_key, &id.author_key);
	if (status == STATUS_GOOD)
		status = make(&id);
	if (status == STATUS_GOOD)
		status = write_files(a, &id);
	if (status == STATUS_GOOD)
		status = print_result(a, &id);
	return status;
}

#define ID_WRONG "is not 16 bytes in hexadecimal"

static const struct option_row options[] = {
	ROW_LAUNCH_DIGEST(.required = true),
	{ "id-key", "PEM", "the private key, of P-384, that signs the ID block",
	  OPTION_PATH(id_key), .required = true },
	{ "author-key", "PEM", "the private key that signs the ID key", OPTION_PATH(author_key) },
	{ "id-block", "FILE", "where the ID block goes, in base64", OPTION_PATH(id_block),
	  .required = true },
	{ "id-auth", "FILE", "where its signatures and keys go, in base64", OPTION_PATH(id_auth),
	  .required = true },
	{ "family-id", "HEX", "16 bytes of the owner's choice",
	  OPTION_PARSED(family_id, args_parse_id, ID_WRONG) },
	{ "image-id", "HEX", "16 bytes of the owner's choice",
	  OPTION_PARSED(image_id, args_parse_id, ID_WRONG) },
	{ "guest-svn", "N", "the guest's security version",
	  OPTION_NUMBER(guest_svn, 0, UINT32_MAX) },
	{ "snp-policy", "POLICY",
	  "the guest's policy: a number, or names such as smt,abi=1.51; smt if not given",
	  OPTION_STRING(snp_policy), .words = args_snp_policies },
	ROW_ALLOW_DEBUG,
	ROW_FORCE,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_id_block = {
	.name = "id-block",
	.help = "Sign an SNP guest's launch digest and policy",
	.example = "--launch-digest=$DIGEST --id-key=id.pem --id-block=vm.block --id-auth=vm.auth",
	.options = options,
	.run = run,
};

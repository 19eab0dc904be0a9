/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/chain-input.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/parse.h"
#include "inject/sev/kds.h"

#define TIMEOUT_USEC (30 * 1000000ULL)

/* What sev-tool puts into its folder. */
static const struct {
	const char *name;
	enum chain_cert cert;
} folder_names[] = {
	{ "pdh.cert", CHAIN_PDH },	   { "pek.cert", CHAIN_PEK },
	{ "oca.cert", CHAIN_OCA },	   { "cek.cert", CHAIN_CEK },
	{ "ask.cert", CHAIN_ASK },	   { "ark.cert", CHAIN_ARK },
	{ "cert_chain.cert", _CHAIN_MAX }, { "cert_chain", _CHAIN_MAX },
	{ "ask_ark.cert", _CHAIN_MAX },
};

/* The generations of AMD's machines, and how many bytes the numbers of their AMD keys have. */
static const struct {
	const char *name;
	size_t n;
} products[] = {
	{ "naples", 256 }, { "rome", 512 }, { "milan", 512 }, { "genoa", 512 }, { "turin", 512 },
};

/* ---- files ---- */

/* What a file's name says of it: "pdh.cert" and "pdh.b64" are a PDH. */
static enum chain_cert hint_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t len = strcspn(name, ".");

	for (size_t i = 0; i < _CHAIN_MAX; i++)
		if (len == strlen(chain_names[i]) && strncmp(name, chain_names[i], len) == 0)
			return (enum chain_cert)i;
	return _CHAIN_MAX;
}

/* Returns 0; -EFBIG, without a cause, for more than a chain has; -ENOMEM or -EIO. */
static int read_bytes(const char *path, uint8_t **ret, size_t *ret_len, struct cause *why)
{
	char *data;
	int r;

	r = read_file_at(AT_FDCWD, path, CHAIN_FILE_MAX, &data, ret_len);
	if (r == -EFBIG)
		return r;
	if (r < 0)
		return cause_set_io(why, r, "Failed to read '%s': %m", path);
	*ret = (uint8_t *)data;
	return 0;
}

static int bad_file(struct chain_verdict *v, const char *path, struct cause *why)
{
	*v = (struct chain_verdict){
		.state = CHAIN_MALFORMED,
		.code = "format",
		.expected = "every file is a certificate or a chain of them, binary or base64",
		.todo = "give files that sevctl, sev-tool, QEMU or AMD's site made, each whole and "
			"with nothing else in it",
	};
	return cause_set(why, -EBADMSG, "'%s' is not an SEV certificate or a chain of them", path);
}

static int conflict(struct chain_verdict *v, const char *path, enum chain_cert cert,
		    struct cause *why)
{
	*v = (struct chain_verdict){
		.state = CHAIN_MALFORMED,
		.code = "conflict",
		.cert = chain_names[cert],
		.expected = "each certificate is given once, or is the same each time",
		.todo = "give the files of one platform, exported at one time",
	};
	return cause_set(why, -EBADMSG, "The %s in '%s' is another one than was given before",
			 chain_names[cert], path);
}

static int add_file(const char *path, enum chain_cert hint, struct chain *c,
		    struct chain_verdict *v, struct cause *why)
{
	_cleanup_(freep) uint8_t *data = NULL;
	enum chain_cert cert = _CHAIN_MAX;
	size_t len;
	int r;

	r = read_bytes(path, &data, &len, why);
	if (r == -EFBIG)
		return bad_file(v, path, why);
	if (r < 0)
		return r;
	r = chain_add(c, data, len, hint, &cert);
	if (r == -EEXIST)
		return conflict(v, path, cert, why);
	if (r == -EBADMSG)
		return bad_file(v, path, why);
	return r < 0 ? cause_set_oom(why) : 0;
}

static int add_folder(const char *path, struct chain *c, struct chain_verdict *v, struct cause *why)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folder_names); i++) {
		char file[PATH_MAX];
		struct stat st;
		int n, r;

		n = snprintf(file, sizeof(file), "%s/%s", path, folder_names[i].name);
		if (n < 0 || (size_t)n >= sizeof(file) || stat(file, &st) < 0)
			continue;
		found++;
		r = add_file(file, folder_names[i].cert, c, v, why);
		if (r < 0)
			return r;
	}
	if (found > 0)
		return 0;
	*v = (struct chain_verdict){
		.state = CHAIN_MALFORMED,
		.code = "format",
		.expected = "a folder has files such as pdh.cert, pek.cert, oca.cert, cek.cert, "
			    "cert_chain.cert",
		.todo = "name the files themselves",
	};
	return cause_set(why, -EBADMSG,
			 "The folder '%s' has none of pdh.cert, pek.cert, oca.cert, cek.cert, "
			 "ask.cert, ark.cert, cert_chain.cert, ask_ark.cert",
			 path);
}

int chain_input_path(const char *path, struct chain *c, struct chain_verdict *v, struct cause *why)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(path, c, v, why);
	return add_file(path, hint_of(path), c, v, why);
}

/* --anchor and --oca. */
static int set_file(const char *path, struct chain *c, struct chain_verdict *v, struct cause *why,
		    int (*set)(struct chain *c, const uint8_t *data, size_t len))
{
	_cleanup_(freep) uint8_t *data = NULL;
	size_t len;
	int r;

	if (!path)
		return 0;
	r = read_bytes(path, &data, &len, why);
	if (r == -EFBIG)
		return bad_file(v, path, why);
	if (r < 0)
		return r;
	r = set(c, data, len);
	if (r == -ENOMEM)
		return cause_set_oom(why);
	return r < 0 ? bad_file(v, path, why) : 0;
}

static int add_cek(const char *path, struct chain *c, struct chain_verdict *v, struct cause *why)
{
	return path ? add_file(path, CHAIN_CEK, c, v, why) : 0;
}

/* ---- AMD's key server ---- */

struct fetch {
	struct chain *chain;
	const char *product;	/* of the file that is looked at */
};

/* A CEK that AMD signed, of the chip that the chain is of. */
static int accept_cek(const uint8_t *data, size_t len, void *userdata)
{
	struct fetch *f = userdata;

	if (len != SEV_CERT_LEN || !chain_cek_is_signed(data))
		return -EBADMSG;
	if (f->chain->certs[CHAIN_CEK].len > 0 &&
	    memcmp(f->chain->certs[CHAIN_CEK].bytes + SEV_CERT_KEY_OFFSET,
		   data + SEV_CERT_KEY_OFFSET, SEV_CERT_KEY_LEN) != 0)
		return -EKEYREJECTED;
	return chain_add(f->chain, data, len, CHAIN_CEK, NULL);
}

/* ASK and ARK, the ARK a root that is trusted, the ASK the signer of our CEK. */
static int accept_ask_ark(const uint8_t *data, size_t len, void *userdata)
{
	struct fetch *f = userdata;
	int r;

	r = chain_fits(f->chain, data, len);
	if (r == 0)
		r = chain_add(f->chain, data, len, _CHAIN_MAX, NULL);
	return r == -EEXIST ? -EKEYREJECTED : r;
}

static int parse_chip_id(const char *text, char ret[static KDS_CHIP_ID_TEXT_LEN + 1],
			 struct cause *why)
{
	/* A machine with two sockets has two; the first counts. */
	uint8_t id[2 * KDS_CHIP_ID_LEN];
	ssize_t n = base64_decode(text, id, sizeof(id));

	if (parse_hex(text, id, KDS_CHIP_ID_LEN) < 0 && parse_hex(text, id, sizeof(id)) < 0 &&
	    n != KDS_CHIP_ID_LEN && n != sizeof(id))
		return cause_set(why, -EINVAL,
				 "--chip-id '%s' is not the 64 bytes of cpu0-id, in hexadecimal or "
				 "base64",
				 text);
	format_hex(id, KDS_CHIP_ID_LEN, ret);
	return 0;
}

static int kds_problem(const struct kds *k, const char *what, int r, struct cause *why)
{
	if (r == -EKEYREJECTED)
		return cause_set(why, -EKEYREJECTED,
				 "The %s from the key server does not belong to this platform's "
				 "certificates",
				 what);
	if (r == -EBADMSG)
		return cause_set(why, -ENODATA, "What the key server sent is not a %s", what);
	if (r == -ENOENT)
		return cause_set(why, -ENODATA, "No %s: %s", what,
				 k->fetch ? "the key server does not have it" :
					    "it is not in the cache; --fetch gets it");
	return cause_set(why, -ENODATA, "Failed to get the %s: %s", what,
			 k->error[0] ? k->error : strerror(-r));
}

static int get_cek(struct kds *k, const struct args *a, struct chain *c, struct cause *why)
{
	struct fetch f = { .chain = c };
	char id[KDS_CHIP_ID_TEXT_LEN + 1];
	int r;

	if (c->certs[CHAIN_CEK].len > 0 && chain_cek_is_signed(c->certs[CHAIN_CEK].bytes))
		return 0;
	if (!a->chip_id)
		return cause_set(why, -EINVAL,
				 "The CEK lacks AMD's signature, and to get it --chip-id is "
				 "needed: cpu0-id of QEMU's query-sev-capabilities");
	r = parse_chip_id(a->chip_id, id, why);
	if (r < 0)
		return r;
	r = kds_get_cek(k, id, accept_cek, &f);
	return r < 0 ? kds_problem(k, "CEK with AMD's signature", r, why) : 0;
}

/* The CEK does not say which generation it is of, but how long the signature on it is. */
static bool product_is_possible(const struct args *a, const struct chain *c, size_t i)
{
	const char *wanted = a->product.given ? args_products[a->product.index] : NULL;
	struct sev_cert cek;

	if (wanted)
		return streq(wanted, products[i].name);
	if (sev_cert_parse(c->certs[CHAIN_CEK].bytes, c->certs[CHAIN_CEK].len, &cek) < 0)
		return false;
	for (size_t k = 0; k < SEV_CERT_SLOTS; k++)
		if (cek.signatures[k].usage == SEV_USAGE_ASK &&
		    cek.signatures[k].algo ==
			    (products[i].n == 256 ? SEV_ALGO_RSA_SHA256 : SEV_ALGO_RSA_SHA384))
			return true;
	return false;
}

static int get_ask_ark(struct kds *k, const struct args *a, struct chain *c, struct cause *why)
{
	struct fetch f = { .chain = c };
	int r, worst = -ENOENT;

	if (c->certs[CHAIN_ASK].len > 0 && (c->certs[CHAIN_ARK].len > 0 || c->anchor_len > 0))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		if (!product_is_possible(a, c, i))
			continue;
		r = kds_get_ask_ark(k, products[i].name, accept_ask_ark, &f);
		if (r == 0)
			return 0;
		/*
		 * One that is not there or is another generation's is no news; a server that
		 * does not answer is not asked for the next.
		 */
		if (r != -ENOENT)
			worst = r;
		if (r != -ENOENT && r != -EKEYREJECTED && r != -EBADMSG)
			break;
	}
	return kds_problem(k, "ASK and ARK", worst, why);
}

/*
 * What is missing, from the cache or the network.  What cannot be had stays missing, and the checks
 * say what that means.
 */
static int fetch_missing(const struct args *a, struct chain *c, struct cause *why)
{
	struct kds k = {
		.fetch = a->fetch,
		.url = a->kds,
		.ca = a->kds_ca,
		.cache = a->cache,
		.timeout_usec = a->timeout_usec ? a->timeout_usec : TIMEOUT_USEC,
	};
	int r;

	if (!k.fetch && !k.cache)
		return 0;
	if (kds_check_url(k.url) < 0)
		return cause_set(why, -EINVAL,
				 "--kds '%s' is not https://HOST[:PORT][/PATH] (http:// is for "
				 "127.0.0.1 only)",
				 k.url);
	c->fetch_tried = k.fetch;
	r = get_cek(&k, a, c, why);
	if (r == 0)
		r = get_ask_ark(&k, a, c, why);
	return r == -EINVAL ? r : 0;
}

int chain_input(const struct args *a, struct chain *c, struct chain_verdict *v, struct cause *why)
{
	int r = 0;

	*why = (struct cause){ "" };
	for (size_t i = 0; r == 0 && i < a->words.n; i++)
		r = chain_input_path(a->words.items[i], c, v, why);
	if (r == 0)
		r = add_cek(a->cek, c, v, why);
	if (r == 0)
		r = set_file(a->anchor, c, v, why, chain_set_anchor);
	if (r == 0)
		r = set_file(a->oca, c, v, why, chain_set_oca);
	if (r == 0)
		r = fetch_missing(a, c, why);
	return r;
}

/* ---- what people are told ---- */

struct meaning {
	enum chain_state state;
	int error;
	const char *word, *text;
};

static const struct meaning *meaning_of(enum chain_state state)
{
	static const struct meaning meanings[] = {
		{ CHAIN_GOOD, 0, "good", "The chain is good" },
		{ CHAIN_FAILED, -EKEYREJECTED, "failed", "The chain is not good" },
		{ CHAIN_MALFORMED, -EBADMSG, "malformed", "The chain is not good" },
	};
	static const struct meaning undecided = { CHAIN_UNDECIDED, -ENODATA, "undecided",
						  "It could not be decided" };

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].state == state)
			return &meanings[i];
	return &undecided;
}

const char *chain_verdict_word(const struct chain_verdict *v)
{
	return meaning_of(v->state)->word;
}

int chain_judge(const struct chain *c, struct chain_report *ret_report, struct chain_verdict *ret,
		struct cause *why)
{
	const struct chain_check *check;
	int r;

	r = chain_verify(c, ret_report);
	if (r < 0)
		return cause_set_io(why, r, "Failed to verify the certificates: %m");
	*ret = (struct chain_verdict){ .state = ret_report->verdict };
	if (ret->state == CHAIN_GOOD)
		return 0;
	check = chain_check(ret_report->first);
	ret->code = check->code;
	ret->cert = chain_names[check->cert];
	ret->expected = check->expected;
	ret->todo = check->todo;
	if (c->fetch_tried && check->todo_by_hand)
		ret->todo = check->todo_by_hand;
	return 0;
}

const char *chain_warning(const struct chain *c)
{
	return c->anchor_len == 0 ? NULL :
				    "WARNING: the root key is the one of --anchor and NOT AMD's: "
				    "all that this says of "
				    "the platform is worth as much as that file";
}

int chain_explain(const struct chain_verdict *v, struct cause *why)
{
	const struct meaning *m = meaning_of(v->state);

	if (m->error == 0)
		return 0;
	return cause_set(why, m->error, "%s (%s): expected that %s; %s", m->text, v->code,
			 v->expected, v->todo);
}

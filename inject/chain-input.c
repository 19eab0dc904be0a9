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
	{ "pdh.cert", CHAIN_PDH },	   { "pek.cert", CHAIN_PEK },	{ "oca.cert", CHAIN_OCA },	 { "cek.cert", CHAIN_CEK },
	{ "ask.cert", CHAIN_ASK },	   { "ark.cert", CHAIN_ARK },	{ "cert_chain.cert", _CHAIN_MAX }, { "cert_chain", _CHAIN_MAX },
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

static enum status read_bytes(const char *path, uint8_t **ret, size_t *ret_len)
{
	char *data;
	int r;

	r = read_file_at(AT_FDCWD, path, CHAIN_FILE_MAX, &data, ret_len);
	if (r == -EFBIG)
		return STATUS_MALFORMED;
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		return STATUS_IO;
	}
	*ret = (uint8_t *)data;
	return STATUS_GOOD;
}

static enum status bad_file(struct chain_verdict *v, const char *path)
{
	*v = (struct chain_verdict){ STATUS_MALFORMED, "format", NULL, "every file is a certificate or a chain of them, binary or base64",
				     "give files that sevctl, sev-tool, QEMU or AMD's site made, each whole and with nothing else in it" };
	return give_up(STATUS_MALFORMED, "'%s' is no SEV certificate or chain of them", path);
}

static enum status conflict(struct chain_verdict *v, const char *path, enum chain_cert cert)
{
	*v = (struct chain_verdict){ STATUS_MALFORMED, "conflict", chain_names[cert], "each certificate is given once, or is the same each time",
				     "give the files of one platform, exported at one time" };
	return give_up(STATUS_MALFORMED, "The %s in '%s' is another one than was given before",
		       chain_names[cert], path);
}

static enum status add_file(const char *path, enum chain_cert hint, struct chain *c,
			    struct chain_verdict *v)
{
	_cleanup_(freep) uint8_t *data = NULL;
	enum chain_cert cert = _CHAIN_MAX;
	enum status status;
	size_t len;
	int r;

	status = read_bytes(path, &data, &len);
	if (status == STATUS_MALFORMED)
		return bad_file(v, path);
	if (status != STATUS_GOOD)
		return status;
	r = chain_add(c, data, len, hint, &cert);
	if (r == -EEXIST)
		return conflict(v, path, cert);
	if (r == -EBADMSG)
		return bad_file(v, path);
	return r < 0 ? (log_oom(), STATUS_IO) : STATUS_GOOD;
}

static enum status add_folder(const char *path, struct chain *c, struct chain_verdict *v)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folder_names); i++) {
		char file[PATH_MAX];
		enum status status;
		struct stat st;
		int n;

		n = snprintf(file, sizeof(file), "%s/%s", path, folder_names[i].name);
		if (n < 0 || (size_t)n >= sizeof(file) || stat(file, &st) < 0)
			continue;
		found++;
		status = add_file(file, folder_names[i].cert, c, v);
		if (status != STATUS_GOOD)
			return status;
	}
	if (found > 0)
		return STATUS_GOOD;
	*v = (struct chain_verdict){ STATUS_MALFORMED, "format", NULL, "a folder has files such as pdh.cert, pek.cert, oca.cert, cek.cert, cert_chain.cert",
				     "name the files themselves" };
	return give_up(STATUS_MALFORMED,
		       "The folder '%s' has none of pdh.cert, pek.cert, oca.cert, cek.cert, ask.cert, ark.cert, cert_chain.cert, ask_ark.cert",
		       path);
}

enum status chain_input_path(const char *path, struct chain *c, struct chain_verdict *v)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return add_folder(path, c, v);
	return add_file(path, hint_of(path), c, v);
}

/* --anchor and --oca. */
static enum status set_file(const char *path, struct chain *c, struct chain_verdict *v,
			    int (*set)(struct chain *c, const uint8_t *data, size_t len))
{
	_cleanup_(freep) uint8_t *data = NULL;
	enum status status;
	size_t len;
	int r;

	if (!path)
		return STATUS_GOOD;
	status = read_bytes(path, &data, &len);
	if (status == STATUS_MALFORMED)
		return bad_file(v, path);
	if (status != STATUS_GOOD)
		return status;
	r = set(c, data, len);
	if (r == -ENOMEM) {
		log_oom();
		return STATUS_IO;
	}
	return r < 0 ? bad_file(v, path) : STATUS_GOOD;
}

static enum status add_cek(const char *path, struct chain *c, struct chain_verdict *v)
{
	return path ? add_file(path, CHAIN_CEK, c, v) : STATUS_GOOD;
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

static enum status parse_chip_id(const char *text, char ret[static KDS_CHIP_ID_TEXT_LEN + 1])
{
	uint8_t id[2 * KDS_CHIP_ID_LEN];	/* a machine with two sockets has two; the first counts */
	ssize_t n = base64_decode(text, id, sizeof(id));

	if (parse_hex(text, id, KDS_CHIP_ID_LEN) < 0 && parse_hex(text, id, sizeof(id)) < 0 &&
	    n != KDS_CHIP_ID_LEN && n != sizeof(id))
		return give_up(STATUS_USAGE,
			       "--chip-id '%s' is not the 64 bytes of cpu0-id, in hexadecimal or base64",
			       text);
	format_hex(id, KDS_CHIP_ID_LEN, ret);
	return STATUS_GOOD;
}

static enum status kds_problem(const struct kds *k, const char *what, int r)
{
	if (r == -EKEYREJECTED)
		return give_up(STATUS_CHECK,
			       "The %s from the key server does not belong to this platform's certificates",
			       what);
	if (r == -EBADMSG)
		return give_up(STATUS_UNDECIDED, "What the key server sent is no %s", what);
	if (r == -ENOENT)
		return give_up(STATUS_UNDECIDED, "No %s: %s", what,
			       k->fetch ? "the key server does not have it" :
					  "it is not in the cache; --fetch gets it");
	return give_up(STATUS_UNDECIDED, "Failed to get the %s: %s", what, k->error[0] ? k->error : strerror(-r));
}

static enum status get_cek(struct kds *k, const struct args *a, struct chain *c)
{
	struct fetch f = { .chain = c };
	char id[KDS_CHIP_ID_TEXT_LEN + 1];
	enum status status;
	int r;

	if (c->certs[CHAIN_CEK].len > 0 && chain_cek_is_signed(c->certs[CHAIN_CEK].bytes))
		return STATUS_GOOD;
	if (!a->value[ARG_CHIP_ID])
		return give_up(STATUS_USAGE,
			       "The CEK lacks AMD's signature, and to get it --chip-id is needed: cpu0-id of QEMU's query-sev-capabilities");
	status = parse_chip_id(a->value[ARG_CHIP_ID], id);
	if (status != STATUS_GOOD)
		return status;
	r = kds_get_cek(k, id, accept_cek, &f);
	return r < 0 ? kds_problem(k, "CEK with AMD's signature", r) : STATUS_GOOD;
}

/* The CEK does not say which generation it is of, but how long the signature on it is. */
static bool product_is_possible(const struct args *a, const struct chain *c, size_t i)
{
	const char *wanted = a->value[ARG_PRODUCT];
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

static enum status get_ask_ark(struct kds *k, const struct args *a, struct chain *c)
{
	struct fetch f = { .chain = c };
	int r, worst = -ENOENT;

	if (c->certs[CHAIN_ASK].len > 0 && (c->certs[CHAIN_ARK].len > 0 || c->anchor_len > 0))
		return STATUS_GOOD;
	for (size_t i = 0; i < ARRAY_SIZE(products); i++) {
		if (!product_is_possible(a, c, i))
			continue;
		r = kds_get_ask_ark(k, products[i].name, accept_ask_ark, &f);
		if (r == 0)
			return STATUS_GOOD;
		/*
		 * One that is not there or is another generation's is no news; a server that
		 * does not answer is not asked for the next.
		 */
		if (r != -ENOENT)
			worst = r;
		if (r != -ENOENT && r != -EKEYREJECTED && r != -EBADMSG)
			break;
	}
	return kds_problem(k, "ASK and ARK", worst);
}

static bool product_is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(products); i++)
		if (streq(products[i].name, name))
			return true;
	return false;
}

static enum status fetch_missing(const struct args *a, struct chain *c)
{
	struct kds k = {
		.fetch = a->value[ARG_FETCH],
		.url = a->value[ARG_KDS],
		.ca = a->value[ARG_KDS_CA],
		.cache = a->value[ARG_CACHE],
		.timeout_usec = TIMEOUT_USEC,
	};
	enum status status;

	if (a->value[ARG_TIMEOUT] &&
	    (parse_usec(a->value[ARG_TIMEOUT], &k.timeout_usec) < 0 || k.timeout_usec == 0))
		return give_up(STATUS_USAGE, "--timeout '%s' is no time such as 30s or 2min",
			       a->value[ARG_TIMEOUT]);
	if (a->value[ARG_PRODUCT] && !product_is_known(a->value[ARG_PRODUCT]))
		return give_up(STATUS_USAGE,
			       "--product '%s' is none of naples, rome, milan, genoa, turin",
			       a->value[ARG_PRODUCT]);
	if (k.cache && !*k.cache)
		return give_up(STATUS_USAGE, "--cache needs the name of a folder");
	if (!k.fetch && !k.cache)
		return STATUS_GOOD;
	if (kds_check_url(k.url) < 0)
		return give_up(STATUS_USAGE,
			       "--kds '%s' is no https://HOST[:PORT][/PATH] (http:// is for 127.0.0.1 only)",
			       k.url);
	c->fetch_tried = k.fetch;
	status = get_cek(&k, a, c);
	if (status == STATUS_GOOD)
		status = get_ask_ark(&k, a, c);
	/* What could not be had is missing then, and the checks say what that means. */
	return status == STATUS_USAGE ? status : STATUS_GOOD;
}

enum status chain_input(const struct args *a, struct chain *c, struct chain_verdict *v)
{
	enum status status = STATUS_GOOD;

	for (size_t i = 0; status == STATUS_GOOD && i < a->n_words; i++)
		status = chain_input_path(a->words[i], c, v);
	if (status == STATUS_GOOD)
		status = add_cek(a->value[ARG_CEK], c, v);
	if (status == STATUS_GOOD)
		status = set_file(a->value[ARG_ANCHOR], c, v, chain_set_anchor);
	if (status == STATUS_GOOD)
		status = set_file(a->value[ARG_OCA], c, v, chain_set_oca);
	if (status == STATUS_GOOD)
		status = fetch_missing(a, c);
	return status;
}

/* ---- what people are told ---- */

static const struct {
	enum chain_state state;
	enum status status;
	const char *word;
} words[] = {
	{ CHAIN_GOOD, STATUS_GOOD, "good" },
	{ CHAIN_FAILED, STATUS_CHECK, "failed" },
	{ CHAIN_MALFORMED, STATUS_MALFORMED, "malformed" },
	{ CHAIN_UNDECIDED, STATUS_UNDECIDED, "undecided" },
};

const char *chain_verdict_word(enum status status)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].status == status)
			return words[i].word;
	return "undecided";
}

enum status chain_judge(const struct chain *c, struct chain_report *ret_report, struct chain_verdict *v)
{
	const struct chain_check *check;
	int r;

	r = chain_verify(c, ret_report);
	if (r < 0) {
		log_error_errno(r, "Failed to verify the certificates: %m");
		return STATUS_IO;
	}
	if (c->anchor_len > 0)
		log_warning("WARNING: the root key is the one of --anchor and NOT AMD's: all that this says of the platform is worth as much as that file");
	*v = (struct chain_verdict){ .status = STATUS_GOOD };
	if (ret_report->verdict == CHAIN_GOOD)
		return STATUS_GOOD;
	check = chain_check(ret_report->first);
	*v = (struct chain_verdict){ .code = check->code, .cert = chain_names[check->cert], .expected = check->expected,
				     .todo = c->fetch_tried && check->todo_by_hand ? check->todo_by_hand : check->todo };
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].state == ret_report->verdict)
			v->status = words[i].status;
	return v->status;
}

enum status chain_explain(const struct chain_verdict *v)
{
	if (v->status == STATUS_GOOD || !v->code)
		return v->status;
	log_error("%s (%s): expected that %s; %s",
		  v->status == STATUS_UNDECIDED ? "It could not be decided" :
						  "The chain is not good",
		  v->code, v->expected, v->todo);
	return v->status;
}

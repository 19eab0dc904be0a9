/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/parse.h"
#include "broker/admin-call.h"
#include "broker/offline.h"
#include "broker/serve/key-files.h"
#include "broker/store/audit.h"
#include "broker/store/lines.h"
#include "crypto/cleanup.h"

#define CERTIFICATE_MAX 65536
#define LOG_LINE_MAX 65536

/* ---- where the lines come from ---- */

struct export {
	int fd;
	struct cause *why;
};

static int write_line(void *userdata, struct bytes text)
{
	struct export *e = userdata;
	int r = write_full(e->fd, text.p, text.len);

	if (r == 0)
		r = write_full(e->fd, "\n", 1);
	return r < 0 ? cause_set_io(e->why, r, "There is no room for the lines: %s", strerror(-r)) :
		       0;
}

static int export_store(struct offline *o, const char *instance, int *ret_fd, struct cause *why)
{
	_cleanup_(closep) int fd = -EBADF;
	struct export e;
	int r = offline_scratch(&fd, why);

	e = (struct export){ fd, why };
	if (r == 0)
		r = audit_export(o->store, instance, write_line, &e, why);
	if (r == 0)
		*ret_fd = TAKE_FD(fd);
	return r;
}

static int ask_server(const struct args *args, int *ret_fd)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request = admin_request("audit-export", NULL);
	int r;

	if (args->keep.instance)
		admin_add_text(&request, "instance", args->keep.instance);
	r = admin_ask(args, &c, request);
	if (r == 0)
		*ret_fd = TAKE_FD(c.data);
	return r;
}

static int fail(const struct cause *why)
{
	log_error("%s", why->text);
	return STATUS_FAILED;
}

/* A server that runs has its store for itself; and not everybody who may ask it may read that. */
static int get_lines(const struct args *args, int *ret_fd)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	struct cause why = { "" };
	int r;

	if (args->keep.file) {
		*ret_fd = open(args->keep.file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (*ret_fd >= 0)
			return STATUS_GOOD;
		log_error("%s cannot be read: %s", args->keep.file, strerror(errno));
		return STATUS_FAILED;
	}
	r = offline_read(args, &o, &why);
	if (r < 0)
		return fail(&why);
	r = offline_store(&o, &why);
	if (r == -EBUSY || r == -EACCES || r == -EPERM)
		r = ask_server(args, ret_fd);
	else if (r < 0 || export_store(&o, args->keep.instance, ret_fd, &why) < 0)
		return fail(&why);
	if (r == 0 && lseek(*ret_fd, 0, SEEK_SET) < 0) {
		log_error("The lines cannot be read: %s", strerror(errno));
		return STATUS_FAILED;
	}
	return r;
}

/* ---- verify ---- */

struct verified {
	const struct args *args;
	const struct checkpoint_keys *keys;
	EVP_PKEY *signer;	/* prints checkpoints; NULL: none */
	bool failed;
	unsigned n_chains;	/* that have lines */
	struct json_object *chains, *problems;	/* for --json; else NULL */
	bool short_of_memory;
	struct checkpoint *kept;
	size_t n_kept;
};

static void on_problem(void *userdata, const char *instance, const char *text)
{
	struct verified *v = userdata;
	struct json_object *o = v->problems ? json_object_new_object() : NULL;

	log_error("Instance '%s': %s", instance, text);
	if (!v->problems)
		return;
	v->short_of_memory |= json_append(v->problems, o) < 0 ||
			      json_add_text(o, "instance", instance) < 0 ||
			      json_add_text(o, "problem", text) < 0;
}

static void print_checkpoint(struct verified *v, const struct audit_chain *chain)
{
	struct checkpoint c = { .batch = chain->next };
	struct timespec now;
	char *text;

	(void) clock_gettime(CLOCK_REALTIME, &now);
	c.at = (uint64_t)now.tv_sec * 1000;
	memcpy(c.instance, chain->instance, sizeof(c.instance));
	memcpy(c.head, chain->head, sizeof(c.head));
	if (checkpoint_sign(&c, v->signer, &text) < 0) {
		v->failed = true;
		return;
	}
	print("%s\n", text);
	free(text);
}

static void add_chain(struct verified *v, const struct audit_chain *c, const char *head)
{
	struct json_object *o = json_object_new_object();

	v->short_of_memory |= json_append(v->chains, o) < 0 ||
			      json_add_text(o, "instance", c->instance) < 0 ||
			      json_add_unsigned(o, "lines", c->lines) < 0 ||
			      json_add_unsigned(o, "from", c->from) < 0 ||
			      json_add_unsigned(o, "next", c->next) < 0 ||
			      json_add_text(o, "head", head) < 0;
}

static void on_chain(void *userdata, const struct audit_chain *c)
{
	struct verified *v = userdata;
	char head[2 * AUDIT_HEAD_LEN + 1];

	v->n_chains += c->lines > 0;
	if (v->signer) {
		if (c->next > 0)
			print_checkpoint(v, c);
		return;
	}
	format_hex(c->head, sizeof(c->head), head);
	if (v->chains)
		add_chain(v, c, head);
	else
		print("%s: %" PRIu64 " lines from batch %" PRIu64 " on, head %s\n", c->instance,
		      c->lines, c->from, head);
}

static const char *verdict_name(const struct verified *v, bool good)
{
	return !good ? "broken" : v->n_chains == 0 ? "empty" : "good";
}

/* Returns @status, or STATUS_FAILED. */
static int print_document(struct verified *v, int status)
{
	_cleanup_(json_putp) struct json_object *o = json_document("broker-audit-verify");
	int r = json_add_text(o, "result", verdict_name(v, status == STATUS_GOOD));

	if (r == 0)
		r = json_add(o, "chains", TAKE_PTR(v->chains));
	if (r == 0)
		r = json_add(o, "problems", TAKE_PTR(v->problems));
	if (r == 0 && !v->short_of_memory && json_print(o, JSON_C_TO_STRING_PLAIN) == 0)
		return status;
	(void) log_oom();
	return STATUS_FAILED;
}

/* What is wrong was said as it was found. */
static void print_verdict(const struct verified *v, bool good)
{
	if (!good) {
		print_coloured(TEXT_RED, "BROKEN");
		print(": see the errors\n");
	} else if (v->n_chains == 0) {
		print_coloured(TEXT_YELLOW, "Empty");
		print(": there is no line\n");
	} else {
		print_coloured(TEXT_GREEN, "Good");
		print(": each line follows the one before\n");
	}
}

static int verify_lines(struct verified *v, const uint8_t *expect)
{
	const struct audit_check check = {
		.instance = v->args->keep.instance,
		.expect = expect,
		.keys = v->keys,
		.kept = v->kept,
		.n_kept = v->n_kept,
		.problem = on_problem,
		.chain = on_chain,
		.userdata = v,
	};
	_cleanup_(closep) int fd = -EBADF;
	struct cause why = { "" };
	int r = get_lines(v->args, &fd);

	if (r != STATUS_GOOD)
		return r;
	r = audit_verify_file(fd, &check, &why);
	if (r < 0)
		return fail(&why);
	r = r > 0 || v->failed ? STATUS_FAILED : STATUS_GOOD;
	if (v->chains)
		return print_document(v, r);
	if (!v->signer)
		print_verdict(v, r == STATUS_GOOD);
	return r;
}

static void checkpoint_keys_done(struct checkpoint_keys *k)
{
	while (k->n > 0)
		EVP_PKEY_free(k->items[--k->n]);
}

/*
 * The keys of the certificates in the identity's file: the ones behind the first are of identities
 * before it.  Without any no checkpoint counts, and verify says so.  Returns @ret, or NULL.
 */
static struct checkpoint_keys *read_public(const struct args *args, struct checkpoint_keys *ret)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(freep) char *pem = NULL;
	_cleanup_(bio_freep) BIO *in = NULL;
	X509 *cert;
	const char *path = args->keep.certificate;
	struct cause why;

	if (!path && offline_read(args, &o, &why) == 0)
		path = o.settings.certificate;
	if (!path || read_file_at(AT_FDCWD, path, CERTIFICATE_MAX, &pem, NULL) < 0)
		return NULL;
	in = BIO_new_mem_buf(pem, -1);
	while (in && ret->n < CHECKPOINT_KEYS_MAX &&
	       (cert = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
		ret->items[ret->n] = X509_get_pubkey(cert);
		ret->n += ret->items[ret->n] != NULL;
		X509_free(cert);
	}
	return ret->n > 0 ? ret : NULL;
}

/* @line is one of a log, with whatever stands before the checkpoint in it. */
static int keep_line(struct verified *v, uint64_t number, struct bytes line, size_t *room,
		     struct cause *why)
{
	static const char begins[] = "{\"instance\":\"";
	const uint8_t *p = memmem(line.p, line.len, begins, sizeof(begins) - 1);
	struct checkpoint *more;
	int r;

	if (!p)
		return 0;
	if (v->n_kept == AUDIT_CLAIMS_MAX)
		return cause_set(why, -EMSGSIZE, "there are too many checkpoints");
	if (v->n_kept == *room) {
		*room = *room ? 2 * *room : 64;
		more = reallocarray(v->kept, *room, sizeof(*more));
		if (!more)
			return cause_set_oom(why);
		v->kept = more;
	}
	r = checkpoint_read_any((struct bytes){ p, line.len - (size_t)(p - line.p) }, v->keys,
				&v->kept[v->n_kept]);
	if (r == 0)
		v->n_kept++;
	return r < 0 ? cause_set(why, r, "the checkpoint in line %" PRIu64 " %s", number,
				 r == -EKEYREJECTED ? "was signed by another key" :
						      "is malformed") :
		       0;
}

static int read_kept(struct verified *v, const char *path)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct lines l = { .fd = fd, .max = LOG_LINE_MAX };
	struct cause why = { "" };
	struct bytes line;
	size_t room = 0;
	int r;

	if (fd < 0) {
		log_error("%s cannot be read: %s", path, strerror(errno));
		return STATUS_FAILED;
	}
	while ((r = lines_next(&l, &line, &why)) > 0) {
		line.len--;
		r = keep_line(v, l.number, line, &room, &why);
		if (r < 0)
			break;
	}
	if (r < 0)
		log_error("%s: %s", path, why.text);
	lines_done(&l);
	if (r == 0 && v->n_kept == 0) {
		log_error("%s has no checkpoint", path);
		return STATUS_FAILED;
	}
	return r < 0 ? STATUS_FAILED : STATUS_GOOD;
}

static int run_verify(struct args *args)
{
	_cleanup_(checkpoint_keys_done) struct checkpoint_keys keys = { 0 };
	struct verified v = { .args = args, .keys = read_public(args, &keys) };
	uint8_t expect[AUDIT_HEAD_LEN];
	int r = STATUS_GOOD;

	if (args->keep.expect && parse_hex(args->keep.expect, expect, sizeof(expect)) < 0) {
		log_error("--expect=%s is not a head of 64 hexadecimal digits", args->keep.expect);
		return STATUS_USAGE;
	}
	if (args->keep.certificate && !v.keys) {
		log_error("%s is no certificate", args->keep.certificate);
		return STATUS_FAILED;
	}
	if (args->keep.checkpoints && !v.keys) {
		log_error("The certificate of the identity cannot be read, so no checkpoint in %s "
			  "counts", args->keep.checkpoints);
		return STATUS_FAILED;
	}
	if (args->keep.checkpoints)
		r = read_kept(&v, args->keep.checkpoints);
	if (args->json) {
		v.chains = json_object_new_array();
		v.problems = json_object_new_array();
	}
	if (args->json && (!v.chains || !v.problems)) {
		(void) log_oom();
		r = STATUS_FAILED;
	}
	if (r == STATUS_GOOD)
		r = verify_lines(&v, args->keep.expect ? expect : NULL);
	(void) json_object_put(v.chains);
	(void) json_object_put(v.problems);
	free(v.kept);
	return r;
}

/* ---- checkpoint, trim ---- */

static int run_checkpoint(struct args *args)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(keys_freep) struct keys *keys = NULL;
	_cleanup_(checkpoint_keys_done) struct checkpoint_keys public = { 0 };
	_cleanup_(freep) char *pem = NULL;
	struct verified v = { .args = args, .keys = read_public(args, &public) };
	struct cause why = { "" };

	if (offline_read(args, &o, &why) < 0 ||
	    key_files_read(&o.settings, &keys, &pem, &why) < 0)
		return fail(&why);
	v.signer = keys_identity(keys);
	return verify_lines(&v, NULL);
}

static int trim(struct args *args, const struct checkpoint_keys *keys, struct cause *why)
{
	_cleanup_(offline_done) struct offline o = { NULL };
	_cleanup_(freep) char *text = NULL;
	const char *path = args->words.items[0];
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, CHECKPOINT_TEXT_MAX, &text, &len);
	if (r < 0)
		return cause_set(why, r, "%s cannot be read: %s", path, strerror(-r));
	len = strcspn(text, "\n");
	r = offline_read(args, &o, why);
	if (r == 0)
		r = offline_store(&o, why);
	return r == 0 ? audit_trim(o.store, (struct bytes){ (uint8_t *)text, len }, keys, why) :
			r;
}

static int run_trim(struct args *args)
{
	_cleanup_(checkpoint_keys_done) struct checkpoint_keys keys = { 0 };
	struct cause why = { "" };

	if (!read_public(args, &keys)) {
		log_error("The certificate of the identity cannot be read");
		return STATUS_FAILED;
	}
	return trim(args, &keys, &why) < 0 ? fail(&why) : STATUS_GOOD;
}

/* ---- export ---- */

static int copy(int from, int to)
{
	char buffer[65536];
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = read_full(from, buffer, sizeof(buffer))) != 0)
		r = n < 0 ? (int)n : write_full(to, buffer, (size_t)n);
	return r;
}

#define SHOWN_MAX (256u << 20)

/* A terminal could be told what to do by bytes that are not text.  Nothing reads them there. */
static int show(int from)
{
	_cleanup_(freep) char *text = NULL;
	size_t len;
	int r = read_file_fd(from, SHOWN_MAX, &text, &len);

	for (char *line = text, *end; r >= 0 && *line; line = end) {
		end = line + strcspn(line, "\n");
		print("%.*s\n", (int)(end - line), line);
		end += *end == '\n';
	}
	return r;
}

static int export_out(int from)
{
	int r;

	if (isatty(STDOUT_FILENO))
		r = show(from);
	else
		r = copy(from, STDOUT_FILENO);
	if (r < 0)
		log_error_errno(r, "Failed to write to standard output: %m");
	return r < 0 ? STATUS_FAILED : STATUS_GOOD;
}

/* The bytes of the lines are what is hashed: they go into a file, as they are. */
static int run_export(struct args *args)
{
	const char *path = args->words.n > 0 ? args->words.items[0] : NULL;
	_cleanup_(closep) int from = -EBADF, to = -EBADF;
	int r = get_lines(args, &from);

	if (r != STATUS_GOOD)
		return r;
	if (!path)
		return export_out(from);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0) {
		log_error("%s cannot be made: %s", path, strerror(errno));
		return STATUS_FAILED;
	}
	r = copy(from, to);
	if (r == 0 && fsync(to) < 0 && errno != EINVAL)
		r = -errno;
	if (r == 0)
		return STATUS_GOOD;
	log_error("%s cannot be written: %s", path, strerror(-r));
	(void) unlink(path);
	return STATUS_FAILED;
}

#define ROW_INSTANCE \
	{ "instance", "NAME", "of one instance alone", OPTION_STRING(keep.instance) }

static const struct option_row verify_options[] = {
	{ "expect", "HEAD", "a head that a chain must go through: 64 hexadecimal digits",
	  OPTION_STRING(keep.expect) },
	{ "checkpoints", "FILE", "of a broker's log: each checkpoint in it must be in the chains",
	  OPTION_PATH(keep.checkpoints) },
	{ "file", "EXPORT", "what 'audit export' wrote, without the broker",
	  OPTION_PATH(keep.file) },
	{ "certificate", "FILE", "the identity's, instead of that of the settings",
	  OPTION_PATH(keep.certificate) },
	ROW_INSTANCE,
	ROW_COLOUR,
	ROW_JSON,
	{ NULL },
};

static const struct option_row export_options[] = { ROW_INSTANCE, { NULL } };

const struct verb verb_audit_verify = {
	.name = "audit verify",
	.help = "Verify the audit log: each line follows the one before",
	.example = "--file=audit.jsonl",
	.options = verify_options,
	.run = run_verify,
};

const struct verb verb_audit_export = {
	.name = "audit export",
	.help = "Write the audit log, as lines of JSON, to a file or to standard output",
	.example = "audit.jsonl",
	.options = export_options,
	.words = { .value = "FILE", OPTION_LIST(words, 1) },
	.run = run_export,
};

const struct verb verb_audit_checkpoint = {
	.name = "audit checkpoint",
	.help = "Verify the audit log, and print where it is, signed",
	.example = ">>checkpoints",
	.options = export_options,
	.run = run_checkpoint,
};

const struct verb verb_audit_trim = {
	.name = "audit trim",
	.help = "Delete the lines before a checkpoint",
	.example = "checkpoint",
	.options = no_options,
	.words = { .value = "FILE", OPTION_LIST(words, 1), .required = true },
	.run = run_trim,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "attest/bundle-evidence.h"
#include "attest/bundle-file.h"
#include "base/io.h"
#include "base/json.h"
#include "base/parse.h"
#include "broker/core/record-mac.h"
#include "broker/core/secret-policy.h"
#include "broker/serve/admin.h"
#include "broker/serve/launch-packet.h"
#include "broker/serve/policy-test.h"
#include "broker/serve/record-io.h"
#include "broker/serve/refresh.h"
#include "broker/serve/watch.h"
#include "broker/store/audit.h"
#include "wire/jspan.h"

/* A request, and the answer that grows. */
struct call {
	struct service *s;
	struct json_object *request, *answer;
	const struct secret *secret;
	char who[32];
	uint32_t uid;
	int fd;				/* a memfd of lines, or -EBADF */
	int file;			/* to write to, or -EBADF */
	struct cause why;
};

/* ---- the request ---- */

static int text_of(struct call *c, const char *name, const char **ret)
{
	struct json_object *value;

	if (!json_object_object_get_ex(c->request, name, &value))
		return -ENOENT;
	*ret = json_value_text(value);
	return *ret ? 0 : cause_set(&c->why, -EBADMSG, "'%s' is not a text", name);
}

static int need_text(struct call *c, const char *name, const char **ret)
{
	int r = text_of(c, name, ret);

	return r == -ENOENT ? cause_set(&c->why, -EBADMSG, "'%s' is missing", name) : r;
}

/* A member that is not there is false. */
static int flag_of(struct call *c, const char *name, bool *ret)
{
	struct json_object *value;

	*ret = false;
	if (!json_object_object_get_ex(c->request, name, &value))
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return cause_set(&c->why, -EBADMSG, "'%s' is neither true nor false", name);
	*ret = json_object_get_boolean(value);
	return 0;
}

/* ---- secrets ---- */

static int set_secret(struct call *c, bool create, bool replace)
{
	struct secret_change change = { .value = c->secret, .create = create,
					.replace = replace, .who = c->who };
	uint64_t version = 0;
	int r;

	r = need_text(c, "path", &change.path);
	if (r < 0)
		return r;
	r = text_of(c, "policy", &change.policy);
	if (r < 0 && r != -ENOENT)
		return r;
	change.policy_len = change.policy ? strlen(change.policy) : 0;
	r = flag_of(c, "check", &change.check);
	if (r == 0)
		r = flag_of(c, "unless-same", &change.unless_same);
	if (r < 0)
		return r;
	r = service_secret_set(c->s, &change, &version, &c->why);
	return r < 0 ? r : line_number(c->answer, "version", version);
}

static int do_secret_add(struct call *c)
{
	bool replace;
	int r = flag_of(c, "replace", &replace);

	if (r == 0 && !c->secret)
		r = cause_set(&c->why, -EBADMSG, "the secret itself is missing");
	return r < 0 ? r : set_secret(c, true, replace);
}

/* A policy alone. */
static int do_policy_set(struct call *c)
{
	const char *policy;
	int r = need_text(c, "policy", &policy);

	return r < 0 ? r : set_secret(c, false, true);
}

static int do_secret_remove(struct call *c)
{
	const char *path;
	int r = need_text(c, "path", &path);

	return r < 0 ? r : service_secret_remove(c->s, path, c->who, &c->why);
}

static int do_secret_rearm(struct call *c)
{
	const char *path, *launch = NULL;
	uint8_t id[32];
	unsigned n = 0;
	int r;

	r = need_text(c, "path", &path);
	if (r == 0)
		r = text_of(c, "launch", &launch);
	if (r < 0 && r != -ENOENT)
		return r;
	if (launch && (strlen(launch) != 64 || parse_hex(launch, id, sizeof(id)) < 0))
		return cause_set(&c->why, -EBADMSG,
				 "'%.70s' is not a launch, which has 64 hexadecimal digits",
				 launch);
	r = service_secret_rearm(c->s, path, launch ? id : NULL, c->who, &n, &c->why);
	return r < 0 ? r : line_number(c->answer, "n-claims", n);
}

/* What there is to say of a secret without its value. */
static struct json_object *describe(const struct secret_record *r)
{
	struct json_object *o = line_new(NULL, r->path, NULL);
	struct cause why = { "" };
	struct secret_mode mode;
	char *evidence = NULL, words[160] = "";

	if (secret_policy_read(r->policy, r->policy_len, &mode, &evidence, &why) == 0)
		secret_mode_format(&mode, words, sizeof(words));
	free(evidence);
	if (line_number(o, "version", r->version) == 0 &&
	    line_number(o, "changed", (uint64_t)r->changed) == 0 &&
	    line_text(o, "release", words[0] ? words : why.text) == 0)
		return o;
	(void) json_object_put(o);
	return NULL;
}

struct listing {
	struct json_object *list;
	const char *prefix;
};

static int list_one(void *userdata, const char *key, const struct store_value *v)
{
	_cleanup_(secret_record_done) struct secret_record r = { .version = 0 };
	struct listing *l = userdata;
	char own[RECORD_KEY_LEN];
	int e = secret_record_parse(v->data, v->len, &r);

	if (e == -ENOMEM)
		return e;
	/* What lies in the place of another secret would be listed twice, and that one never. */
	key_secret(r.path, own);
	return json_append(l->list, e == 0 && streq(own, key) ? describe(&r) :
								line_new("damaged", key, NULL));
}

static int do_secret_list(struct call *c)
{
	const char *below = "";
	struct listing l = { .list = json_object_new_array() };
	char prefix[RECORD_KEY_LEN];
	int r;

	if (json_add(c->answer, "secrets", l.list) < 0)
		return -ENOMEM;
	r = text_of(c, "prefix", &below);
	if (r < 0 && r != -ENOENT)
		return r;
	if ((size_t)snprintf(prefix, sizeof(prefix), "coco/secret/%s", below) >= sizeof(prefix))
		return cause_set(&c->why, -EBADMSG, "'prefix' is too long");
	return store_walk(c->s->store, prefix, NULL, 0, list_one, &l, &c->why);
}

/* Returns 0 with a record for secret_record_done(). */
static int get_secret(struct call *c, struct secret_record *ret)
{
	uint64_t revision;
	const char *path;
	int r;

	r = need_text(c, "path", &path);
	if (r < 0)
		return r;
	if (strlen(path) >= BROKER_PATH_LEN)
		return cause_set(&c->why, -ENOENT, "there is no secret with so long a name");
	r = secret_get(c->s, path, ret, &revision, &c->why);
	if (r == 0 && revision == 0)
		return cause_set(&c->why, -ENOENT, "there is no secret '%s'", path);
	return r;
}

#define CLAIMS_SHOWN 1000

static int list_claim(void *userdata, const char *key, const struct store_value *v)
{
	const char *slash = strrchr(key, '/');
	struct call *c = userdata;
	struct json_object *list = NULL, *o;
	struct claim claim;
	size_t len;
	int e = 0;

	(void) json_object_object_get_ex(c->answer, "claims", &list);
	if (json_object_array_length(list) == CLAIMS_SHOWN)
		return 1;
	o = json_object_new_object();
	if (record_verify(c->s->keys, key, v->data, v->len, &len) < 0 ||
	    claim_parse(v->data, len, &claim) < 0) {
		e |= line_text(o, "damaged", key);
	} else {
		e |= line_text(o, "claim", slash + 1);
		e |= line_number(o, "at", (uint64_t)claim.at);
		e |= line_number(o, "n", claim.n);
		e |= line_text(o, "state", claim.confirmed ? "confirmed" : "claimed");
		e |= line_text(o, "id", claim.release);
	}
	return json_append(list, json_whole(o, e));
}

static int do_secret_show(struct call *c)
{
	_cleanup_(secret_record_done) struct secret_record r = { .version = 0 };
	struct json_object *claims;
	char prefix[RECORD_KEY_LEN], *slash;
	uint64_t n_claims;
	static const uint8_t none[32];
	int e;

	e = get_secret(c, &r);
	if (e < 0)
		return e;
	if (json_add(c->answer, "secret", describe(&r)) < 0)
		return -ENOMEM;
	claims = json_object_new_array();
	if (json_add(c->answer, "claims", claims) < 0 ||
	    key_claim(r.path, PER_VM, none, prefix) < 0)
		return -ENOMEM;
	slash = strrchr(prefix, '/');
	slash[1] = '\0';
	e = store_walk(c->s->store, prefix, NULL, 0, list_claim, c, &c->why);
	if (e >= 0)
		e = store_count(c->s->store, prefix, &n_claims, &c->why);
	return e < 0 ? e : line_number(c->answer, "n-claims", n_claims);
}

static int do_policy_show(struct call *c)
{
	_cleanup_(secret_record_done) struct secret_record r = { .version = 0 };
	int e = get_secret(c, &r);

	return e < 0 ? e : line_text(c->answer, "policy", r.policy);
}

/* ---- try ---- */

static int read_bundle(struct call *c, const char *text, struct bundle *ret)
{
	const char *problem = "";
	int r = bundle_parse(text, strlen(text), ret, &problem);

	return r < 0 && r != -ENOMEM ? cause_set(&c->why, -EBADMSG, "the bundle: %s", problem) : r;
}

/* By what a guest would say it is. */
static enum broker_tee tee_of(const struct bundle *b)
{
	const char *type = bundle_text(b, BUNDLE_TYPE);

	if (streq(type, "snp"))
		return BROKER_TEE_SNP;
	if (streq(type, "tdx"))
		return BROKER_TEE_TDX;
	if (streq(type, "azure"))
		return bundle_find(b, BUNDLE_QUOTE, 0) ? BROKER_TEE_AZ_TDX : BROKER_TEE_AZ_SNP;
	return BROKER_TEE_NONE;
}

static int answer_try(struct call *c, const struct bundle *b, const struct secret_record *r)
{
	_cleanup_(freep) char *evidence = NULL;
	char how[160];
	struct secret_mode mode;
	struct judged judged;
	int e;

	e = secret_policy_read(r->policy, r->policy_len, &mode, &evidence, &c->why);
	if (e < 0)
		return e;
	e = judge_try(c->s->judge, tee_of(b), b, evidence, (int64_t)time(NULL), &judged);
	if (e < 0)
		return e;
	secret_mode_format(&mode, how, sizeof(how));
	if (json_add_bool(c->answer, "released", judged.result == JUDGED_GOOD) < 0 ||
	    line_text(c->answer, "code", judged.code) < 0 ||
	    line_text(c->answer, "reason", judged.reason) < 0 ||
	    line_text(c->answer, "release", how) < 0 ||
	    line_text(c->answer, "identity", judged.identity) < 0 ||
	    line_text(c->answer, "launch",
		      judged.launch.known ? "known" : judged.launch.why_not) < 0)
		return -ENOMEM;
	return 0;
}

static int do_try(struct call *c)
{
	_cleanup_(secret_record_done) struct secret_record r = { .version = 0 };
	struct bundle b = { .n_items = 0 };
	const char *text;
	int e;

	e = get_secret(c, &r);
	if (e == 0)
		e = need_text(c, "bundle", &text);
	if (e < 0)
		return e;
	e = read_bundle(c, text, &b);
	if (e < 0)
		return e;
	e = answer_try(c, &b, &r);
	bundle_done(&b);
	return e;
}

static int do_policy_test(struct call *c)
{
	const char *path, *policy, *last = "0";
	uint64_t usec;
	int r;

	r = need_text(c, "path", &path);
	if (r == 0)
		r = need_text(c, "policy", &policy);
	if (r == 0)
		r = text_of(c, "last", &last);
	if (r < 0 && r != -ENOENT)
		return r;
	if (parse_usec(last, &usec) < 0)
		return cause_set(&c->why, -EBADMSG, "'last' is not a time");
	if (line_text(c->answer, "instance", c->s->instance) < 0)
		return -ENOMEM;
	return policy_test(c->s, path, policy, usec / 1000000, c->answer, &c->why);
}

/* ---- launches ---- */

static int do_launch_packet(struct call *c)
{
	bool check;
	int r = flag_of(c, "check", &check);

	return r < 0 ? r : launch_packet_answer(c->s, c->request, c->secret, check, c->who,
						c->answer, &c->why);
}

/* ---- people's decisions ---- */

static int do_approve(struct call *c)
{
	const char *id;
	bool no;
	int r;

	r = need_text(c, "id", &id);
	if (r == 0)
		r = flag_of(c, "no", &no);
	return r < 0 ? r : service_approve(c->s, id, !no, c->uid, &c->why);
}

static int list_approval(void *userdata, const char *key, const struct store_value *v)
{
	struct call *c = userdata;
	struct json_object *list = NULL, *o;
	struct approval a;
	size_t len;
	int r = 0;

	(void) json_object_object_get_ex(c->answer, "approvals", &list);
	if (record_verify(c->s->keys, key, v->data, v->len, &len) < 0 ||
	    approval_parse(v->data, len, &a) < 0)
		return 0;	/* nobody of ours wrote it, and nobody can say yes to it */
	o = line_new(NULL, a.path, NULL);
	r |= line_text(o, "id", a.id);
	r |= line_number(o, "asked", (uint64_t)a.asked);
	r |= line_text(o, "answer", a.answered == 0 ? "" : a.approved ? "yes" : "no");
	r |= line_hex(o, "launch", a.launch, 32);
	r |= line_text(o, "reason", a.reason);
	return json_append(list, json_whole(o, r));
}

static int do_approvals(struct call *c)
{
	struct json_object *list = json_object_new_array();

	if (json_add(c->answer, "approvals", list) < 0)
		return -ENOMEM;
	return store_walk(c->s->store, "coco/approval/", NULL, 0, list_approval, c, &c->why);
}

static struct json_object *describe_denial(const struct denial *d)
{
	struct json_object *o = line_new(NULL, d->path, NULL);
	int r = 0;

	r |= line_text(o, "id", d->id);
	r |= line_number(o, "at", (uint64_t)d->at);
	r |= line_text(o, "step", d->step);
	r |= line_text(o, "code", d->code);
	r |= line_text(o, "reason", d->reason);
	r |= line_text(o, "peer", d->peer);
	r |= line_text(o, "tee", d->tee);
	r |= line_text(o, "chip", d->chip);
	r |= line_text(o, "measurement", d->measurement);
	return json_whole(o, r);
}

static int add_denial(void *userdata, const struct denial *d)
{
	struct json_object *list = NULL;
	struct call *c = userdata;

	(void) json_object_object_get_ex(c->answer, "denials", &list);
	return json_append(list, describe_denial(d)) < 0;
}

static int do_why(struct call *c)
{
	struct json_object *list = json_object_new_array();
	const char *id = NULL;
	struct denial d;
	int r;

	if (json_add(c->answer, "denials", list) < 0)
		return -ENOMEM;
	r = text_of(c, "id", &id);
	if (r == -ENOENT) {
		denials_walk(c->s->denials, 100, add_denial, c);
		return 0;
	}
	if (r < 0)
		return r;
	if (denials_find(c->s->denials, id, &d) < 0)
		return cause_set(&c->why, -ENOENT,
				 "nothing was refused as '%.40s' by this instance; the last %d "
				 "refusals since it started are kept", id, DENIALS_MAX);
	return add_denial(c, &d) ? -ENOMEM : 0;
}

/* ---- collateral ---- */

static int needs_of_bundle(struct call *c, const char *text, struct needs *ret)
{
	_cleanup_(bundle_done) struct bundle b = { .n_items = 0 };
	_cleanup_(freep) struct evidence *e = calloc(1, sizeof(*e));
	const struct attest_verifier *type;
	char problem[NEEDS_PROBLEM_LEN] = "";
	int r = e ? read_bundle(c, text, &b) : -ENOMEM;

	if (r < 0)
		return r;
	type = attest_verifier_find(bundle_text(&b, BUNDLE_TYPE));
	r = type ? bundle_evidence(&b, type, e) : -ENODATA;
	if (r >= 0)
		r = needs_find(e, /* product= */ NULL, ret, problem);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? cause_set(&c->why, -EBADMSG, "what this evidence needs cannot be told%s%s",
				 problem[0] ? ": " : "", problem) :
		       0;
}

static int needs_of_request(struct call *c, struct needs *ret)
{
	const char *text;
	int r = text_of(c, "bundle", &text);

	if (r == 0)
		return needs_of_bundle(c, text, ret);
	if (r == -ENOENT)
		r = need_text(c, "machine", &text);
	if (r < 0)
		return r;
	return needs_of_machine(text, ret) < 0 ?
		       cause_set(&c->why, -EBADMSG, "'%.60s' is no sort of machine", text) :
		       0;
}

static int do_collateral_warm(struct call *c)
{
	char machine[NEEDS_MACHINE_LEN];
	struct needs n;
	int r = needs_of_request(c, &n);

	if (r < 0)
		return r;
	r = refresher_warm(c->s->refresher, &n);
	if (r == -EOPNOTSUPP)
		return cause_set(&c->why, r,
				 "this broker fetches nothing: set Refresh= in [Collateral]");
	if (r < 0)
		return cause_set(&c->why, r, r == -EBUSY ? "there is too much to fetch already" :
							   "nothing can be fetched for it");
	needs_machine(&n, machine);
	return line_text(c->answer, "machine", machine);
}

static int list_machine(void *userdata, const struct refresh_state *s)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= line_text(o, "machine", s->machine);
	r |= line_number(o, "used", (uint64_t)s->used);
	r |= line_number(o, "fetched", (uint64_t)s->fetched);
	r |= line_number(o, "expires", (uint64_t)s->until);
	r |= json_add_bool(o, "pending", s->pending);
	r |= line_text(o, "trouble", s->trouble);
	return json_append(userdata, json_whole(o, r));
}

static int list_file(void *userdata, const struct collateral_file *f)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= line_text(o, "file", f->name);
	r |= line_text(o, "from", f->place == COLLATERAL_CACHE ? "fetched" : "folder");
	r |= line_number(o, "issued", (uint64_t)f->issued);
	r |= line_number(o, "expires", (uint64_t)f->until);
	return json_append(userdata, json_whole(o, r));
}

static int do_collateral_list(struct call *c)
{
	struct json_object *machines = json_object_new_array(), *files = json_object_new_array();
	int r = 0;

	r |= json_add(c->answer, "machines", machines);
	r |= json_add(c->answer, "files", files);
	if (r < 0)
		return r;
	if (c->s->refresher)
		r = refresher_walk(c->s->refresher, list_machine, machines);
	return r < 0 ? r : judge_collateral_walk(c->s->judge, list_file, files);
}

/* ---- the broker itself ---- */

static int do_status(struct call *c)
{
	struct store_state store;
	struct writer_state w;
	uint64_t n_claims;
	int r;

	r = store_look(c->s->store, &store, &c->why);
	if (r == 0)
		r = store_count(c->s->store, CLAIMS_PREFIX, &n_claims, &c->why);
	if (r < 0)
		return r;
	writer_look(c->s->writer, &w);
	if (line_text(c->answer, "instance", c->s->instance) < 0 ||
	    line_hex(c->answer, "store", store.id, sizeof(store.id)) < 0 ||
	    line_number(c->answer, "revision", store.revision) < 0 ||
	    line_number(c->answer, "bytes", store.bytes) < 0 ||
	    line_number(c->answer, "max-bytes", store.max_bytes) < 0 ||
	    line_number(c->answer, "n-claims", n_claims) < 0 ||
	    line_number(c->answer, "batch", w.batch) < 0 ||
	    line_hex(c->answer, "head", w.head, sizeof(w.head)) < 0 ||
	    line_text(c->answer, "state",
		      atomic_load(&c->s->restored) ? "restored" : "good") < 0)
		return -ENOMEM;
	return 0;
}

static int do_accept_restore(struct call *c)
{
	_cleanup_(json_putp) struct json_object *line =
		line_new("accept-restore", NULL, c->who);
	struct store_member m = { .n_changes = 1, .changes = { { .key = STORE_RESTORED } } };
	int r;

	if (!atomic_load(&c->s->restored))
		return cause_set(&c->why, -ENOENT, "the store has not gone back");
	if (!line)
		return -ENOMEM;
	r = writer_commit(c->s->writer, &m, line, WRITE_USEC, &c->why);
	if (r < 0)
		return r;
	atomic_store(&c->s->restored, false);
	return 0;
}

static int write_line(void *userdata, struct bytes text)
{
	struct call *c = userdata;
	int r = write_full(c->fd, text.p, text.len);

	return r < 0 ? r : write_full(c->fd, "\n", 1);
}

/* Into memory first: the store is not to be kept waiting by a slow reader. */
static int do_audit_export(struct call *c)
{
	const char *instance = NULL;
	int r;

	r = text_of(c, "instance", &instance);
	if (r < 0 && r != -ENOENT)
		return r;
	c->fd = memfd_create("audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (c->fd < 0)
		return cause_set_io(&c->why, errno, "there is no memory for the lines");
	r = audit_export(c->s->store, instance, write_line, c, &c->why);
	if (r == 0)
		r = memfd_seal(c->fd);
	if (r < 0)
		c->fd = close_fd(c->fd);
	return r;
}

/*
 * As it is at one moment, whatever is written meanwhile.  A pipe that nobody reads would keep that
 * moment for ever, and the file of the store would grow.
 */
static int do_store_copy(struct call *c)
{
	struct stat st;

	if (c->file < 0 || fstat(c->file, &st) < 0 || !S_ISREG(st.st_mode))
		return cause_set(&c->why, -EBADMSG, "a copy of the store goes into a file");
	return store_dump(c->s->store, c->file, &c->why);
}

/* The server hands the connection on. */
static int do_watch(struct call *c)
{
	return c->s->watchers ? 0 : cause_set(&c->why, -EOPNOTSUPP, "nobody can watch");
}

/* ---- all ---- */

static const struct {
	const char *name;
	int (*answer)(struct call *c);
	bool secret;		/* a secret comes along */
} requests[] = {
	{ "secret-add", do_secret_add, true },
	{ "secret-list", do_secret_list, false },
	{ "secret-show", do_secret_show, false },
	{ "secret-remove", do_secret_remove, false },
	{ "secret-rearm", do_secret_rearm, false },
	{ "policy-set", do_policy_set, false },
	{ "policy-show", do_policy_show, false },
	{ "policy-test", do_policy_test, false },
	{ "try", do_try, false },
	{ "launch-packet", do_launch_packet, true },
	{ "approve", do_approve, false },
	{ "approvals", do_approvals, false },
	{ "why", do_why, false },
	{ "collateral-warm", do_collateral_warm, false },
	{ "collateral-list", do_collateral_list, false },
	{ "status", do_status, false },
	{ "accept-restore", do_accept_restore, false },
	{ "audit-export", do_audit_export, false },
	{ "store-copy", do_store_copy, false },
	{ "watch", do_watch, false },
};

/* json-c keeps one of two members of a name; jspan refuses them. */
static struct json_object *parse(struct bytes text)
{
	struct json_tokener *t;
	struct json_object *o;
	struct bytes whole;

	if (text.len > ADMIN_REQUEST_MAX || jspan_check(text, &whole) < 0)
		return NULL;
	t = json_tokener_new_ex(JSPAN_DEPTH_MAX);
	if (!t)
		return NULL;
	o = json_tokener_parse_ex(t, (const char *)text.p, (int)text.len);
	json_tokener_free(t);
	if (o && !json_object_is_type(o, json_type_object)) {
		(void) json_object_put(o);
		o = NULL;
	}
	return o;
}

/* The row of a request, or -1. */
static int find(struct json_object *o)
{
	const char *name = json_text(o, "do");
	struct json_object *v;

	if (!json_object_object_get_ex(o, "v", &v) || !json_object_is_type(v, json_type_int) ||
	    json_object_get_int64(v) != 1 || !name)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (streq(name, requests[i].name))
			return (int)i;
	return -1;
}

/* The row of the request's text, or -1. */
static int find_text(struct bytes request)
{
	struct json_object *o = parse(request);
	int i = o ? find(o) : -1;

	(void) json_object_put(o);
	return i;
}

bool admin_takes_secret(struct bytes request)
{
	int i = find_text(request);

	return i >= 0 && requests[i].secret;
}

bool admin_takes_file(struct bytes request)
{
	int i = find_text(request);

	return i >= 0 && requests[i].answer == do_store_copy;
}

bool admin_is_watch(struct bytes request)
{
	int i = find_text(request);

	return i >= 0 && requests[i].answer == do_watch;
}

static int refuse(struct call *c, int error)
{
	(void) json_object_put(c->answer);
	c->answer = json_object_new_object();
	if (json_add_number(c->answer, "v", 1) < 0 || json_add_bool(c->answer, "ok", false) < 0 ||
	    line_text(c->answer, "errno", strerrorname_np(-error) ?: "EIO") < 0)
		return -ENOMEM;
	return line_text(c->answer, "error",
			 c->why.text[0] ? c->why.text : strerror(-error));
}

static int answer(struct call *c)
{
	int i = find(c->request), r;

	if (i < 0)
		return refuse(c, cause_set(&c->why, -EOPNOTSUPP,
					   "this broker does not know such a request: are it and "
					   "coco-broker of one version?"));
	r = requests[i].answer(c);
	return r < 0 ? refuse(c, r) : 0;
}

int admin_answer(struct service *s, struct bytes request, const struct secret *secret,
		 int file, uint32_t uid, char **ret, int *ret_fd)
{
	struct call c = { .s = s, .secret = secret, .uid = uid, .fd = -EBADF, .file = file,
			  .request = parse(request), .answer = json_object_new_object() };
	const char *text;
	int r = -ENOMEM;

	(void) snprintf(c.who, sizeof(c.who), "uid %u", uid);
	if (json_add_number(c.answer, "v", 1) == 0 && json_add_bool(c.answer, "ok", true) == 0)
		r = c.request ? answer(&c) :
				refuse(&c, cause_set(&c.why, -EBADMSG, "this is no request"));
	text = r == 0 ? json_to_text(c.answer, JSON_C_TO_STRING_PLAIN, NULL) : NULL;
	*ret = text ? strdup(text) : NULL;
	(void) json_object_put(c.request);
	(void) json_object_put(c.answer);
	if (!*ret)
		c.fd = close_fd(c.fd);
	*ret_fd = c.fd;
	return *ret ? 0 : -ENOMEM;
}

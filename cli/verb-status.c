/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/cococtl.h"
#include "doctor/guest.h"

#define MAX_SOURCES 16
#define MAX_WARNINGS 4096

struct sources {
	struct msg_source list[MAX_SOURCES];
	unsigned n;
};

static int ask_sources(int fd, struct sources *ret)
{
	int r = 0;

	for (ret->n = 0; ret->n < MAX_SOURCES; ret->n++) {
		struct msg_index q = { ret->n };

		r = client_call(fd, MSG_SOURCE_INFO, &q, sizeof(q), -EBADF, &ret->list[ret->n],
				sizeof(ret->list[0]), NULL);
		if (r < 0)
			break;
	}
	return r == -ENOENT ? 0 : r;
}

struct warnings {
	struct msg_warning *list;
	unsigned n;
};

static void warnings_done(struct warnings *w)
{
	free(w->list);
}

static int ask_warnings(int fd, struct warnings *ret)
{
	int r = 0;

	for (ret->n = 0; ret->n < MAX_WARNINGS; ret->n++) {
		struct msg_warning *more = reallocarray(ret->list, ret->n + 1, sizeof(*more));

		if (!more)
			return -ENOMEM;
		ret->list = more;
		r = cli_ask_warning(fd, ret->n, &more[ret->n]);
		if (r < 0)
			break;
	}
	return r == -ENOENT ? 0 : r;
}

/*
 * When collateral is about to expire, evidence is about to be refused: doctor's check says so,
 * and what to do.  What it cannot tell is not said here.  Returns 0; -ENOMEM.
 */
static int add_collateral_warning(const char *root, struct warnings *w)
{
	_cleanup_(freep) struct result *result = calloc(1, sizeof(*result));
	struct exam exam = { .p = NULL };
	struct msg_warning *more;
	struct cause why;

	if (!result)
		return -ENOMEM;
	if (provider_open(root, NULL, &exam.p, &why) < 0)
		return 0;
	guest_collateral_outlook(&exam, result);
	provider_free(exam.p);
	if (result->outcome != OUTCOME_WARN && result->outcome != OUTCOME_FAIL)
		return 0;
	more = reallocarray(w->list, w->n + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	w->list = more;
	snprintf(more[w->n].text, sizeof(more[w->n].text), "%.300s; %.150s", result->explain,
		 result->n_fixes ? result->fixes[result->n_fixes - 1].text : "");
	make_printable(more[w->n++].text);
	return 0;
}

static const char *source_state(const struct msg_source *s, char *buf, size_t size)
{
	if (s->ignored)
		return "ignored, see the warning";
	if (s->error == -ENOENT)
		return "not there";
	if (s->error)
		return strerror(-s->error);
	snprintf(buf, size, "%u %s%s", s->n_secrets, s->path[0] ? "file" : "secret",
		 s->n_secrets == 1 ? "" : "s");
	return buf;
}

static void print_sources(const struct sources *sources)
{
	char buf[64];

	for (unsigned i = 0; i < sources->n; i++) {
		const struct msg_source *s = &sources->list[i];

		/* Without a secret of its own a broker is no source. */
		if (s->path[0] || s->error != -ENOENT)
			print("%9s: %s, %s\n", i == 0 ? "Sources" : "",
			      s->path[0] ? s->path : "the broker",
			      source_state(s, buf, sizeof(buf)));
	}
}

static void print_broker(const struct msg_broker *b)
{
	char when[TIME_TEXT_MAX];

	if (streq(b->state, "none"))
		return;
	print("   Broker: %s, %s\n", b->state, b->reason);
	for (unsigned i = 0; i < b->n_urls; i++)
		print("           %s\n", b->urls[i]);
	if (b->result[0])
		print("           last asked at %s: %s%s%s%s%s\n",
		      format_time(b->result_usec, when), b->result, b->text[0] ? ", " : "",
		      b->text, b->id[0] ? ", id " : "", b->id);
	if (streq(b->state, "tls-only"))
		puts("  WARNING: the broker is tls-only, so that whoever has the key of its "
		     "certificate can give this VM secrets of their own");
}

static void print_verdict(const struct attest_verdict *v, uint64_t usec)
{
	char sha256[2 * sizeof(v->policy_sha256) + 1], since[TIME_TEXT_MAX];

	if (v->result == ATTEST_NONE)
		return;
	format_hex(v->policy_sha256, sizeof(v->policy_sha256), sha256);
	print("  Verdict: %s (%s) at %s, %s evidence of %s\n", attest_result_name(v->result),
	      v->code, format_time(usec, since), v->type[0] ? v->type : "no",
	      v->provider[0] ? v->provider : "nobody");
	print("   Policy: SHA-256 %s\n", sha256);
	format_hex(v->trust_sha256, sizeof(v->trust_sha256), sha256);
	print("    Trust: %s%s\n",
	      v->trust_replaced ? "attest.trust, SHA-256 " : "the built-in roots",
	      v->trust_replaced ? sha256 : "");
	if (v->trust_replaced)
		puts("  WARNING: attest.trust replaces the built-in roots, so that evidence of "
		     "other makers than AMD and Intel may be accepted");
}

static void print_kept(const struct msg_kept *k)
{
	char hex[2 * sizeof(k->policy_sha256) + 1], since[TIME_TEXT_MAX];
	const char *name;

	if (!k->present)
		return;
	print("   Initrd: %sRequire=%s, BindPolicy=%s, verdict: %s%s%s\n",
	      k->here ? "this is one; kept for the system after it: " : "", k->require,
	      k->bind_policy ? "yes" : "no", attest_result_name(k->result),
	      k->verdict_usec ? " at " : "",
	      k->verdict_usec ? format_time(k->verdict_usec, since) : "");
	format_hex(k->policy_sha256, sizeof(k->policy_sha256), hex);
	print("           %s%s\n", k->has_policy ? "attest.conf, SHA-256 " : "no attest.conf",
	      k->has_policy ? hex : "");
	format_hex(k->trust_sha256, sizeof(k->trust_sha256), hex);
	print("           %s%s\n", k->has_trust ? "attest.trust, SHA-256 " : "the built-in roots",
	      k->has_trust ? hex : "");
	if (!k->differs)
		return;
	print("  ERROR: what the initrd judged by holds beside this system's configuration, which "
	      "is another in");
	for (unsigned i = 0, n = 0; (name = msg_differs_name(i)); i++)
		if (k->differs & 1u << i)
			print("%s %s", n++ ? "," : "", name);
	puts("");
}

static void print_text(const struct msg_status *s, const struct sources *sources,
		       const struct warnings *warnings)
{
	char since[TIME_TEXT_MAX];

	print("cocod %s, since %s\n", s->version, format_time(s->since_usec, since));
	(void) print("     Gate: ");
	print_coloured(s->gate_open ? TEXT_GREEN : TEXT_RED, s->gate_open ? "open" : "closed");
	print(" (%s)\n", s->gate);
	print("   Reason: %s\n", s->reason);
	print("  Machine: %s\n", s->tee);
	print("  Require: %s (%s)\n", s->require, s->require_reason);
	print_verdict(&s->verdict, s->verdict_usec);
	print_kept(&s->kept);
	print_broker(&s->broker);
	if (streq(s->require, "none"))
		puts("  WARNING: Require=none, secrets are released on any machine, proven or not");
	if (s->secret_directory[0])
		print("  WARNING: SecretDirectory=%s, secrets come from a directory for tests\n",
		       s->secret_directory);
	if (!s->verify_header)
		puts("  WARNING: VerifyVolumeHeader=no, a volume's header is not judged before its "
		     "key is given");
	for (unsigned i = 0; i < warnings->n; i++)
		print("  WARNING: %s\n", warnings->list[i].text);
	print_sources(sources);
	print("  Secrets: ");
	if (s->n_remote > 0 || !streq(s->broker.state, "none"))
		print("%u remote, ", s->n_remote);
	print("%u present, %u delivered, %u confirmed, %u wiped\n",
	       s->n_secrets[SECRET_PRESENT], s->n_secrets[SECRET_DELIVERED],
	       s->n_secrets[SECRET_CONFIRMED], s->n_secrets[SECRET_WIPED]);
}

static struct json_object *sources_to_json(const struct sources *sources)
{
	struct json_object *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < sources->n; i++) {
		const struct msg_source *s = &sources->list[i];
		struct json_object *o = json_object_new_object();
		bool failed = s->error && s->error != -ENOENT;

		r |= json_add_text(o, "name", s->name);
		r |= json_add_text_or_null(o, "path", s->path);
		r |= json_add_bool(o, "present", s->error == 0);
		r |= json_add_text_or_null(o, "error", failed ? strerror(-s->error) : NULL);
		r |= json_add_bool(o, "ignored", s->ignored != 0);
		r |= json_add_number(o, "secrets", s->n_secrets);
		r |= json_append(list, o);
	}
	return json_whole(list, r);
}

static int add_digest(struct json_object *o, const char *name, bool there,
		      const uint8_t sha256[static 32])
{
	char hex[65];

	format_hex(sha256, 32, hex);
	return json_add_text_or_null(o, name, there ? hex : NULL);
}

static int add_verdict(struct json_object *status, const struct attest_verdict *v, uint64_t usec)
{
	struct json_object *o;
	int r = 0;

	if (v->result == ATTEST_NONE)
		return json_add_null(status, "verdict");
	o = json_object_new_object();
	r |= json_add_text(o, "result", attest_result_name(v->result));
	r |= json_add_text(o, "code", v->code);
	r |= json_add_text(o, "reason", v->reason);
	r |= json_add_text(o, "type", v->type);
	r |= json_add_text(o, "provider", v->provider);
	r |= add_digest(o, "policy_sha256", true, v->policy_sha256);
	r |= json_add_bool(o, "trust_replaced", v->trust_replaced);
	r |= add_digest(o, "trust_sha256", v->trust_replaced, v->trust_sha256);
	r |= json_add_time(o, "time", usec);
	return r | json_add(status, "verdict", o);
}

static int add_kept_verdict(struct json_object *kept, const struct msg_kept *k)
{
	struct json_object *o;
	int r = 0;

	if (k->result == ATTEST_NONE)
		return json_add_null(kept, "verdict");
	o = json_object_new_object();
	r |= json_add_text(o, "result", attest_result_name(k->result));
	r |= json_add_time(o, "time", k->verdict_usec);
	return r | json_add(kept, "verdict", o);
}

static int add_kept(struct json_object *status, const struct msg_kept *k)
{
	struct json_object *o, *differs;
	const char *name;
	int r = 0;

	if (!k->present)
		return json_add_null(status, "initrd");
	o = json_object_new_object();
	differs = json_object_new_array();
	r |= json_add_bool(o, "here", k->here);
	r |= json_add_text(o, "require", k->require);
	r |= json_add_bool(o, "bind_policy", k->bind_policy);
	r |= add_digest(o, "policy_sha256", k->has_policy, k->policy_sha256);
	r |= add_digest(o, "trust_sha256", k->has_trust, k->trust_sha256);
	r |= add_kept_verdict(o, k);
	for (unsigned i = 0; (name = msg_differs_name(i)); i++)
		if (k->differs & 1u << i)
			r |= json_append_text(differs, name);
	r |= json_add(o, "differs", differs);
	return r | json_add(status, "initrd", o);
}

static int add_last(struct json_object *broker, const struct msg_broker *b)
{
	struct json_object *o;
	int r = 0;

	if (!b->result[0])
		return json_add_null(broker, "last");
	o = json_object_new_object();
	r |= json_add_text(o, "result", b->result);
	r |= json_add_text(o, "text", b->text);
	r |= json_add_text_or_null(o, "id", b->id);
	r |= json_add_time(o, "time", b->result_usec);
	return r | json_add(broker, "last", o);
}

static int add_broker(struct json_object *status, const struct msg_broker *b)
{
	struct json_object *o, *urls;
	int r = 0;

	if (streq(b->state, "none"))
		return json_add_null(status, "broker");
	o = json_object_new_object();
	urls = json_object_new_array();
	r |= json_add_bool(o, "open", b->open);
	r |= json_add_text(o, "state", b->state);
	r |= json_add_text(o, "reason", b->reason);
	for (unsigned i = 0; i < b->n_urls; i++)
		r |= json_append_text(urls, b->urls[i]);
	r |= json_add(o, "urls", urls);
	r |= add_last(o, b);
	return r | json_add(status, "broker", o);
}

static struct json_object *gate_to_json(const struct msg_status *s)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	r |= json_add_bool(o, "open", s->gate_open);
	r |= json_add_text(o, "state", s->gate);
	r |= json_add_text(o, "reason", s->reason);
	r |= json_add_text(o, "require", s->require);
	r |= json_add_text(o, "require_reason", s->require_reason);
	return json_whole(o, r);
}

static struct json_object *counts_to_json(const struct msg_status *s)
{
	struct json_object *o = json_object_new_object();
	int r = json_add_number(o, SECRET_STATE_REMOTE, s->n_remote);

	for (unsigned i = 0; i < _SECRET_STATE_MAX; i++)
		r |= json_add_number(o, secret_state_name(i), s->n_secrets[i]);
	return json_whole(o, r);
}

static int print_as_json(const struct msg_status *s, const struct sources *sources,
			 const struct warnings *warnings)
{
	struct json_object *o = json_document("status"), *list = json_object_new_array();
	int r = 0;

	r |= json_add_text(o, "cocod_version", s->version);
	r |= json_add_time(o, "since", s->since_usec);
	r |= json_add(o, "gate", gate_to_json(s));
	r |= add_verdict(o, &s->verdict, s->verdict_usec);
	r |= add_kept(o, &s->kept);
	r |= add_broker(o, &s->broker);
	r |= json_add_text(o, "tee", s->tee);
	r |= json_add_bool(o, "verify_volume_header", s->verify_header);
	r |= json_add_text_or_null(o, "secret_directory", s->secret_directory);
	r |= json_add(o, "sources", sources_to_json(sources));
	r |= json_add(o, "secrets", counts_to_json(s));
	for (unsigned i = 0; i < warnings->n; i++)
		r |= json_append_text(list, warnings->list[i].text);
	r |= json_add(o, "warnings", list);
	return print_json(json_whole(o, r));
}

/* End every text within its array, whatever was sent. */
static void terminate(struct msg_status *s)
{
	char *const ends[] = {
		s->version + sizeof(s->version) - 1,
		s->tee + sizeof(s->tee) - 1,
		s->require + sizeof(s->require) - 1,
		s->require_reason + sizeof(s->require_reason) - 1,
		s->kept.require + sizeof(s->kept.require) - 1,
		s->verdict.type + sizeof(s->verdict.type) - 1,
		s->verdict.provider + sizeof(s->verdict.provider) - 1,
		s->verdict.code + sizeof(s->verdict.code) - 1,
		s->verdict.reason + sizeof(s->verdict.reason) - 1,
		s->gate + sizeof(s->gate) - 1,
		s->reason + sizeof(s->reason) - 1,
		s->secret_directory + sizeof(s->secret_directory) - 1,
		s->broker.state + sizeof(s->broker.state) - 1,
		s->broker.reason + sizeof(s->broker.reason) - 1,
		s->broker.result + sizeof(s->broker.result) - 1,
		s->broker.text + sizeof(s->broker.text) - 1,
		s->broker.id + sizeof(s->broker.id) - 1,
	};

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		*ends[i] = '\0';
	s->broker.n_urls = MIN(s->broker.n_urls, (uint32_t)BROKER_URLS_MAX);
	for (unsigned i = 0; i < BROKER_URLS_MAX; i++)
		s->broker.urls[i][BROKER_URL_LEN - 1] = '\0';
	make_printable(s->broker.text);
	make_printable(s->broker.id);
}

static int run(struct args *args)
{
	_cleanup_(warnings_done) struct warnings warnings = { 0 };
	_cleanup_(closep) int fd = -EBADF;
	struct sources sources;
	struct msg_status s;
	int r;

	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	r = client_call(fd, MSG_STATUS, NULL, 0, -EBADF, &s, sizeof(s), NULL);
	if (r >= 0)
		r = ask_sources(fd, &sources);
	if (r >= 0)
		r = ask_warnings(fd, &warnings);
	if (r >= 0)
		r = add_collateral_warning(args->attest.root, &warnings);
	if (r < 0)
		return cli_failed(r, NULL);
	terminate(&s);
	if (args->json)
		return print_as_json(&s, &sources, &warnings);
	print_text(&s, &sources, &warnings);
	return STATUS_GOOD;
}

static const struct option_row options[] = {
	ROW_COLOUR,
	ROW_JSON,
	{ "root", "DIR", "look for collateral below this folder", OPTION_PATH(attest.root),
	  .hidden = true },
	{ NULL },
};

const struct verb verb_status = {
	.name = "status",
	.help = "Show whether secrets are released on this machine, and why",
	.example = "",
	.options = options,
	.run = run,
};

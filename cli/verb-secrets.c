/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/table.h"
#include "cli/cococtl.h"
#include "cli/secret-read.h"

#define HAS_WAIT_USEC (60 * UINT64_C(1000000))
#define HAS_POLL_USEC 250000

static const char *state_name(const struct msg_secret *m)
{
	return m->remote && m->state == SECRET_PRESENT ? SECRET_STATE_REMOTE :
							 secret_state_name(m->state);
}

/* How long a secret is that only the broker has is not known here. */
static bool has_size(const struct msg_secret *m)
{
	return !m->remote || m->size > 0;
}

/* {"cryptsetup:data": "opened", ...} */
static struct json_object *deliveries_to_json(const struct msg_secret *m)
{
	struct json_object *o = json_object_new_object();
	char words[MSG_DELIVERIES_LEN], *save = NULL;
	int r = 0;

	memcpy(words, m->deliveries, sizeof(words));
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		char *outcome = strrchr(w, '=');

		if (!outcome)
			continue;
		*outcome = '\0';
		r |= json_add_text(o, w, outcome + 1);
	}
	return json_whole(o, r);
}

static struct json_object *consumers_to_json(const struct msg_secret *m)
{
	struct json_object *list = json_object_new_array();
	char words[MSG_CONSUMERS_LEN], *save = NULL;
	int r = 0;

	memcpy(words, m->consumers, sizeof(words));
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		r |= json_append_text(list, w);
	return json_whole(list, r);
}

static struct json_object *times_to_json(const struct msg_secret *m)
{
	struct json_object *o = json_object_new_object();
	int r = 0;

	for (unsigned i = 0; i < _SECRET_STATE_MAX; i++)
		r |= json_add_time(o, secret_state_name(i), m->since_usec[i]);
	return json_whole(o, r);
}

/* Add what is known of a secret to @o, which is taken.  Returns it, or NULL without memory. */
static struct json_object *to_json(const struct msg_secret *m, struct json_object *o)
{
	int r = 0;

	r |= json_add_text(o, "name", m->name);
	r |= json_add_text(o, "guid", m->guid);
	r |= json_add_text_or_null(o, "uri", m->uri);
	r |= json_add_number_if(o, "size", has_size(m), (int64_t)m->size);
	r |= json_add_text(o, "source", m->source);
	r |= json_add_text(o, "state", state_name(m));
	r |= json_add_text(o, "wipe", secret_wipe_name(m->wipe));
	r |= json_add(o, "consumers", consumers_to_json(m));
	r |= json_add_text_or_null(o, "delivered_to", m->delivered_to);
	r |= json_add(o, "deliveries", deliveries_to_json(m));
	r |= json_add_text_or_null(o, "warning", m->warning);
	r |= json_add(o, "times", times_to_json(m));
	return json_whole(o, r);
}

static int print_list_json(const struct secret_list *l)
{
	struct json_object *o = json_document("secrets"), *list = json_object_new_array();
	int r = 0;

	for (unsigned i = 0; i < l->n; i++)
		r |= json_append(list, to_json(&l->secrets[i], json_object_new_object()));
	r |= json_add(o, "secrets", list);
	return print_json(json_whole(o, r));
}

static int add_row(struct table *t, const struct msg_secret *m)
{
	char size[24], since[TIME_TEXT_MAX];

	(void) snprintf(size, sizeof(size), has_size(m) ? "%llu" : "-",
			(unsigned long long)m->size);
	return table_add(t, (const char *const[]){ m->name, m->guid, size, m->source,
						   state_name(m),
						   format_time(m->since_usec[m->state], since),
						   m->consumers });
}

static int print_table(const struct secret_list *l)
{
	static const struct table_column columns[] = {
		{ "NAME" },  { "GUID" },  { "SIZE", .right = true }, { "SOURCE" },
		{ "STATE" }, { "SINCE" }, { "CONSUMERS" },
	};
	_cleanup_(table_done) struct table t = { columns, ARRAY_SIZE(columns) };

	for (unsigned i = 0; i < l->n; i++)
		if (add_row(&t, &l->secrets[i]) < 0) {
			(void) log_oom();
			return STATUS_FAILED;
		}
	table_print(&t);
	for (unsigned i = 0; i < l->n; i++)
		if (l->secrets[i].warning[0])
			print("WARNING: %s\n", l->secrets[i].warning);
	return STATUS_GOOD;
}

static int run_list(struct args *args)
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };
	_cleanup_(closep) int fd = -EBADF;
	int r;

	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	r = secret_list_ask(fd, &l);
	if (r < 0)
		return cli_failed(r, NULL);
	if (args->json)
		return print_list_json(&l);
	if (l.n > 0)
		return print_table(&l);
	log_notice("There are no secrets; 'cococtl status' shows where they would come from");
	return STATUS_GOOD;
}

static int run_show(struct args *args)
{
	_cleanup_(closep) int fd = -EBADF;
	struct msg_secret m;
	int r;

	r = cli_connect(args, &fd);
	if (r == 0)
		r = secret_find(fd, args->words.items[0], &m);
	if (r != 0)
		return r;
	if (args->json)
		return print_json(to_json(&m, json_document("secret")));
	print("        Name: %s\n        Guid: %s\n", m.name, m.guid);
	if (m.uri[0])
		print("         Uri: %s\n", m.uri);
	if (has_size(&m))
		print("        Size: %llu bytes\n", (unsigned long long)m.size);
	print("      Source: %s\n       State: %s\n        Wipe: %s\n   Consumers: %s\n", m.source,
	      state_name(&m), secret_wipe_name(m.wipe), m.consumers);
	if (m.delivered_to[0])
		print("Delivered to: %s\n", m.delivered_to);
	if (m.deliveries[0])
		print("    Outcomes: %s\n", m.deliveries);
	if (m.warning[0])
		print("     WARNING: %s\n", m.warning);
	for (unsigned i = 0; i < _SECRET_STATE_MAX; i++) {
		char buf[TIME_TEXT_MAX];

		if (m.since_usec[i])
			print("%12s: %s\n",
			      i == SECRET_PRESENT && m.remote ? SECRET_STATE_REMOTE :
								secret_state_name(i),
			       format_time(m.since_usec[i], buf));
	}
	return STATUS_GOOD;
}

/* What a person would like to know before it is too late. */
static void say_when_wiped(const char *name, const struct msg_secret *m)
{
	if (m->state == SECRET_WIPED)
		return;
	if (m->wipe == WIPE_DELIVERED)
		log_notice("Secret '%s' is wiped as soon as it has been written here "
			   "(Wipe=delivered); --keep keeps it", name);
	else if (m->wipe == WIPE_BOOT_COMPLETE)
		log_notice("Secret '%s' is wiped when the boot is complete (Wipe=boot-complete)",
			   name);
}

static int run_get(struct args *args)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	_cleanup_(closep) int fd = -EBADF;
	struct msg_secret m;
	const char *name = args->words.items[0];
	int r;

	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	if (isatty(STDOUT_FILENO) && !args->secrets.force) {
		log_error("Not printing a secret to a terminal; pipe it to who needs it, or use "
			  "--force");
		return STATUS_FAILED;
	}
	r = secret_protect_process();
	if (r < 0) {
		log_error_errno(r, "Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	r = secret_find(fd, name, &m);
	if (r == 0 && !args->secrets.keep)
		say_when_wiped(name, &m);
	if (r == 0)
		r = secret_fetch(fd, name, &m, &s);
	if (r != 0)
		return r;
	/* Do not use stdio: nobody wipes its buffer. */
	r = write_full(STDOUT_FILENO, secret_data(s), secret_len(s));
	if (r == 0 && args->secrets.newline)
		r = write_full(STDOUT_FILENO, "\n", 1);
	if (r < 0) {
		log_error_errno(r, "Failed to write secret '%s', it is kept: %m", name);
		return STATUS_FAILED;
	}
	if (args->secrets.keep)
		return STATUS_GOOD;
	return secret_delivered(fd, name, &m);
}

/* While evidence is being verified nothing can be said yet. */
static int ask_has(int fd, const struct msg_has *q)
{
	uint64_t deadline = now_usec() + HAS_WAIT_USEC;
	int r;

	while ((r = client_call(fd, MSG_SECRET_HAS, q, sizeof(*q), -EBADF, NULL, 0, NULL)) ==
		       -EAGAIN &&
	       now_usec() < deadline)
		(void) usleep(HAS_POLL_USEC);
	return r;
}

static int run_has(struct args *args)
{
	const char *name = args->words.items[0], *unit = args->secrets.unit ?: "";
	char near[NEAREST_TEXT_MAX] = "";
	_cleanup_(closep) int fd = -EBADF;
	struct msg_has q = { 0 };
	const char *why;
	int r;

	if (cli_connect(args, &fd) != 0)
		return STATUS_UNKNOWN;
	if (strlen(name) >= sizeof(q.name) || strlen(unit) >= sizeof(q.unit)) {
		log_error("The name '%s' is too long",
			  strlen(name) >= sizeof(q.name) ? name : unit);
		return STATUS_HAS_NOT;
	}
	strcpy(q.name, name);
	strcpy(q.unit, unit);
	r = ask_has(fd, &q);
	why = r == -ENOKEY	? "there is none of that name" :
	      r == -EKEYREVOKED ? "it is wiped" :
	      r == -ENODATA	? "it is empty" :
	      r == -EACCES	? "its Consumers= does not name that unit" :
	      r == -EPERM	? "the gate is closed; 'cococtl status' says why" :
				  NULL;
	if (why) {
		if (r == -ENOKEY)
			(void) secret_nearest_text(fd, name, near);
		log_notice("Secret '%s' is not to be had: %s%s", name, why, near);
		return STATUS_HAS_NOT;
	}
	if (r < 0) {
		(void) cli_failed(r, name);
		return STATUS_UNKNOWN;
	}
	return STATUS_GOOD;
}

static int wipe_one(int fd, const char *name, bool force)
{
	struct msg_wipe q = { .force = force };
	int r;

	if (strlen(name) >= sizeof(q.name))
		return cli_failed(-ENOKEY, name);
	strcpy(q.name, name);
	r = client_call(fd, MSG_SECRET_WIPE, &q, sizeof(q), -EBADF, NULL, 0, NULL);
	if (r == -ENOKEY)
		return secret_missing(fd, name);
	return r < 0 ? cli_failed(r, name) : STATUS_GOOD;
}

static int wipe_all(int fd, bool force)
{
	_cleanup_(secret_list_done) struct secret_list l = { 0 };
	int status = STATUS_GOOD, r;

	r = secret_list_ask(fd, &l);
	if (r < 0)
		return cli_failed(r, NULL);
	for (unsigned i = 0; i < l.n; i++) {
		r = wipe_one(fd, l.secrets[i].guid, force);
		status = status == STATUS_GOOD ? r : status;
	}
	return status;
}

static int run_wipe(struct args *args)
{
	const struct args_secrets *o = &args->secrets;
	_cleanup_(closep) int fd = -EBADF;
	int status = STATUS_GOOD, r;

	if ((args->words.n > 0) + o->all + o->boot_complete != 1) {
		log_error("'wipe' takes names of secrets, or --all, or --boot-complete");
		return STATUS_USAGE;
	}
	r = cli_connect(args, &fd);
	if (r != 0)
		return r;
	if (o->all)
		return wipe_all(fd, o->force);
	if (o->boot_complete) {
		r = client_call(fd, MSG_BOOT_COMPLETE, NULL, 0, -EBADF, NULL, 0, NULL);
		return r < 0 ? cli_failed(r, NULL) : STATUS_GOOD;
	}
	for (size_t i = 0; i < args->words.n; i++) {
		r = wipe_one(fd, args->words.items[i], o->force);
		status = status == STATUS_GOOD ? r : status;
	}
	return status;
}

/* ---- the verbs ---- */

static const struct option_row show_options[] = { ROW_JSON, { NULL } };

static const struct option_row get_options[] = {
	{ "keep", NULL, "do not report it as delivered, so that nothing is wiped",
	  OPTION_FLAG(secrets.keep) },
	{ "newline", NULL, "add a newline", OPTION_FLAG(secrets.newline) },
	{ "force", NULL, "write to a terminal, which is refused otherwise",
	  OPTION_FLAG(secrets.force) },
	{ NULL },
};

static const struct option_row has_options[] = {
	{ "unit", "UNIT", "also say whether this unit may have it", OPTION_STRING(secrets.unit) },
	{ NULL },
};

static const struct option_row wipe_options[] = {
	{ "all", NULL, "wipe all of them", OPTION_FLAG(secrets.all) },
	{ "boot-complete", NULL, "wipe those with Wipe=boot-complete",
	  OPTION_FLAG(secrets.boot_complete) },
	{ "force", NULL, "also wipe one that is being handed over at the moment",
	  OPTION_FLAG(secrets.force) },
	{ NULL },
};

#define ONE_SECRET \
	{ .value = "NAME|GUID", OPTION_LIST(words, 1), .required = true, .offer = secret_offer }

const struct verb verb_secrets_list = {
	.name = "secrets list",
	.help = "List all secrets, wiped ones too",
	.example = "",
	.options = show_options,
	.words = { .help = "'secrets show NAME' is for one secret" },
	.run = run_list,
};

const struct verb verb_secrets_show = {
	.name = "secrets show",
	.help = "Show one secret, without its bytes",
	.example = "luks",
	.options = show_options,
	.words = ONE_SECRET,
	.run = run_show,
};

const struct verb verb_secrets_get = {
	.name = "secrets get",
	.help = "Write a secret's bytes to standard output",
	.example = "luks --keep | sha256sum",
	.options = get_options,
	.words = ONE_SECRET,
	.run = run_get,
};

const struct verb verb_secrets_has = {
	.name = "secrets has",
	.help = "Say by the exit status whether a secret can be had",
	.example = "luks --unit=systemd-cryptsetup@data.service",
	.options = has_options,
	.words = ONE_SECRET,
	.run = run_has,
};

const struct verb verb_secrets_wipe = {
	.name = "secrets wipe",
	.help = "Zero secrets in the kernel's memory",
	.example = "--boot-complete",
	.options = wipe_options,
	.words = { .value = "NAME|GUID...", OPTION_LIST(words, 0), .offer = secret_offer },
	.run = run_wipe,
};

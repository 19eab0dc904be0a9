/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "broker/coco-broker.h"
#include "broker/core/recovery.h"
#include "broker/key-make.h"
#include "broker/offline.h"
#include "broker/rekey.h"
#include "broker/serve/key-files.h"
#include "broker/serve/record-io.h"
#include "crypto/cleanup.h"

/*
 * A new master key, and a new recovery key for it, while no broker runs.  Both master keys are in
 * files until the store is of the new one alone:
 *
 *	master.key.new, recovery.copy.new are made; the store is marked and changed; the recovery
 *	key is shown; recovery.copy.new and then master.key.new get their names; the mark goes.
 *
 * Wherever it is killed, the broker does not start, and the same command goes on.  Before the mark,
 * the broker starts as before.
 */
#define LINE_USEC 30000000ull

static const struct option_row options[] = {
	{ "recovery-key", "FILE", "write the new recovery key to FILE, and not to the terminal",
	  OPTION_PATH(keep.recovery_key) },
	ROW_JSON,
	{ NULL },
};

struct change {
	struct offline o;
	const char *to;				/* where the recovery key goes; NULL: terminal */
	char *new_path, *copy_path, *new_copy_path;
	struct secret *recovery_text;
	struct keys *old, *new;
	bool finished;				/* the files have their names already */
	struct rekey_count count;
};

static void change_done(struct change *c)
{
	offline_done(&c->o);
	free(c->new_path);
	free(c->copy_path);
	free(c->new_copy_path);
	secret_free(c->recovery_text);
	keys_free(c->old);
	keys_free(c->new);
}

static int name_files(struct change *c, struct cause *why)
{
	if (asprintf(&c->new_path, "%s.new", c->o.settings.master_key) < 0 ||
	    path_beside(c->o.path, RECOVERY_COPY_FILE, &c->copy_path) < 0 ||
	    asprintf(&c->new_copy_path, "%s.new", c->copy_path) < 0)
		return cause_set_oom(why);
	return 0;
}

/* The file belongs to whom the old one belongs to, who may be the service. */
static int give_away(const char *path, const char *like, struct cause *why)
{
	struct stat st;

	if (stat(like, &st) < 0)
		return cause_set(why, -errno, "%s cannot be looked at: %s", like, strerror(errno));
	if (geteuid() == 0 && chown(path, st.st_uid, st.st_gid) < 0)
		return cause_set(why, -errno, "%s cannot be given away: %s", path,
				 strerror(errno));
	return 0;
}

static int make_master(struct change *c, struct secret **ret, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	int r = master_key_make(&key);

	if (r < 0)
		return cause_set(why, r, "No master key can be made: %s", strerror(-r));
	r = write_file_atomic(c->new_path, secret_data(key), secret_len(key), 0600,
			      /* exclusive= */ true);
	/* What is of a key that is lost is lost. */
	if (r == 0)
		r = sync_folder_of(c->new_path);
	if (r < 0)
		return cause_set(why, r, "%s cannot be written: %s", c->new_path, strerror(-r));
	*ret = TAKE_PTR(key);
	return 0;
}

/* The new key, of a run before this one or fresh.  When that run renamed it, it is the old one. */
static int take_master(struct change *c, struct secret **ret, struct cause *why)
{
	uint64_t mark = 0;
	int r;

	if (access(c->new_path, F_OK) == 0)
		return key_file_read(c->new_path, ret, why);
	r = store_revision(c->o.store, STORE_REKEYING, &mark, why);
	if (r < 0)
		return r;
	c->finished = mark > 0;
	return c->finished ? key_file_read(c->o.settings.master_key, ret, why) :
			     make_master(c, ret, why);
}

/* Each run has a recovery key of its own: that of the run before may never have been shown. */
static int make_recovery(struct change *c, const struct secret *master, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *key = NULL;
	_cleanup_(freep) char *copy = NULL;
	int r = recovery_key_new(&key);

	if (r == 0)
		r = recovery_key_format(key, &c->recovery_text);
	if (r == 0)
		r = recovery_wrap(key, master, &copy);
	if (r < 0)
		return cause_set(why, r, "No recovery key can be made: %s", strerror(-r));
	r = write_file_atomic(c->new_copy_path, copy, strlen(copy), 0600,
			      /* exclusive= */ false);
	return r < 0 ? cause_set(why, r, "%s cannot be written: %s", c->new_copy_path,
				 strerror(-r)) :
		       0;
}

static int take_keys(struct change *c, struct cause *why)
{
	_cleanup_(secret_freep) struct secret *master = NULL;
	_cleanup_(freep) char *pem = NULL;
	EVP_PKEY *identity;
	int r;

	r = key_files_read(&c->o.settings, &c->old, &pem, why);
	if (r == 0)
		r = take_master(c, &master, why);
	if (r == 0 && !c->finished)
		r = make_recovery(c, master, why);
	if (r < 0)
		return r;
	identity = keys_identity(c->old);
	if (EVP_PKEY_up_ref(identity) != 1)
		return cause_set_oom(why);
	r = keys_new(TAKE_PTR(master), identity, &c->new);
	return r < 0 ? cause_set(why, r, "%s is no master key: %s", c->new_path, strerror(-r)) : 0;
}

static int show_recovery(const struct change *c, struct cause *why)
{
	int r;

	if (!c->to)
		return recovery_key_show(c->recovery_text, why);
	r = write_file_atomic(c->to, secret_data(c->recovery_text), secret_len(c->recovery_text),
			      0600, /* exclusive= */ true);
	return r < 0 ? cause_set(why, r, "%s, the recovery key, cannot be written: %s", c->to,
				 strerror(-r)) :
		       0;
}

static int rename_file(const char *from, const char *to, struct cause *why)
{
	int r = rename(from, to) < 0 ? -errno : sync_folder_of(to);

	return r < 0 ? cause_set(why, r, "%s cannot become %s: %s", from, to, strerror(-r)) : 0;
}

/* The last one tells a run that comes later that all have their names. */
static int rename_files(const struct change *c, struct cause *why)
{
	int r = show_recovery(c, why);

	if (r == 0)
		r = give_away(c->new_path, c->o.settings.master_key, why);
	if (r == 0)
		r = rename_file(c->new_copy_path, c->copy_path, why);
	return r == 0 ? rename_file(c->new_path, c->o.settings.master_key, why) : r;
}

/* The log says when the key changed, and who did it. */
static int write_line(const struct change *c, struct cause *why)
{
	_cleanup_(json_putp) struct json_object *line = NULL;
	_cleanup_(writer_freep) struct writer *w = NULL;
	struct store_member m = { .n_changes = 0 };
	char who[32];
	int r;

	(void) snprintf(who, sizeof(who), "uid %u", (unsigned)getuid());
	line = line_new("rekey", NULL, who);
	if (line_number(line, "records", c->count.changed + c->count.already) < 0 ||
	    line_number(line, "foreign", c->count.foreign) < 0)
		return cause_set_oom(why);
	r = writer_new(c->o.store, c->o.settings.instance, &w, why);
	return r == 0 ? writer_commit(w, &m, line, LINE_USEC, why) : r;
}

static int rekey(const struct args *args, struct change *c, struct cause *why)
{
	int r;

	c->to = args->keep.recovery_key;
	r = recovery_key_has_place(c->to, args->json, why);
	if (r < 0)
		return r;
	if (c->to && access(c->to, F_OK) == 0)
		return cause_set(why, -EEXIST, "%s is there already and is left alone", c->to);
	r = offline_read(args, &c->o, why);
	if (r == 0)
		r = name_files(c, why);
	if (r == 0)
		r = offline_store(&c->o, why);
	if (r == 0)
		r = take_keys(c, why);
	if (r == 0)
		r = rekey_store(c->o.store, c->old, c->new, &c->count, why);
	if (r == 0 && !c->finished)
		r = rename_files(c, why);
	if (r == 0)
		r = store_mark(c->o.store, STORE_REKEYING, false, NULL, why);
	return r == 0 ? write_line(c, why) : r;
}

static void show(const struct rekey_count *n)
{
	print("The master key is a new one, and %u secrets and records are of it.  Give it to the "
	      "other instances, start the broker, and make a backup: the old ones open with the "
	      "old recovery key alone.\n",
	      n->changed + n->already);
	if (n->foreign > 0)
		print("%u are of neither key, and are refused as before.\n", n->foreign);
}

static int show_json(const struct change *c)
{
	_cleanup_(json_putp) struct json_object *o = json_document("broker-rekey");
	int64_t records = (int64_t)c->count.changed + c->count.already;

	if (json_add_number(o, "records", records) < 0 ||
	    json_add_number(o, "foreign", c->count.foreign) < 0 ||
	    json_add_text(o, "master_key", c->o.settings.master_key) < 0 ||
	    json_add_text(o, "recovery_key", c->to) < 0)
		return -ENOMEM;
	return json_print(o, JSON_C_TO_STRING_PLAIN);
}

static int run(struct args *args)
{
	_cleanup_(change_done) struct change c = { .to = NULL };
	struct cause why = { "" };

	if (secret_protect_process() < 0) {
		log_error("Failed to keep this process out of core dumps: %m");
		return STATUS_FAILED;
	}
	if (rekey(args, &c, &why) < 0) {
		log_error("%s", why.text);
		return STATUS_FAILED;
	}
	if (!args->json) {
		show(&c.count);
	} else if (show_json(&c) < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	return STATUS_GOOD;
}

const struct verb verb_rekey = {
	.name = "rekey",
	.help = "Replace the master key and the recovery key, while no broker runs",
	.example = "--recovery-key=recovery.key",
	.options = options,
	.run = run,
};

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cococtl luks format: make a volume of an empty device, whose first keyslot opens with a secret.
 *
 * All that can be known is looked at first, and the broker is asked last, as it may give the
 * secret only once.  Then come the header, the keyslot, and what luks enroll writes.  Killed after
 * any of these, the next run goes on: a header without a keyslot says that it is one of ours and
 * that nobody ever had a key to it, and a volume that opens with the secret needs no formatting.
 */
#include <stdio.h>
#include <sys/random.h>

#include "agent/keeper/config.h"
#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/text.h"
#include "cli/broker-fetch.h"
#include "cli/cococtl.h"
#include "cli/luks-enrolment.h"
#include "cli/luks-header.h"
#include "cli/luks-probe.h"
#include "cli/overlay.h"
#include "cli/secret-read.h"
#include "secrets/policy.h"
#include "wire/guid.h"
#include "wire/kbs-uri.h"

#define FOLDER "/etc/cocod/secrets.d"

/* What is on the device. */
enum there {
	THERE_NOTHING,
	THERE_VOLUME,	/* LUKS2, which may be one that was made by us */
	THERE_OTHER,
};

struct format {
	struct enrolment e;		/* first: before_crypttab() gets it */
	enum there there;
	char seen[PROBE_LEN];		/* by blkid */
	struct msg_broker_get question;	/* with --uri */
	char file[PATH_MAX], text[512];	/* of secrets.d, with --uri */
};

static int refuse(struct format *f, const char *why)
{
	struct cause c;

	(void) cause_set(&c, -EPERM, "%s", why);
	return enrolment_refused(&f->e, &c);
}

/* ---- which secret ---- */

/* What secrets.d is to have, and what cocod will say of it. */
static int name_uri(struct format *f, const char *text)
{
	struct enrolment *e = &f->e;
	const char *name = e->args->luks.name;
	struct kbs_uri uri;

	if (kbs_uri_parse(text, &uri) < 0 || uri.host[0]) {
		log_error("'%s' is not the name of a secret such as kbs:///default/luks/data",
			  text);
		return STATUS_USAGE;
	}
	if (!name_is_valid(name, MSG_NAME_LEN)) {
		log_error("'%s' cannot be the name of a secret: give another --name, or --secret "
			  "for one of secrets.d",
			  name);
		return STATUS_USAGE;
	}
	memcpy(f->question.path, uri.path, sizeof(f->question.path));
	f->question.by_person = 1;
	snprintf(e->m.name, sizeof(e->m.name), "%s", name);
	snprintf(e->m.consumers, sizeof(e->m.consumers), CONSUMER_CRYPTSETUP ":%s", name);
	e->m.verify_header = 1;
	if (snprintf(f->file, sizeof(f->file), "%s" FOLDER "/%s.conf", e->args->luks.root ?: "",
		     name) >= (int)sizeof(f->file) ||
	    snprintf(f->text, sizeof(f->text),
		     "# Written by 'cococtl luks format'; see cocod.conf(5).\n"
		     "[Secret]\nUri=kbs:///%s\nConsumers=%s\n",
		     uri.path, e->m.consumers) >= (int)sizeof(f->text)) {
		log_error("That name is too long");
		return STATUS_USAGE;
	}
	return 0;
}

static struct overlay_file secret_file(const struct format *f)
{
	return (struct overlay_file){ f->file, f->text, strlen(f->text) };
}

/* Would cocod take the file, together with all that is there?  Its errors are logged. */
static int check_secret_file(struct format *f)
{
	const struct overlay_file file = secret_file(f);
	const struct overlay o = { f->e.args->luks.root ?: "", &file, 1 };
	const struct config_root root = OVERLAY_ROOT(&o);
	_cleanup_(config_freep) struct config *config = NULL;
	int r = overlay_may_write(&file, /* replace= */ false);

	if (r == -EEXIST) {
		log_error("Nothing was changed on '%s': '%s' exists and says something else; if "
			  "it is for this volume, use --secret=%s and not --uri",
			  f->e.device, f->file, f->e.m.name);
		return STATUS_FAILED;
	}
	if (r < 0)
		return STATUS_FAILED;
	r = config_load_from(&root, NULL, NULL, &config);
	if (r < 0) {
		(void) log_oom();
		return STATUS_FAILED;
	}
	return config->errors.n == 0 ?
		       0 :
		       refuse(f, "cocod would refuse its configuration with this secret");
}

static int write_secret_file(struct enrolment *e, struct cause *c)
{
	const struct format *f = (const struct format *)e;
	const struct overlay_file file = secret_file(f);
	char folder[PATH_MAX];
	int r;

	if (overlay_may_write(&file, /* replace= */ false) == 1)
		return 0;
	(void) snprintf(folder, sizeof(folder), "%s" FOLDER, e->args->luks.root ?: "");
	r = make_folders(folder, 0755);
	if (r == 0)
		r = write_file_atomic(file.path, file.text, file.len, 0644, /* exclusive= */ true);
	return r < 0 ? cause_set(c, -EIO, "'%s' cannot be written: %s", f->file, strerror(-r)) : 0;
}

/* The last question, whose answer may be given only once. */
static int take_secret(struct format *f)
{
	struct enrolment *e = &f->e;
	struct msg_fetched m;
	int r;

	if (!f->question.path[0])
		return secret_fetch(e->cocod, e->args->luks.secret, &e->m, &e->secret);
	r = broker_fetch(e->cocod, MSG_BROKER_GET, &f->question, sizeof(f->question), &m,
			 &e->secret);
	if (r < 0)
		return cli_failed(r, e->m.name);
	return e->secret ? 0 : broker_fetch_failed(&m, e->args->luks.uri);
}

/* ---- what is there ---- */

/* Of version 4, whose digit is in the third group: a GUID has that the other way round. */
static int new_uuid(char ret[static GUID_TEXT_LEN + 1])
{
	struct guid g;

	if (getrandom(g.b, sizeof(g.b), 0) != sizeof(g.b))
		return -EIO;
	g.b[7] = (uint8_t)((g.b[7] & 0x0f) | 0x40);
	g.b[8] = (uint8_t)((g.b[8] & 0x3f) | 0x80);
	guid_format(&g, ret);
	return 0;
}

/* It is LUKS: one that can be read, and perhaps one of ours that was not finished. */
static int look_at_luks(struct format *f)
{
	struct luks_verdict v;
	struct cause c;

	if (luks_header_judge(f->e.fd, f->e.m.allow_tokens, f->e.m.volume_pins, &v) < 0)
		return STATUS_FAILED;
	/* A kill may have left one of two headers; the library mends that. */
	if (v.error && v.error != -EKEYREJECTED && v.error != -EBADMSG)
		return 0;
	if (luks_volume_open(f->e.device, &f->e.volume, &c) < 0)
		return 0;
	if (f->e.volume.unfinished_format)
		log_info("An earlier run was cut short on '%s' before it had a key", f->e.device);
	f->there = f->e.volume.unfinished_format ? THERE_NOTHING : THERE_VOLUME;
	return 0;
}

static int look_at_device(struct format *f)
{
	struct cause c;
	int r;

	if (luks_check_unused(f->e.device, &f->e.plan.st, &c) < 0 ||
	    luks_probe(f->e.device, f->seen, &c) < 0)
		return enrolment_refused(&f->e, &c);
	f->there = f->seen[0] ? THERE_OTHER : THERE_NOTHING;
	r = streq(f->seen, "crypto_LUKS") ? look_at_luks(f) : 0;
	if (r != 0 || f->there == THERE_VOLUME)
		return r;
	if (f->there == THERE_OTHER && !f->e.args->luks.force) {
		(void) cause_set(&c, -EPERM,
				 "it is not empty, blkid sees %s; if nothing on it is needed, "
				 "--force destroys it",
				 f->seen);
		return enrolment_refused(&f->e, &c);
	}
	if (!f->e.volume.uuid[0] && new_uuid(f->e.volume.uuid) < 0)
		return refuse(f, "there are no random numbers");
	f->e.volume.header_len = LUKS_HEADER_LEN;
	return 0;
}

/* ---- make it ---- */

static int make_volume(struct format *f)
{
	struct enrolment *e = &f->e;
	const struct luks_keyslot keyslot = {
		.number = -1,
		.iterations = e->args->luks.random_secret ? LUKS_ITERATIONS_RANDOM : 0,
	};
	char uuid[sizeof(e->volume.uuid)];
	struct cause c;
	int r = 0;

	memcpy(uuid, e->volume.uuid, sizeof(uuid));
	luks_volume_done(&e->volume);
	/* Else what has a copy at the end of the device would be seen beside the volume. */
	if (f->seen[0] && f->there != THERE_NOTHING) {
		e->formatted = true;
		r = luks_wipe_signatures(e->device, &c);
	}
	if (r >= 0)
		r = luks_volume_format(e->device, uuid, enrolment_key(e), keyslot, &c);
	if (r < 0)
		return enrolment_refused(e, &c);
	e->formatted = true;
	r = enrolment_open_volume(e);
	return r == 0 ? enrolment_try(e) : r;
}

/* With the secret: a volume that it opens is not formatted again. */
static int try_volume(struct format *f)
{
	int r;

	if (f->there != THERE_VOLUME)
		return 0;
	r = enrolment_try(&f->e);
	if (r == 0 && f->e.keyslot < 0 && !f->e.args->luks.force)
		return refuse(f, "it is a LUKS2 volume, which the secret does not open; 'cococtl "
				 "luks enroll' lets it, and if nothing on it is needed, --force "
				 "destroys it");
	if (r == 0 && f->e.keyslot >= 0)
		log_info("'%s' opens with the secret already, and is not formatted", f->e.device);
	return r;
}

/* A line of crypttab that is there must fit before anything is written. */
static int check_line(struct format *f)
{
	struct enrolment *e = &f->e;
	struct cause c;

	if (!e->plan.there.number ||
	    crypttab_judge(&e->plan.there, /* keyslot= */ 0, enrolment_key(e).len, &c) >= 0)
		return 0;
	return enrolment_refused(e, &c);
}

static int find_secret(struct format *f)
{
	const struct args_luks *a = &f->e.args->luks;

	if (a->uri)
		return name_uri(f, a->uri);
	return secret_find(f->e.cocod, a->secret, &f->e.m);
}

/* All but the secret.  Returns 0 or the exit status. */
static int look(struct format *f)
{
	struct enrolment *e = &f->e;
	int r;

	if (luks_device_open(e->device, /* write= */ true, &e->fd, &e->plan.st) < 0)
		return STATUS_FAILED;
	r = cli_connect(e->args, &e->cocod);
	if (r == 0)
		r = find_secret(f);
	if (r == 0)
		r = look_at_device(f);
	if (r == 0)
		r = enrolment_plan(e);
	if (r == 0 && f->file[0])
		r = check_secret_file(f);
	if (r == 0 && e->m.volume_pins[0] && f->there != THERE_VOLUME)
		r = refuse(f, "VolumePin= of the secret names a volume that is there already");
	if (r == 0 && e->by_token)
		r = refuse(f, "the secret is for tokens alone: crypttab would ask in vain");
	if (r == 0)
		r = enrolment_check_terminal(e);
	return r;
}

static int make(struct format *f)
{
	struct enrolment *e = &f->e;
	int r = take_secret(f);

	if (r == 0)
		r = enrolment_check_secret(e);
	if (r == 0)
		r = check_line(f);
	if (r == 0)
		r = try_volume(f);
	if (r == 0 && e->keyslot < 0)
		r = make_volume(f);
	if (r == 0)
		r = enrolment_plan(e);
	if (r == 0)
		r = enrolment_check(e);
	return r == 0 ? enrolment_write(e) : r;
}

#define FSTAB_LINE_MAX 256

/*
 * For the volume once it has a file system.  Before that systemd does not take it for ready, as
 * udev's rules want something on it: not even x-systemd.makefs in this line would make one.
 */
static const char *fstab_line(const struct format *f, char buf[static FSTAB_LINE_MAX])
{
	const char *name = f->e.plan.volume;

	(void) snprintf(buf, FSTAB_LINE_MAX, "/dev/mapper/%s  /%s  ext4  nofail  0 2", name, name);
	return buf;
}

static int show(const struct format *f)
{
	char line[FSTAB_LINE_MAX];

	enrolment_show(&f->e);
	if (f->file[0])
		print("%s says that the volume gets %s.\n", f->file, f->e.args->luks.uri);
	print("\nThe volume opens at the next boot.  Then, once, make a file system on it; and "
	      "after that the line for /etc/fstab:\n"
	      "    mkfs.ext4 /dev/mapper/%s\n"
	      "    %s\n",
	      f->e.plan.volume, fstab_line(f, line));
	return STATUS_GOOD;
}

static int show_json(const struct format *f)
{
	struct json_object *o = enrolment_to_json(&f->e, json_document("luks-format"));
	char line[FSTAB_LINE_MAX];
	int r = 0;

	r |= json_add_bool(o, "formatted", f->e.formatted);
	r |= json_add_text_or_null(o, "uri", f->file[0] ? f->e.args->luks.uri : NULL);
	r |= json_add_text_or_null(o, "secrets_file", f->file);
	r |= json_add_text(o, "fstab_line", fstab_line(f, line));
	return print_json(json_whole(o, r));
}

static int run_format(struct args *args)
{
	struct format f = { .e = ENROLMENT_NEW(args), .seen = "" };
	int r;

	f.e.write = true;
	if (args->luks.uri)
		f.e.before_crypttab = write_secret_file;
	r = luks_protect();
	if (r == 0)
		r = look(&f);
	if (r == 0)
		r = make(&f);
	if (r == STATUS_GOOD)
		r = (args->json ? show_json : show)(&f);
	enrolment_done(&f.e);
	return r;
}

static const struct option_row options[] = {
	ROW_JSON,
	{ "name", "VOLUME", "its name in crypttab", OPTION_STRING(luks.name), .required = true },
	{ "uri", "URI", "the secret of the broker's that is to open it: kbs:///default/luks/data",
	  OPTION_STRING(luks.uri), .excludes = "secret" },
	{ "secret", "NAME|GUID", "the secret of secrets.d that is to open it",
	  OPTION_STRING(luks.secret) },
	{ "force", NULL, "destroy what is on the device", OPTION_FLAG(luks.force) },
	{ "recovery", NULL, "also make a recovery passphrase, and show it",
	  OPTION_FLAG(luks.recovery) },
	ROWS_LUKS_KEY,
	{ NULL },
};

const struct verb verb_luks_format = {
	.name = "luks format",
	.help = "Make a LUKS volume of an empty device, which a secret opens",
	.example = "/dev/vdb --name=data --uri=kbs:///default/luks/vm1",
	.options = options,
	.one_of = "uri secret",
	.words = { .value = "DEVICE", OPTION_LIST(words, 1), .required = true },
	.run = run_format,
};

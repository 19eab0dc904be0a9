/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cococtl luks enroll: let a secret open a volume that exists, which something else opens. */
#include "base/log.h"
#include "cli/cococtl.h"
#include "cli/luks-enrolment.h"
#include "cli/luks-header.h"
#include "cli/secret-read.h"

#define TRIES 3

/* Find a passphrase that opens the volume; a person has several tries.  0 or the exit status. */
static int unlock(struct enrolment *e)
{
	const struct args_luks *a = &e->args->luks;
	bool ask = !luks_has_passphrase(a);
	struct cause c;
	int r;

	for (unsigned i = 0; i < (ask ? TRIES : 1); i++) {
		e->passphrase = secret_free(e->passphrase);
		r = luks_passphrase(a, "Passphrase that opens the volume: ", &e->passphrase);
		if (r < 0)
			return STATUS_FAILED;
		r = luks_volume_try(&e->volume, -1, luks_key_whole(e->passphrase), &c);
		if (r >= 0)
			return 0;
		if (r != -EPERM)
			return enrolment_refused(e, &c);
		if (ask)
			log_error("That passphrase does not open '%s'", e->device);
	}
	luks_log_wrong(e->device, e->passphrase);
	return STATUS_FAILED;
}

/* Everything that is read or asked.  Returns 0 or the exit status. */
static int look(struct enrolment *e)
{
	int r;

	r = luks_device_open(e->device, /* write= */ true, &e->fd, &e->plan.st);
	if (r < 0)
		return STATUS_FAILED;
	r = cli_connect(e->args, &e->cocod);
	if (r == 0)
		r = secret_find(e->cocod, e->args->luks.secret, &e->m);
	if (r == 0)
		r = enrolment_open_volume(e);
	if (r == 0)
		r = enrolment_plan(e);
	if (r == 0)
		r = secret_fetch(e->cocod, e->args->luks.secret, &e->m, &e->secret);
	if (r == 0)
		r = enrolment_check_secret(e);
	if (r == 0)
		r = enrolment_try(e);
	if (r == 0)
		r = enrolment_check(e);
	if (r != 0)
		return r;
	return e->keyslot < 0 ? unlock(e) : 0;
}

static int run_enroll(struct args *args)
{
	_cleanup_(enrolment_done) struct enrolment e = ENROLMENT_NEW(args);
	int r = luks_protect();

	e.write = args->luks.write;
	if (r == 0)
		r = look(&e);
	if (r == 0)
		r = enrolment_write(&e);
	if (r == STATUS_GOOD && args->json)
		r = print_json(enrolment_to_json(&e, json_document("luks-enroll")));
	else if (r == STATUS_GOOD)
		enrolment_show(&e);
	return r;
}

static const struct option_row options[] = {
	ROW_JSON,
	{ "secret", "NAME|GUID", "the secret that is to open it", OPTION_STRING(luks.secret),
	  .offer = secret_offer,
	  .required = true },
	{ "name", "VOLUME", "its name in crypttab", OPTION_STRING(luks.name) },
	{ "write", NULL, "add it to /etc/crypttab and enable the units",
	  OPTION_FLAG(luks.write) },
	{ "recovery", NULL, "also make a recovery passphrase, and show it",
	  OPTION_FLAG(luks.recovery) },
	ROWS_LUKS_PASSPHRASE,
	ROWS_LUKS_KEY,
	{ NULL },
};

const struct verb verb_luks_enroll = {
	.name = "luks enroll",
	.help = "Let a secret open a LUKS volume",
	.example = "/dev/vdb --secret=luks --name=data --write",
	.options = options,
	.words = { .value = "DEVICE", OPTION_LIST(words, 1), .required = true },
	.run = run_enroll,
};

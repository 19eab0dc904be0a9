/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What luks enroll and luks format say at their end. */
#include <string.h>

#include "base/text.h"
#include "cli/cococtl.h"
#include "cli/luks-enrolment.h"

/* For a shell: a unit's name may have a backslash. */
static void print_units(const struct luks_plan *p)
{
	print("cocod.socket %s", p->unit);
	if (p->header_unit[0])
		print(strchr(p->header_unit, '\\') ? " '%s'" : " %s", p->header_unit);
}

static void show_plan(const struct enrolment *e)
{
	const struct luks_plan *p = &e->plan;

	if (e->by_token) {
		print("It is opened by:\n    cryptsetup open --token-only %s NAME\n", e->device);
		return;
	}
	if (e->write) {
		print("/etc/crypttab has volume '%s', and these units are enabled: ", p->volume);
		print_units(p);
		print("\n");
	} else {
		if (p->there.number)
			print("Line %u of /etc/crypttab is for it and needs no change.\n",
			      p->there.number);
		else
			print("The line for /etc/crypttab:\n    %s\n", p->line);
		print("The units to enable:\n    systemctl enable ");
		print_units(p);
		print("\n");
	}
	if (p->there.number && p->header_option[0])
		print("With %s in its options, the header that was judged is the one that is used; "
		      "see cocod-header(8).\n", p->header_option);
	else if (!p->there.number && !p->header_option[0])
		print("Its header is not copied into memory, see cocod-header(8): %s.\n",
		      p->fits_copy ? "the volume's name begins with a dot" :
				     "it is longer than 16 MiB");
}

void enrolment_show(const struct enrolment *e)
{
	print("Keyslot %d of %s opens with secret '%s', which token %d names.\n", e->keyslot,
	      e->device, e->m.name, e->token);
	if (e->recovery >= 0)
		print("Keyslot %d opens with the recovery passphrase.\n", e->recovery);
	show_plan(e);
}

/* ---- JSON ---- */

/* The units that open the volume at boot; none if it is opened by its token. */
static struct json_object *units_to_json(const struct enrolment *e)
{
	struct json_object *array = json_object_new_array();
	const char *const units[] = { "cocod.socket", e->plan.unit, e->plan.header_unit };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(units) && !e->by_token; i++)
		if (units[i][0])
			r |= json_append_text(array, units[i]);
	return json_whole(array, r);
}

struct json_object *enrolment_to_json(const struct enrolment *e, struct json_object *o)
{
	const struct luks_plan *p = &e->plan;
	bool there = p->there.number, needs_line = !e->by_token && !there;
	int r = 0;

	r |= json_add_text(o, "device", e->device);
	r |= json_add_text(o, "uuid", e->volume.uuid);
	r |= json_add_text(o, "secret", e->m.name);
	r |= json_add_number(o, "keyslot", e->keyslot);
	r |= json_add_number(o, "token", e->token);
	r |= json_add_number_if(o, "recovery_keyslot", e->recovery >= 0, e->recovery);
	r |= json_add_text_or_null(o, "volume", e->by_token ? NULL : p->volume);
	r |= json_add_text_or_null(o, "crypttab_line", needs_line ? p->line : NULL);
	r |= json_add_number_if(o, "crypttab_line_number", there, p->there.number);
	r |= json_add_text_or_null(o, "header_option", there ? p->header_option : NULL);
	r |= json_add(o, "units", units_to_json(e));
	r |= json_add_bool(o, "written", e->write);
	return json_whole(o, r);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config-place.h"

#include <stdio.h>

static struct place_rules *rules(struct config_value *v)
{
	struct secret_policy *p = v->target;

	return &p->place;
}

int config_take_keyring_type(struct config_value *v)
{
	return place_set_type(rules(v), v->text);
}

int config_take_keyring_description(struct config_value *v)
{
	return place_set_description(rules(v), v->text);
}

int config_take_keyring_owner(struct config_value *v)
{
	return place_set_id(&rules(v)->key_owner, v->text);
}

int config_take_keyring_permissions(struct config_value *v)
{
	return place_set_rights(rules(v), v->text);
}

int config_take_keyring_expiry(struct config_value *v)
{
	return place_set_expiry(rules(v), v->text);
}

int config_take_file_owner(struct config_value *v)
{
	return place_set_id(&rules(v)->file_owner, v->text);
}

int config_take_file_group(struct config_value *v)
{
	return place_set_id(&rules(v)->file_group, v->text);
}

int config_take_file_mode(struct config_value *v)
{
	return place_set_mode(rules(v), v->text);
}

/*
 * Options without the word in Consumers= put a secret nowhere, which their author did not mean;
 * an option that is missing is not made up.
 */
static void check_kind(const struct config_value *v, const struct secret_policy *p,
		       const char *consumer, bool given, const char *options, const char *wrong)
{
	bool wanted = secret_policy_allows(p, consumer) > 0;

	if (given && !wanted)
		config_error(v->errors, v->file, 0,
			     "%s= is given, and Consumers= does not have '%s': the secret would be "
			     "put nowhere", options, consumer);
	if (wanted && wrong)
		config_error(v->errors, v->file, 0, "'%s' in Consumers= %s", consumer, wrong);
	if (wanted && p->wipe == WIPE_DELIVERED)
		config_error(v->errors, v->file, 0,
			     "With Wipe=delivered what '%s' in Consumers= puts would be removed at "
			     "once: set another Wipe=", consumer);
}

void config_check_places(const struct config_value *v, struct secret_policy *p, bool keyring_given,
			 bool file_given)
{
	if (!p->place.description[0])
		snprintf(p->place.description, sizeof(p->place.description), "cocod:%s", p->name);
	check_kind(v, p, CONSUMER_KEYRING, keyring_given, "Keyring...",
		   place_key_wrong(&p->place));
	check_kind(v, p, CONSUMER_FILE, file_given, "File...", place_file_wrong(&p->place));
}

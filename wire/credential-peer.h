/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_WIRE_CREDENTIAL_PEER_H
#define COCO_WIRE_CREDENTIAL_PEER_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/peer-name.h"

/*
 * The longest names of a unit and of a credential.  CREDENTIAL_NAMES_MAX is how long both may be
 * together whatever the random number is: PEER_NAME_MAX less NUL, 16 digits, "/unit/" and "/".
 * With a short random number a name that is a little longer comes through.
 */
#define CREDENTIAL_NAMES_MAX 83
#define CREDENTIAL_UNIT_MAX 97
#define CREDENTIAL_NAME_MAX 97

struct credential_peer {
	char unit[CREDENTIAL_UNIT_MAX + 1];	/* "app.service", "app@one.service" */
	char name[CREDENTIAL_NAME_MAX + 1];
};

/*
 * Find the unit and the credential in the name to which systemd binds its socket before it
 * connects (systemd.exec(5), LoadCredential=): NUL, 1 to 16 hexadecimal digits, "/unit/", the
 * unit, "/", the credential.  @name is sun_path of @len bytes, as getpeername(2) gave it.
 *
 * Returns 0; -EINVAL when the name has another form, when the unit is not the name of a unit that
 * runs something (unit_name_is_valid(), and not a template), or when the credential has a slash,
 * a colon or a byte that is not printable ASCII, or is "." or "..".
 */
int credential_peer_parse(const char *name, size_t len, struct credential_peer *ret);

/*
 * True if @unit is the name of a service, socket, mount or swap unit (systemd.unit(5)): letters,
 * digits and ":-_.\" with a suffix, and at most one '@', which does not begin the name.
 * @ret_template says whether it is a template, "app@.service"; it is set in any case.
 */
bool unit_name_is_valid(const char *unit, bool *ret_template);

/* True if @unit is @pattern, or an instance of the template that @pattern names. */
bool unit_name_is_for(const char *unit, const char *pattern);

#endif

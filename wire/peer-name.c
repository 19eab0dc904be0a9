/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/peer-name.h"

#include <stdbool.h>
#include <string.h>

#include "base/hex.h"

/* systemd writes lower case. */
static bool is_digit(char c)
{
	return hex_value(c) >= 0 && !(c >= 'A' && c <= 'F');
}

const char *peer_name_rest(const char *name, size_t len, const char *infix, size_t *ret_len)
{
	size_t n = 0, infix_len = strlen(infix);

	if (len < 1 || name[0] != '\0')
		return NULL;
	name++;
	len--;
	while (n < len && n <= PEER_NAME_DIGITS && is_digit(name[n]))
		n++;
	if (n < 1 || n > PEER_NAME_DIGITS)
		return NULL;
	name += n;
	len -= n;
	if (len <= infix_len || memcmp(name, infix, infix_len) != 0)
		return NULL;
	name += infix_len;
	len -= infix_len;
	for (size_t i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~')
			return NULL;
	*ret_len = len;
	return name;
}

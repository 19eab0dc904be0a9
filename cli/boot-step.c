/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/boot-step.h"

#include <string.h>

#include "base/parse.h"
#include "base/text.h"
#include "cli/boot-log.h"

bool boot_step_take(struct msg_stamp *s)
{
	s->secret[sizeof(s->secret) - 1] = '\0';
	s->consumer[sizeof(s->consumer) - 1] = '\0';
	if (!stamp_name(s->what) || s->usec >= BOOT_USEC_END)
		return false;
	make_printable(s->secret);
	make_printable(s->consumer);
	return true;
}

/* Take a word off *@line.  Returns false if there is none, or it has no room in @ret. */
static bool take_word(const char **line, char *ret, size_t size)
{
	const char *word = *line + strspn(*line, " ");
	size_t len = strcspn(word, " ");

	if (len == 0 || len >= size)
		return false;
	memcpy(ret, word, len);
	ret[len] = '\0';
	*line = word + len;
	return true;
}

bool boot_step_read(const char *line, struct msg_stamp *ret)
{
	struct msg_stamp s = { 0 };
	char usec[24], what[16];

	if (!take_word(&line, usec, sizeof(usec)) || !take_word(&line, what, sizeof(what)) ||
	    !take_word(&line, s.consumer, sizeof(s.consumer)) ||
	    !take_word(&line, s.secret, sizeof(s.secret)) || line[strspn(line, " ")] ||
	    parse_u64(usec, &s.usec) < 0)
		return false;
	while (stamp_name(s.what) && !streq(stamp_name(s.what), what))
		s.what++;
	if (streq(s.consumer, "-"))
		s.consumer[0] = '\0';
	if (streq(s.secret, "-"))
		s.secret[0] = '\0';
	if (!boot_step_take(&s))
		return false;
	*ret = s;
	return true;
}

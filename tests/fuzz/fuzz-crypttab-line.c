/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whatever is in crypttab: each line that is found has a volume and a device without blanks, the
 * numbers rise, and a line that is refused is refused with its number.
 */
#include <stdio.h>

#include "doctor/crypttab-line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct crypttab_line *line)
{
	static const char *const names[] = { "luks", "keyfile-size", "key-slot", "" };
	char unit[CRYPTTAB_UNIT_MAX], header[CRYPTTAB_HEADER_MAX], number[32];
	const struct stat st = { 0 };
	struct cause c = { "" };
	size_t len;

	if (!line->volume[0] || !line->device[0] || strpbrk(line->volume, " \t\n") ||
	    strpbrk(line->options, " \t\n"))
		abort();
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *value = crypttab_line_option(line->options, names[i], &len);

		if (value && (memchr(value, ',', len) ||
			      value + len > line->options + strlen(line->options)))
			abort();
	}
	if (line->device[0] != '/')
		(void) crypttab_is_device(line->device, "1b4e28ba-2fa1-11d2-883f-0016d3cca427",
					  &st);
	if (!crypttab_key(line->volume, unit)[0] || !unit[0])
		abort();
	if (crypttab_header(line->volume, header, unit) &&
	    (!startswith(header, "/run/cocod.headers/") || !startswith(unit, "cocod-header@")))
		abort();
	(void) crypttab_has_copy(line);
	snprintf(number, sizeof(number), "line %u of", line->number);
	if (crypttab_judge(line, 3, 32, &c) < 0 && !startswith(c.text, number))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct crypttab_line line = { 0 };
	char *text = malloc(size + 1), *p = text;
	unsigned last = 0;

	if (!text)
		abort();
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	while (crypttab_next(&p, &line) > 0) {
		if (line.number <= last)
			abort();
		last = line.number;
		look(&line);
	}
	free(text);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * verdicts PARSER FILE...: print what a shared parser, built as a program, says about each file,
 * after a line "@ FILE".
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/vm/verdicts/verdicts.h"

#define ROOM 65536

int main(int argc, char **argv)
{
	static unsigned char data[1 << 20];
	static char text[ROOM];

	for (int i = 2; i < argc; i++) {
		FILE *f = fopen(argv[i], "re");
		unsigned char *exact;
		size_t len;

		if (!f) {
			perror(argv[i]);
			return 1;
		}
		len = fread(data, 1, sizeof(data), f);
		fclose(f);
		/* Exactly as large as needed, for sanitizers. */
		exact = malloc(len ? len : 1);
		if (!exact)
			return 1;
		for (size_t k = 0; k < len; k++)
			exact[k] = data[k];
		if (verdicts(argv[1], exact, len, text, sizeof(text)) < 0) {
			fprintf(stderr, "verdicts: no parser '%s'\n", argv[1]);
			return 2;
		}
		printf("@ %s\n%s", argv[i], text);
		free(exact);
	}
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The main() of a fuzz target that is built without libFuzzer.  It gives the target every file of
 * its corpus (or of the named folders and files) and speaks TAP, so that `make check` replays all
 * findings.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static unsigned n_done, n_bad;

static void replay_file(const char *path)
{
	uint8_t *data = NULL;
	FILE *f = fopen(path, "re");
	struct stat st;

	n_done++;
	if (f && fstat(fileno(f), &st) == 0 && (data = malloc((size_t)st.st_size + 1)) != NULL &&
	    fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size) {
		/*
		 * A block of exactly that size, so that a sanitizer sees the first byte read past
		 * its end.
		 */
		uint8_t *exact = malloc((size_t)st.st_size ? (size_t)st.st_size : 1);

		if (exact) {
			memcpy(exact, data, (size_t)st.st_size);
			(void) LLVMFuzzerTestOneInput(exact, (size_t)st.st_size);
		}
		free(exact);
		printf("ok %u - %s\n", n_done, path);
	} else {
		n_bad++;
		printf("not ok %u - %s: %m\n", n_done, path);
	}
	fflush(stdout);
	free(data);
	if (f)
		fclose(f);
}

static void replay(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, NULL, alphasort);

	if (n < 0) {
		replay_file(path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char child[4096];

		if (names[i]->d_name[0] != '.') {
			snprintf(child, sizeof(child), "%s/%s", path, names[i]->d_name);
			replay(child);
		}
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("top_srcdir"), *name = strstr(argv[0], "fuzz-");
	char corpus[4096];

	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc == 1) {
		/* The program's own name begins at the last "fuzz-" of the path. */
		for (const char *p = name; p; p = strstr(p + 1, "fuzz-"))
			name = p;
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
			 name ? name + strlen("fuzz-") : "");
		replay(corpus);
	}
	if (n_done == 0) {
		n_bad++;
		printf("not ok 1 - the corpus is empty\n");
		n_done++;
	}
	printf("1..%u\n", n_done);
	return n_bad ? 1 : 0;
}

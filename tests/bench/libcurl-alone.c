/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The floor for cocod-net: a program that loads libcurl, asks one address over TLS once, and
 * prints its processor time in microseconds, of which until the library was loaded, its memory of
 * its own and its peak RSS in KiB.
 *
 *	libcurl-alone https://HOST:PORT/
 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/library.h"

#define FUNCTIONS(X) X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_perform)

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} curl;

static size_t drop(char *p, size_t size, size_t n, void *userdata)
{
	return size * n;
}

static long kib(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	long ret = -1;

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, field, strlen(field)) == 0)
			ret = strtol(line + strlen(field), NULL, 10);
	if (f)
		(void) fclose(f);
	return ret;
}

static long usec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	long loaded;
	char error[256];
	CURL *c;

	if (argc != 2 || library_load("libcurl.so.4", &curl, functions, error, sizeof(error)) < 0)
		return 1;
	loaded = usec();
	c = curl.curl_global_init_(CURL_GLOBAL_DEFAULT) == 0 ? curl.curl_easy_init_() : NULL;
	if (!c)
		return 1;
	curl.curl_easy_setopt_(c, CURLOPT_URL, argv[1]);
	curl.curl_easy_setopt_(c, CURLOPT_SSL_VERIFYPEER, 0L);
	curl.curl_easy_setopt_(c, CURLOPT_SSL_VERIFYHOST, 0L);
	curl.curl_easy_setopt_(c, CURLOPT_WRITEFUNCTION, drop);
	if (curl.curl_easy_perform_(c) != CURLE_OK)
		return 1;
	printf("%ld %ld %ld %ld\n", usec(), loaded, kib("RssAnon:"), kib("VmHWM:"));
	return 0;
}

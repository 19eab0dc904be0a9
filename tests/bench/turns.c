/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/turns.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"

#define INPUT_MAX 1048576

void must(int good, const char *what)
{
	if (good)
		return;
	log_error("%s failed: this is no measurement", what);
	exit(1);
}

static uint64_t now_nsec(void)
{
	struct timespec t;

	(void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static double median(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), compare);
	return (double)(n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2) / 1000;
}

static uint64_t timed(void (*f)(void *input), void *input)
{
	uint64_t begin = now_nsec();

	f(input);
	return now_nsec() - begin;
}

static void measure(const struct turn_row *row, void *input, unsigned rounds)
{
	_cleanup_(freep) uint64_t *floors = calloc(rounds, sizeof(*floors)), *ours = calloc(rounds, sizeof(*ours));
	double a, b;

	must(floors && ours, "Getting memory");
	row->floor(input);
	row->ours(input);
	for (unsigned i = 0; i < rounds; i++) {
		/* Who is first in a round changes, too. */
		if (i % 2)
			ours[i] = timed(row->ours, input);
		floors[i] = timed(row->floor, input);
		if (i % 2 == 0)
			ours[i] = timed(row->ours, input);
	}
	a = median(floors, rounds);
	b = median(ours, rounds);
	printf("%-32s  %9.1f  %9.1f  %6.3f  %5s\n", row->name, b, a, b / a, row->goal);
}

void take_turns(const struct turn_row *rows, void *input, unsigned rounds)
{
	printf("%-32s  %9s  %9s  %6s  %5s\n", "microseconds of CPU, medians", "verifier", "OpenSSL",
	       "ratio", "goal");
	for (; rows->name; rows++)
		measure(rows, input, rounds);
	printf("\nOpenSSL: the operations that cannot be left out, alone.  %u rounds, in turns.\n\n",
	       rounds);
}

int turns_options(int argc, char **argv, const char *usage, int n, unsigned *ret_rounds)
{
	static const struct option options[] = { { "rounds", required_argument, NULL, 'r' }, { NULL } };
	uint32_t rounds = 400;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
		if (c != 'r' || parse_u32(optarg, &rounds) < 0 || rounds == 0 || rounds > 1000000)
			exit(64);
	if (argc - optind != n) {
		log_error("usage: %s", usage);
		exit(64);
	}
	*ret_rounds = rounds;
	return optind;
}

struct bytes read_input(const char *path)
{
	char *text;
	size_t len;
	int r;

	r = read_file_at(AT_FDCWD, path, INPUT_MAX, &text, &len);
	if (r < 0) {
		log_error_errno(r, "Failed to read '%s': %m", path);
		exit(1);
	}
	return (struct bytes){ (const uint8_t *)text, len };
}

X509 *parse_der(struct bytes der)
{
	const unsigned char *p = der.p;
	X509 *cert = d2i_X509(NULL, &p, (long)der.len);

	must(cert != NULL, "Parsing a certificate");
	return cert;
}

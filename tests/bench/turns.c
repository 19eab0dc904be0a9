/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/bench/turns.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "base/io.h"
#include "base/log.h"
#include "base/options.h"

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
	_cleanup_(freep) uint64_t *floors = calloc(rounds, sizeof(*floors)),
				  *ours = calloc(rounds, sizeof(*ours));
	double a, b;

	must(floors && ours, "Getting memory");
	row->floor(input);
	row->ours(input);
	for (unsigned i = 0; i < rounds; i++) {
		/* The first in a round changes too. */
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
	printf("%-32s  %9s  %9s  %6s  %5s\n", "microseconds of CPU, medians", "ours", "OpenSSL",
	       "ratio", "goal");
	for (; rows->name; rows++)
		measure(rows, input, rounds);
	printf("\nOpenSSL: the operations that cannot be left out, alone.  "
	       "%u rounds, in turns.\n\n",
	       rounds);
}

struct args {
	struct option_number rounds;
	struct option_list files;
};

static const struct option_row options[] = {
	{ "rounds", "N", "how often each is measured; 400 if not given",
	  OPTION_NUMBER(rounds, 1, 1000000) },
	{ NULL },
};

const char **turns_options(int argc, char **argv, const char *name, const char *files, size_t n,
			   unsigned *ret_rounds)
{
	const struct program program = {
		.name = name,
		.help = "Measures our code against OpenSSL alone.",
		.manual = "HACKING.md",
		.options = options,
		.words = { .value = files, OPTION_LIST(files, n), .required = n > 0 },
	};
	struct args args = { 0 };
	const struct verb *verb;
	int r;

	r = command_read(&program, argc, argv, &args, &verb);
	if (r == 0)
		exit(0);
	if (r < 0 || command_check(&program, verb, &args) < 0)
		exit(64);
	if (args.files.n < n) {
		log_error("%s needs %s", name, files);
		exit(64);
	}
	*ret_rounds = args.rounds.given ? (unsigned)args.rounds.value : 400;
	return args.files.items;
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

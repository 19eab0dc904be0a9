/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "base/log.h"
#include "base/nearest.h"
#include "base/options-complete.h"
#include "base/options.h"
#include "base/parse.h"

/* ---- a program ---- */

struct args {
	bool json, force, dry_run;
	const char *socket, *output, *cmdline, *format, *secret_test, *mode;
	struct option_number port, size;
	struct option_choice colour;
	struct option_list keys, tags, words;
	uint64_t timeout_usec;
};

static const char *const colours[] = { "red", "green", "blue", NULL };

static int parse_timeout(const char *text, void *field)
{
	return streq(text, "oom") ? -ENOMEM : option_parse_usec(text, field);
}

#define ROW_JSON { "json", NULL, "print JSON", OPTION_FLAG(json) }

static const struct option_row program_rows[] = {
	ROW_JSON,
	{ "socket", "PATH", "another socket", OPTION_PATH(socket) },
	{ NULL },
};

static const struct option_row make_rows[] = {
	{ "output", "FILE", "where it goes", OPTION_PATH(output), .letter = 'o', .required = true },
	{ "port", "N", "the port", OPTION_NUMBER(port, 1, 65535), .needs = "size colour",
	  .because = "it is a part of it" },
	{ "size", "N", "how large", OPTION_NUMBER(size, 0, UINT64_MAX) },
	{ "colour", "NAME", "which colour", OPTION_CHOICE(colour, colours) },
	{ "cmdline", "TEXT", "the command line", OPTION_STRING(cmdline), .empty = true },
	{ "format", "NAME", "which format", OPTION_STRING(format), .excludes = "force dry-run",
	  .because = "there is one only" },
	{ "force", NULL, "replace it", OPTION_FLAG(force), .excludes = "dry-run" },
	{ "dry-run", NULL, "do nothing", OPTION_FLAG(dry_run), .letter = 'n' },
	{ "key", "NAME", "a key; may be given again", OPTION_LIST(keys, 3) },
	{ "tag", "NAME", "a tag; may be given again", OPTION_LIST(tags, 0) },
	{ "mode", "MODE", "which mode", OPTION_STRING(mode), .also = "technology how" },
	{ "timeout", "TIME", "how long",
	  OPTION_PARSED(timeout_usec, parse_timeout, "is not a time such as 30s") },
	{ "secret-test", "DIR", "of a test", OPTION_STRING(secret_test), .hidden = true },
	{ NULL },
};

static const struct option_row show_rows[] = { ROW_JSON, { NULL } };

static int run_make(struct args *args)
{
	return 7;
}

static void print_more(void)
{
	puts("\nAnd more.");
}

static const struct verb verb_make = {
	.name = "make",
	.help = "Make one",
	.example = "--output=/srv/a-folder-with-a-long-name --port=8080 --key=one --key=another",
	.options = make_rows,
	.print_more = print_more,
	.run = run_make,
};
static const struct verb verb_show = {
	.name = "key show",
	.help = "Show some",
	.options = show_rows,
	.words = { .value = "NAME...", OPTION_LIST(words, 2), .required = true },
};
static const struct verb verb_list = {
	.name = "key list",
	.help = "Which keys are there?",
	.example = "",
	.words = { .help = "'key show NAME' is for one" },
};
static const struct verb *const verbs[] = { &verb_make, &verb_show, &verb_list, NULL };

static const struct program program = {
	.name = "prog",
	.help = "Makes things.",
	.manual = "prog(1)",
	.options = program_rows,
	.verbs = verbs,
};
static const struct program plain = {
	.name = "plain",
	.help = "Does one thing.",
	.manual = "plain(8)",
	.options = make_rows,
};

static const struct program files = {
	.name = "files",
	.help = "Takes two files.",
	.manual = "files(1)",
	.words = { .value = "FILE FILE", OPTION_LIST(words, 2), .required = true },
};

static const struct option_row needy_rows[] = {
	{ "one", "A", "the first", OPTION_STRING(output), .required = true },
	{ "two", "B", "the second", OPTION_STRING(cmdline), .required = true },
	{ "three", NULL, "all", OPTION_FLAG(force), .needs = "four five",
	  .because = "of the other two" },
	{ "four", NULL, "the fourth", OPTION_FLAG(json) },
	{ "five", NULL, "the fifth", OPTION_FLAG(dry_run) },
	{ NULL },
};
static const struct program needy = {
	.name = "needy",
	.help = "Needs much.",
	.manual = "needy(1)",
	.options = needy_rows,
	.words = { .value = "FILE...", OPTION_LIST(words, 0), .required = true },
};

/* ---- what it says ---- */

static struct args args;
static const struct verb *verb;
static char said[8192];

static void args_done(void)
{
	option_list_done(&args.keys);
	option_list_done(&args.tags);
	option_list_done(&args.words);
	memset(&args, 0, sizeof(args));
}

/* Run a command line: the words of @line, where "''" is an empty word.  All messages go to said. */
static int command(const struct program *p, const char *line)
{
	int file = memfd_create("said", MFD_CLOEXEC), out = dup(1), err = dup(2), argc = 0, r;
	static char text[512];	/* the options point into it */
	char *argv[64], *save = NULL;
	ssize_t n;

	args_done();
	verb = NULL;
	snprintf(text, sizeof(text), "%s", line);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = streq(w, "''") ? w + 2 : w;
	argv[argc] = NULL;
	fflush(stdout);
	assert_true(file >= 0 && dup2(file, 1) == 1 && dup2(file, 2) == 2);
	r = command_read(p, argc, argv, &args, &verb);
	if (r > 0 && command_check(p, verb, &args) < 0)
		r = -EINVAL;
	fflush(stdout);
	assert_true(dup2(out, 1) == 1 && dup2(err, 2) == 2);
	n = pread(file, said, sizeof(said) - 1, 0);
	assert_true(n >= 0);
	said[n] = '\0';
	(void) close(file);
	(void) close(out);
	(void) close(err);
	return r;
}

static void good(const char *line)
{
	int r = command(&program, line);

	if (r != 1)
		print_error("%s: %d, %s", line, r, said);
	assert_int_equal(r, 1);
	assert_string_equal(said, "");
}

static void bad(const struct program *p, const char *line, const char *error)
{
	char whole[512];
	int r = command(p, line);

	snprintf(whole, sizeof(whole), "test: %s\n", error);
	if (r != -EINVAL)
		print_error("%s: %d\n", line, r);
	assert_int_equal(r, -EINVAL);
	assert_string_equal(said, whole);
}

/* ---- the tests ---- */

static void test_types(void **state)
{
	good("prog make --output file --size=0x10 --port 65535 --colour blue --cmdline a=b --key x "
	     "--key=y --tag t --timeout 2min");
	assert_ptr_equal(verb, &verb_make);
	assert_int_equal(verb->run(&args), 7);
	assert_string_equal(args.output, "file");
	assert_true(args.size.given && args.size.value == 16);
	assert_true(args.port.given && args.port.value == 65535);
	assert_true(args.colour.given && args.colour.index == 2);
	assert_string_equal(args.cmdline, "a=b");
	assert_int_equal(args.keys.n, 2);
	assert_string_equal(args.keys.items[0], "x");
	assert_string_equal(args.keys.items[1], "y");
	assert_int_equal(args.tags.n, 1);
	assert_true(args.timeout_usec == 120 * 1000000ull);
	assert_true(!args.json && !args.force && !args.format);

	/* A value that is empty or zero is given all the same. */
	good("prog make -o f --size 0 --colour red --cmdline ''");
	assert_true(args.size.given && args.size.value == 0);
	assert_true(args.colour.given && args.colour.index == 0);
	assert_string_equal(args.cmdline, "");
	assert_true(option_given(option_find(make_rows, "size"), &args));
	assert_true(option_given(option_find(make_rows, "cmdline"), &args));
	assert_false(option_given(option_find(make_rows, "port"), &args));
}

static void test_letters(void **state)
{
	good("prog make -nofile");
	assert_true(args.dry_run);
	assert_string_equal(args.output, "file");
	bad(&program, "prog make -x", "'-x' is not an option of make; see 'prog make --help'");
	bad(&program, "prog make -nx", "'-x' is not an option of make; see 'prog make --help'");
	bad(&program, "prog make -o",
	    "--output needs a value: --output=FILE; see 'prog make --help'");
	bad(&program, "prog make -n -n -o f", "--dry-run is given twice");
	bad(&program, "prog -V make", "'-V' is not an option of prog; see 'prog --help'");
}

static void test_twice(void **state)
{
	bad(&program, "prog make --output a --output a", "--output is given twice");
	bad(&program, "prog make -o a --outp b", "--output is given twice");
	bad(&program, "prog make --force --force", "--force is given twice");
	bad(&program, "prog make --size 0 --size 0", "--size is given twice");
	bad(&program, "prog make --colour red --colour red", "--colour is given twice");
	bad(&program, "prog make --cmdline '' --cmdline ''", "--cmdline is given twice");
	bad(&program, "prog make --timeout 1 --timeout 1", "--timeout is given twice");
	bad(&program, "prog --json key show a --json", "--json is given twice");
	bad(&program, "prog make -o f --key 1 --key 2 --key 3 --key 4",
	    "--key can be given 3 times at most");
	good("prog make -o f --tag 1 --tag 1 --tag 1 --tag 1 --tag 1");
	assert_int_equal(args.tags.n, 5);
}

static void test_unknown(void **state)
{
	bad(&program, "prog make --frobnicate",
	    "'--frobnicate' is not an option of make; see 'prog make --help'");
	bad(&program, "prog make --socket x",
	    "--socket stands before the verb: prog --socket ... make; see 'prog --help'");
	bad(&program, "prog make --version",
	    "'--version' is not an option of make; see 'prog make --help'");
	bad(&program, "prog --force make",
	    "--force stands behind the verb, as in: prog make --force ...; see 'prog --help'");
	bad(&program, "prog --secret-test x make",
	    "'--secret-test' is not an option of prog; see 'prog --help'");
	/* An option of some verbs is not passed over in front of another. */
	bad(&program, "prog --json make -o f", "make has no --json; see 'prog make --help'");
	bad(&program, "prog --json key list", "key list has no --json; see 'prog key list --help'");
	bad(&plain, "plain --socket",
	    "'--socket' is not an option of plain; see 'plain --help'");
	bad(&program, "prog make --secret-tset=x",
	    "'--secret-tset' is not an option of make; see 'prog make --help'");
	bad(&program, "prog make --=x", "'--' is not an option of make; see 'prog make --help'");
	bad(&program, "prog make --\x1b[31mred",
	    "'--?[31mred' is not an option of make; see 'prog make --help'");
	/* An option that --help does not show is accepted. */
	good("prog make -o f --secret-test x");
	assert_string_equal(args.secret_test, "x");
}

static void test_did_you_mean(void **state)
{
	bad(&program, "prog make --ouput=x",
	    "'--ouput' is not an option of make; did you mean --output? See 'prog make --help'");
	bad(&program, "prog make --tiemout 3",
	    "'--tiemout' is not an option of make; did you mean --timeout? See 'prog make --help'");
	bad(&program, "prog make --color red",
	    "'--color' is not an option of make; did you mean --colour? See 'prog make --help'");
	bad(&program, "prog make --hepl",
	    "'--hepl' is not an option of make; did you mean --help? See 'prog make --help'");
	bad(&program, "prog --verzion",
	    "'--verzion' is not an option of prog; did you mean --version? See 'prog --help'");
	bad(&program, "prog maek",
	    "'maek' is not a verb of prog; did you mean make? See 'prog --help'");
	bad(&program, "prog keys",
	    "'keys' is not a verb of prog; did you mean key? See 'prog --help'");
	bad(&program, "prog key lst",
	    "'lst' is not a verb of prog key; did you mean list? See 'prog key --help'");
	bad(&program, "prog key make", "'make' is not a verb of prog key; see 'prog key --help'");
	bad(&program, "prog ma",
	    "'ma' is not a verb of prog; did you mean make? See 'prog --help'");
	bad(&program, "prog xyzzy", "'xyzzy' is not a verb of prog; see 'prog --help'");
}

static const char *nearest_of(const char *wrong, size_t len, const char *const *names)
{
	static struct nearest g;

	nearest_init(&g, wrong, len);
	for (; *names; names++)
		nearest_try(&g, *names);
	return g.name;
}

/* A value may be a file's bytes: it need not end in a NUL. */
static const char *nearest_in(const char *value, const char *expected)
{
	static struct nearest g;
	size_t len = strlen(value);
	char *copy = malloc(len + !len);

	assert_non_null(copy);
	memcpy(copy, value, len);
	nearest_quoted(&g, copy, len, expected);
	free(copy);
	return g.name;
}

static void test_nearest_in_list(void **state)
{
	static const char words[] = "a list of 'cryptsetup:VOLUME', 'get' and 'don";

	assert_string_equal(nearest_in("cryptsetp:data", words), "cryptsetup");
	assert_string_equal(nearest_in("get,cryptsetup:get gett", words), "get");
	/* What is right is not near to anything, nor is what is like nothing. */
	assert_string_equal(nearest_in("cryptsetup:gett get", words), "");
	assert_string_equal(nearest_in("everybody  ,:,", words), "");
	assert_string_equal(nearest_in("", words), "");
	assert_string_equal(nearest_in("get", "'"), "");
	assert_string_equal(nearest_in("gte", "nothing"), "");
	assert_string_equal(nearest_in("dno", words), "don");
	(void) state;
}

static void test_nearest(void **state)
{
	char text[NEAREST_TEXT_MAX], longest[NEAREST_NAME_MAX + 2];
	struct nearest g;

	nearest_init(&g, "fetch-al", 8);
	nearest_try(&g, "patch");
	assert_string_equal(nearest_text(&g, "--", text), "");
	nearest_try(&g, "fetch");
	assert_string_equal(nearest_text(&g, "--", text), "; did you mean --fetch?");
	nearest_try(&g, "fetch-all");
	assert_string_equal(nearest_text(&g, "--", text), "; did you mean --fetch-all?");
	/* An equally near name is not nearer. */
	nearest_try(&g, "fetch-ale");
	assert_string_equal(g.name, "fetch-all");

	/* Not every one-letter name is near, and no name is longer than the buffer. */
	nearest_init(&g, "x", 1);
	nearest_try(&g, "y");
	nearest_try(&g, "");
	assert_string_equal(g.name, "");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	nearest_init(&g, longest, strlen(longest));
	nearest_try(&g, longest + 1);
	assert_string_equal(g.name, "");
	nearest_init(&g, "aaa", 3);
	nearest_try(&g, longest);
	assert_string_equal(g.name, "");
	nearest_try(&g, longest + 1);
	assert_string_equal(g.name, longest + 1);
	nearest_init(&g, longest + 1, strlen(longest + 1));
	nearest_try(&g, longest + 2);
	assert_string_equal(g.name, longest + 2);

	/* What was written is a part of something longer, and no text; case is no difference. */
	assert_string_equal(nearest_of("NMAE=x", 4, (const char *[]){ "name", NULL }), "name");
	assert_string_equal(nearest_of("measurment and more", 10,
				       (const char *[]){ "measurement", NULL }),
			    "measurement");
	assert_string_equal(nearest_of("n\0me", 4, (const char *[]){ "name", NULL }), "name");
	assert_string_equal(nearest_of("\xff\xfe\xfd\xfc", 4, (const char *[]){ "name", NULL }),
			    "");
	assert_string_equal(nearest_of("", 0, (const char *[]){ "a", "name", NULL }), "");
}

/* The same by its definition: which mistakes lead from @a to @b? */
static unsigned mistakes(const char *a, const char *b)
{
	unsigned least;

	if (!*a || !*b)
		return (unsigned)(strlen(a) + strlen(b));
	least = mistakes(a + 1, b + 1) + (*a != *b);
	least = MIN(least, mistakes(a + 1, b) + 1);
	least = MIN(least, mistakes(a, b + 1) + 1);
	if (a[1] && b[1] && a[0] == b[1] && a[1] == b[0])
		least = MIN(least, mistakes(a + 2, b + 2) + 1);
	return least;
}

static void test_nearest_by_definition(void **state)
{
	/* All words of up to four of the letters a, b and c. */
	char words[121][5] = { "" };
	size_t n = 1;

	for (size_t from = 0; strlen(words[from]) < 4; from++)
		for (char c = 'a'; c <= 'c'; c++)
			snprintf(words[n++], 5, "%.3s%c", words[from], c);
	assert_int_equal(n, ARRAY_SIZE(words));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			size_t len = strlen(words[i]), to = strlen(words[j]);
			unsigned far = mistakes(words[i], words[j]);
			struct nearest g;

			if (len > 1 && len < to && startswith(words[j], words[i]))
				far = 1;
			nearest_init(&g, words[i], len);
			nearest_try(&g, words[j]);
			assert_int_equal(g.name[0] != '\0', far <= 1 + len / 4 && far < to);
		}
}

/* Neither an endless word nor an endless name is walked to its end. */
static void test_nearest_is_bounded(void **state)
{
	/* Reading behind the page would end the test. */
	long page = sysconf(_SC_PAGESIZE);
	char *at = mmap(NULL, 2 * (size_t)page, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct nearest g;

	assert_true(at != MAP_FAILED && mprotect(at + page, (size_t)page, PROT_NONE) == 0);
	memset(at, 'a', (size_t)page);
	nearest_init(&g, at + page - NEAREST_NAME_MAX, SIZE_MAX);
	nearest_try(&g, "aaaa");
	assert_string_equal(g.name, "");
	nearest_init(&g, "aaaa", 4);
	nearest_try(&g, at + page - NEAREST_NAME_MAX - 1);
	assert_string_equal(g.name, "");
	assert_int_equal(munmap(at, 2 * (size_t)page), 0);
}

static void test_ambiguous(void **state)
{
	bad(&program, "prog make --fo", "'--fo' is ambiguous: it may be --format, --force");
	bad(&program, "prog make --fo=x", "'--fo' is ambiguous: it may be --format, --force");
	bad(&program, "prog make --s 3", "'--s' is ambiguous: it may be --size, --secret-test");
	good("prog make --dry --out file");
	assert_true(args.dry_run);
	assert_string_equal(args.output, "file");
}

static void test_numbers(void **state)
{
	static const char *const none[] = { "0",
					    "65536",
					    "-1",
					    "+1",
					    "1x",
					    "0x",
					    "0x10000",
					    "18446744073709551615",
					    "18446744073709551616",
					    "99999999999999999999999999999999999999999",
					    "0xffffffffffffffffff",
					    "1.5",
					    "1e3",
					    "x" };
	char line[256], error[256];

	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		snprintf(line, sizeof(line), "prog make -o f --size 1 --port=%s", none[i]);
		snprintf(error, sizeof(error), "--port '%s' is not a number from 1 to 65535",
			 none[i]);
		bad(&program, line, error);
	}
	good("prog make -o f --size 18446744073709551615 --port 1 --colour red");
	assert_true(args.size.value == UINT64_MAX && args.port.value == 1);
	bad(&program, "prog make --size 18446744073709551616",
	    "--size '18446744073709551616' is not a number from 0 to 18446744073709551615");
}

/* The names that others have for an option. */
static void test_also(void **state)
{
	good("prog make -o f --mode=a");
	assert_string_equal(args.mode, "a");
	good("prog make -o f --technology b");
	assert_string_equal(args.mode, "b");
	/* Beginnings of both are of the same option. */
	good("prog make -o f --ho=c");
	assert_string_equal(args.mode, "c");
	bad(&program, "prog make --mode a --how b", "--mode is given twice");
	bad(&program, "prog make --t=c",
	    "'--t' is ambiguous: it may be --tag, --technology, --timeout");
	bad(&program, "prog make --technology",
	    "--mode needs a value: --mode=MODE; see 'prog make --help'");
	assert_int_equal(command(&program, "prog make --help"), 0);
	assert_null(strstr(said, "technology"));
}

/* All that is missing is said at once, and nothing twice. */
static void test_missing(void **state)
{
	bad(&needy, "needy", "needy needs --one=A, --two=B, FILE...; see 'needy --help'");
	bad(&needy, "needy --two b", "needy needs --one=A, FILE...; see 'needy --help'");
	bad(&needy, "needy f", "needy needs --one=A, --two=B; see 'needy --help'");
	bad(&needy, "needy --one a f --two b --three",
	    "--three needs --four, --five: of the other two");
	assert_int_equal(command(&needy, "needy --one a f --two b"), 1);
}

/* One of two options is needed, and is named with all else that is missing. */
static void test_one_of(void **state)
{
	static const struct verb either = {
		.name = "go",
		.help = "Go somewhere",
		.options = needy_rows,
		.one_of = "four five",
		.words = { .value = "FILE...", OPTION_LIST(words, 0), .required = true },
	};
	static struct verb because;
	static const struct verb *const either_verbs[] = { &either, &because, NULL };
	const struct program p = { "prog", "Goes.", .manual = "prog(1)", .verbs = either_verbs };

	because = either;
	because.name = "walk";
	because.one_of_because = "there are two ways";
	bad(&p, "prog go",
	    "go needs --one=A, --two=B, --four or --five, FILE...; see 'prog go --help'");
	bad(&p, "prog walk --one a --two b f",
	    "walk needs --four or --five: there are two ways; see 'prog walk --help'");
	bad(&p, "prog walk --one a --four f", "walk needs --two=B; see 'prog walk --help'");
	assert_int_equal(command(&p, "prog go --one a --two b f --five"), 1);
}

static void test_wrong_values(void **state)
{
	bad(&program, "prog make --colour pink", "--colour 'pink' is not one of red, green, blue");
	bad(&program, "prog make --colour re", "--colour 're' is not one of red, green, blue");
	bad(&program, "prog make --timeout never", "--timeout 'never' is not a time such as 30s");
	bad(&program, "prog make --timeout 0", "--timeout '0' is not a time such as 30s");
	bad(&program, "prog make --output ''", "--output is empty: it needs FILE");
	bad(&program, "prog make --output=", "--output is empty: it needs FILE");
	bad(&program, "prog make --size ''", "--size is empty: it needs N");
	bad(&program, "prog make --key ''", "--key is empty: it needs NAME");
	bad(&program, "prog make --colour=", "--colour is empty: it needs NAME");
	bad(&program, "prog make --output",
	    "--output needs a value: --output=FILE; see 'prog make --help'");
	bad(&program, "prog --socket", "--socket needs a value: --socket=PATH; see 'prog --help'");
	bad(&program, "prog make --force=yes", "--force takes no value");
	bad(&program, "prog make --help=yes", "--help takes no value");
	bad(&program, "prog --version=1", "--version takes no value");
	assert_int_equal(command(&program, "prog make --timeout oom"), -ENOMEM);
}

static void test_together(void **state)
{
	bad(&program, "prog make --force", "make needs --output=FILE; see 'prog make --help'");
	bad(&program, "prog make -o f --port 1",
	    "--port needs --size, --colour: it is a part of it");
	bad(&program, "prog make -o f --port 1 --colour red",
	    "--port needs --size: it is a part of it");
	bad(&program, "prog make -o f --port 1 --size 1",
	    "--port needs --colour: it is a part of it");
	bad(&program, "prog make -o f --force --dry-run",
	    "--force and --dry-run exclude each other");
	bad(&program, "prog make -o f --format x --dry-run",
	    "--format and --dry-run exclude each other: there is one only");
	bad(&program, "prog make -o f --format x --force",
	    "--format and --force exclude each other: there is one only");
	good("prog make -o f --format x");
}

static void test_words(void **state)
{
	good("prog key show --json a");
	assert_true(args.json);
	assert_int_equal(args.words.n, 1);
	good("prog --socket s key --json show a b");
	assert_string_equal(args.socket, "s");
	assert_string_equal(args.words.items[1], "b");
	/* After "--" there are only words, and "-" is a word. */
	good("prog key show -- --json --help");
	assert_false(args.json);
	assert_string_equal(args.words.items[0], "--json");
	assert_string_equal(args.words.items[1], "--help");
	good("prog key show - --json");
	assert_string_equal(args.words.items[0], "-");
	good("prog -- key -- list --");
	assert_ptr_equal(verb, &verb_list);
	good("prog make -o -- --");
	assert_string_equal(args.output, "--");
	bad(&program, "prog key show", "key show needs NAME...; see 'prog key show --help'");
	bad(&program, "prog key show --", "key show needs NAME...; see 'prog key show --help'");
	bad(&program, "prog key show a b c",
	    "'c' is too much: key show takes NAME...; see 'prog key show --help'");
	bad(&program, "prog key list a",
	    "'a' is not an option of key list: 'key show NAME' is for one; see 'prog key list "
	    "--help'");
	bad(&program, "prog make -o f stray",
	    "'stray' is not an option of make, and it takes nothing else; see 'prog make --help'");
	bad(&program, "prog make -o f -- --force",
	    "'--force' is not an option of make, and it takes nothing else; see 'prog make "
	    "--help'");
}

static void test_verbs(void **state)
{
	bad(&program, "prog", "A verb is missing; see 'prog --help'");
	bad(&program, "prog --json", "A verb is missing; see 'prog --help'");
	bad(&program, "prog --", "A verb is missing; see 'prog --help'");
	bad(&program, "prog key",
	    "'key' needs another word, one of show, list; see 'prog key --help'");
	bad(&program, "prog ''", "'' is not a verb of prog; see 'prog --help'");
	bad(&program, "prog key key", "'key' is not a verb of prog key; see 'prog key --help'");
}

static const struct {
	const char *command, *text;
} helps[] = {
	{ "prog --help",
	  "Usage: prog [OPTION...] VERB ...\n"
	  "\n"
	  "Makes things.\n"
	  "\n"
	  "Verbs:\n"
	  "  make      Make one\n"
	  "  key show  Show some\n"
	  "  key list  Which keys are there?\n"
	  "\n"
	  "Options:\n"
	  "      --json         print JSON\n"
	  "      --socket=PATH  another socket\n"
	  "  -h, --help         show this help\n"
	  "      --version      show the version\n"
	  "\n"
	  "Example:\n"
	  "  prog make --output=/srv/a-folder-with-a-long-name --port=8080 "
	  "--key=one \\\n"
	  "      --key=another\n"
	  "\n"
	  "'prog VERB --help' shows the options of a verb. The manual is "
	  "prog(1).\n" },
	{ "prog key -h",
	  "Usage: prog key [OPTION...] VERB ...\n"
	  "\n"
	  "Verbs:\n"
	  "  key show  Show some\n"
	  "  key list  Which keys are there?\n"
	  "\n"
	  "Options:\n"
	  "      --json         print JSON\n"
	  "      --socket=PATH  another socket\n"
	  "  -h, --help         show this help\n"
	  "      --version      show the version\n"
	  "\n"
	  "'prog key VERB --help' shows the options of a verb. The manual "
	  "is prog(1).\n" },
	{ "prog key show --json -h --nonsense",
	  "Usage: prog key show [OPTION...] NAME...\n"
	  "\n"
	  "Show some.\n"
	  "\n"
	  "Options:\n"
	  "      --json  print JSON\n"
	  "  -h, --help  show this help\n"
	  "\n"
	  "The manual is prog(1).\n" },
	{ "prog make --help",
	  "Usage: prog make --output=FILE [OPTION...]\n"
	  "\n"
	  "Make one.\n"
	  "\n"
	  "Options:\n"
	  "  -o, --output=FILE   where it goes\n"
	  "      --port=N        the port\n"
	  "      --size=N        how large\n"
	  "      --colour=NAME   which colour\n"
	  "      --cmdline=TEXT  the command line\n"
	  "      --format=NAME   which format\n"
	  "      --force         replace it\n"
	  "  -n, --dry-run       do nothing\n"
	  "      --key=NAME      a key; may be given again\n"
	  "      --tag=NAME      a tag; may be given again\n"
	  "      --mode=MODE     which mode\n"
	  "      --timeout=TIME  how long\n"
	  "  -h, --help          show this help\n"
	  "\n"
	  "Example:\n"
	  "  prog make --output=/srv/a-folder-with-a-long-name --port=8080 "
	  "--key=one \\\n"
	  "      --key=another\n"
	  "\n"
	  "And more.\n"
	  "\n"
	  "The manual is prog(1).\n" },
	{ "prog key list --help",
	  "Usage: prog key list [OPTION...]\n"
	  "\n"
	  "Which keys are there?\n"
	  "\n"
	  "Options:\n"
	  "  -h, --help  show this help\n"
	  "\n"
	  "Example:\n"
	  "  prog key list\n"
	  "\n"
	  "The manual is prog(1).\n" },
};

static void test_help(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(helps); i++) {
		assert_int_equal(command(&program, helps[i].command), 0);
		assert_string_equal(said, helps[i].text);
	}
	/* An error before --help is reported first. */
	bad(&program, "prog make --nonsense --help",
	    "'--nonsense' is not an option of make; see 'prog make --help'");
}

/* "help" as a verb. */
static void test_help_verb(void **state)
{
	static const struct {
		const char *command, *part;
	} rows[] = {
		{ "prog help", "Usage: prog [OPTION...] VERB" },
		{ "prog help key", "Usage: prog key [OPTION...] VERB" },
		{ "prog key help", "Usage: prog key [OPTION...] VERB" },
		{ "prog help make", "Usage: prog make --output=FILE [OPTION...]\n" },
		{ "prog help key show more", "Usage: prog key show [OPTION...] NAME...\n" },
		{ "prog key help show", "Usage: prog key show [OPTION...] NAME...\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(command(&program, rows[i].command), 0);
		assert_non_null(strstr(said, rows[i].part));
	}
	bad(&program, "prog help maek",
	    "'maek' is not a verb of prog; did you mean make? See 'prog --help'");
	bad(&program, "prog help key maek",
	    "'maek' is not a verb of prog key; see 'prog key --help'");
	bad(&program, "prog hepl",
	    "'hepl' is not a verb of prog; did you mean help? See 'prog --help'");
}

/* Lines are broken between words; a word that is longer than a line has one of its own. */
static const struct option_row wide_rows[] = {
	{ "short", NULL,
	  "a text that is longer than what is left of the line behind the name of the option",
	  OPTION_FLAG(json) },
	{ "a-name-that-leaves-no-room", "A-VALUE-TOO", "below it", OPTION_STRING(output) },
	{ "word", NULL,
	  "a-word-that-has-no-blank-in-it-at-all-and-goes-on-and-on-until-the-line-ends-and-after",
	  OPTION_FLAG(force) },
	{ NULL },
};
static const struct program wide = {
	.name = "wide",
	.help = "Does a thing whose description is rather long, so that it does not fit into a "
		"line of a terminal.",
	.example = "",
	.manual = "wide(8)",
	.options = wide_rows,
};

static void test_help_width(void **state)
{
	assert_int_equal(command(&wide, "wide --help"), 0);
	assert_string_equal(said, "Usage: wide [OPTION...]\n"
				  "\n"
				  "Does a thing whose description is rather long, so that it does "
				  "not fit into a\n"
				  "line of a terminal.\n"
				  "\n"
				  "Options:\n"
				  "      --short                 a text that is longer than what "
				  "is left of the\n"
				  "                              line behind the name of the "
				  "option\n"
				  "      --a-name-that-leaves-no-room=A-VALUE-TOO\n"
				  "                              below it\n"
				  "      --word                  a-word-that-has-no-blank-in-it-at-"
				  "all-and-goes-on-and-on-until-the-line-ends-and-after\n"
				  "  -h, --help                  show this help\n"
				  "      --version               show the version\n"
				  "\n"
				  "Example:\n"
				  "  wide\n"
				  "\n"
				  "The manual is wide(8).\n");
}

/* What completion offers: the words of @line, the last of which "''" may be. */
static void offers(const struct program *p, const char *line, const char *want)
{
	char whole[256];

	snprintf(whole, sizeof(whole), "%s " COMPLETE_OPTION "%s", p->name, line);
	assert_int_equal(command(p, whole), 0);
	if (!streq(said, want))
		print_error("%s: %s", line, said);
	assert_string_equal(said, want);
}

static void test_completion(void **state)
{
	offers(&program, " ''", "make\tMake one\nkey\n");
	offers(&program, " k", "key\n");
	offers(&program, " key ''", "show\tShow some\nlist\tWhich keys are there?\n");
	offers(&program, " -", "--json\tprint JSON\n--socket\tanother socket\n--help\tshow this "
			       "help\n--version\tshow the version\n");
	/* A value is no verb, and "--" does not end the search for one. */
	offers(&program, " --socket key l", "");
	offers(&program, " --socket key m", "make\tMake one\n");
	offers(&program, " -- key l", "list\tWhich keys are there?\n");
	offers(&program, " --socket x", ":files \n");
	offers(&program, " --socket=x", ":files --socket=\n");
	/* The hidden are not offered, and what others call an option is one. */
	offers(&program, " make --se", "");
	offers(&program, " make --t", "--tag\ta tag; may be given again\n--timeout\thow long\n");
	offers(&program, " make --colour ''", "red\ngreen\nblue\n");
	offers(&program, " make --colour=b", "--colour=blue\n");
	offers(&program, " make --col=b", "--col=blue\n");
	offers(&program, " make -o x", ":files \n");
	offers(&program, " make --technology ''", "");
	offers(&program, " make --force=r", "");
	offers(&program, " make --nothing=r", "");
	offers(&program, " make --=", "");
	/* Words, where there are some; else options. */
	offers(&program, " key show ''", "");
	offers(&program, " key list ''", "--help\tshow this help\n");
	offers(&program, " key list -- ''", "");
	offers(&files, " ''", ":files \n");
	offers(&files, " -- -", ":files \n");
	offers(&needy, " a b c", ":files \n");
	offers(&program, " nonsense ''", "make\tMake one\nkey\n");
	/* Without a word it is an option like any other, which there is not. */
	bad(&program, "prog " COMPLETE_OPTION,
	    "'" COMPLETE_OPTION "' is not an option of prog; see 'prog --help'");
}

static void test_version(void **state)
{
	assert_int_equal(command(&program, "prog --version"), 0);
	assert_string_equal(said, "prog " PACKAGE_VERSION "\n");
	assert_int_equal(command(&plain, "plain --vers"), 0);
	assert_string_equal(said, "plain " PACKAGE_VERSION "\n");
}

static void test_without_verbs(void **state)
{
	assert_int_equal(command(&plain, "plain --force -o f"), 1);
	assert_null(verb);
	assert_true(args.force);
	assert_string_equal(args.output, "f");
	bad(&plain, "plain -o f stray",
	    "'stray' is not an option of plain, and it takes nothing else; see 'plain --help'");
	bad(&plain, "plain --force", "plain needs --output=FILE; see 'plain --help'");
	bad(&plain, "plain --fo", "'--fo' is ambiguous: it may be --format, --force");
	bad(&plain, "plain --versoin",
	    "'--versoin' is not an option of plain; did you mean --version? See 'plain --help'");
	assert_int_equal(command(&plain, "plain --help"), 0);
	assert_non_null(strstr(said, "Usage: plain --output=FILE [OPTION...]\n\nDoes one "
				     "thing.\n\nOptions:\n"));
	assert_non_null(strstr(said, "      --version       show the "
				     "version\n\nThe manual is plain(8).\n"));
}

static void test_words_without_verbs(void **state)
{
	assert_int_equal(command(&files, "files a b"), 1);
	assert_int_equal(args.words.n, 2);
	assert_string_equal(args.words.items[1], "b");
	bad(&files, "files", "files needs FILE FILE; see 'files --help'");
	bad(&files, "files a b c", "'c' is too much: files takes FILE FILE; see 'files --help'");
	bad(&files, "files --a b c", "'--a' is not an option of files; see 'files --help'");
	assert_int_equal(command(&files, "files -h"), 0);
	assert_non_null(strstr(said, "Usage: files [OPTION...] FILE FILE\n"));
}

/* As a configuration file uses it: with names of options, without a command line. */
static void test_take(void **state)
{
	const struct option_row *row = option_find(make_rows, "key");

	args_done();
	assert_null(option_find(make_rows, "nothing"));
	assert_null(option_find(make_rows, "ke"));
	assert_int_equal(option_take(row, "a", &args), 0);
	assert_int_equal(option_take(row, "b", &args), 0);
	assert_int_equal(args.keys.n, 2);
	assert_int_equal(option_take(option_find(make_rows, "force"), NULL, &args), 0);
	assert_true(args.force);
	assert_int_equal(option_take(option_find(make_rows, "port"), "70000", &args), -EINVAL);
	assert_false(args.port.given);
	assert_int_equal(option_take(option_find(make_rows, "output"), "f", &args), 0);
	assert_int_equal(command_check(&program, &verb_make, &args), 0);
	args_done();
	assert_int_equal(command_check(&program, &verb_make, &args), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),	      cmocka_unit_test(test_letters),
		cmocka_unit_test(test_twice),	      cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_did_you_mean),  cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_in_list), cmocka_unit_test(test_one_of),
		cmocka_unit_test(test_also),	      cmocka_unit_test(test_nearest_by_definition),
		cmocka_unit_test(test_missing),	      cmocka_unit_test(test_nearest_is_bounded),
		cmocka_unit_test(test_ambiguous),     cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_wrong_values),  cmocka_unit_test(test_together),
		cmocka_unit_test(test_words),	      cmocka_unit_test(test_verbs),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_verb),	      cmocka_unit_test(test_help_width),
		cmocka_unit_test(test_completion),
		cmocka_unit_test(test_version),	      cmocka_unit_test(test_without_verbs),
		cmocka_unit_test(test_take),	      cmocka_unit_test(test_words_without_verbs),
	};

	log_open("test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "broker/admin-call.h"
#include "broker/core/secret-policy.h"

static const char *path_of(const struct args *args)
{
	return admin_bare_path(args->words.items[0]);
}

static int one_path(const struct args *args)
{
	if (args->words.n == 1)
		return 0;
	log_error("Name one secret: REPOSITORY/TYPE/TAG");
	return STATUS_USAGE;
}

/* ---- secret add ---- */

static int read_policy(const char *file, char **ret)
{
	int r = read_file_at(AT_FDCWD, file, SECRET_POLICY_MAX, ret, NULL);

	if (r == -EFBIG)
		log_error("'%s' has more than %d bytes", file, SECRET_POLICY_MAX);
	else if (r == -ENOENT)
		log_error("There is no '%s': 'cococtl attest policy --from-bundle FILE' makes a "
			  "policy of a guest's evidence, which 'cococtl attest report -o FILE' "
			  "saves there",
			  file);
	else if (r < 0)
		log_error_errno(r, "Failed to read '%s': %m", file);
	return r < 0 ? STATUS_FAILED : 0;
}

/* "-" is the standard input.  A terminal is not: what is typed there is seen. */
static int open_secret(const char *file, int *ret)
{
	if (!streq(file, "-")) {
		*ret = open(file, O_RDONLY | O_CLOEXEC);
		if (*ret >= 0)
			return 0;
		log_error_errno(-errno, "Failed to open '%s': %m", file);
		return STATUS_FAILED;
	}
	if (isatty(STDIN_FILENO)) {
		log_error("The secret comes from a file or a pipe: 'printf %%s ... | coco-broker "
			  "secret add ... -'");
		return STATUS_USAGE;
	}
	*ret = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	return *ret >= 0 ? 0 : STATUS_FAILED;
}

static int run_add(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	_cleanup_(freep) char *policy = NULL;
	_cleanup_(closep) int fd = -EBADF;
	struct json_object *request;
	int r;

	if (args->words.n != 2) {
		log_error("Name the secret, REPOSITORY/TYPE/TAG, and where it is: a file or '-'");
		return STATUS_USAGE;
	}
	r = args->secret.policy ? read_policy(args->secret.policy, &policy) : 0;
	if (r == 0)
		r = open_secret(args->words.items[1], &fd);
	if (r == 0)
		r = admin_call_open(args, &c);
	if (r != 0)
		return r;
	request = admin_request("secret-add", path_of(args));
	if (policy)
		admin_add_text(&request, "policy", policy);
	admin_add_flag(&request, "replace", args->secret.replace);
	r = admin_call(&c, request, fd);
	if (r == 0 && !admin_print_json(args, &c, "secret-add", &r))
		print("'%s' has version %llu\n", path_of(args),
		      (unsigned long long)answer_number(c.answer, "version"));
	return r;
}

static const struct option_row add_options[] = {
	{ "policy", "FILE", "who may have it, and how often; needed for a new secret",
	  OPTION_PATH(secret.policy) },
	{ "replace", NULL, "it may be there already: give it a new value",
	  OPTION_FLAG(secret.replace) },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_secret_add = {
	.name = "secret add",
	.help = "Put a secret in, out of a file or '-'",
	.example = "default/luks/vm1 passphrase --policy=vm1.conf",
	.options = add_options,
	.words = { .value = "PATH FILE", OPTION_LIST(words, 2), .required = true,
		   .offer = admin_offer_paths },
	.run = run_add,
};

/* ---- secret list, show ---- */

static void print_secret(struct json_object *s)
{
	char when[TIME_TEXT_MAX] = "?";

	if (admin_text(s, "what")[0]) {
		print("%s: ", admin_text(s, "path"));
		print_coloured(TEXT_RED, "damaged");
		print("\n");
		return;
	}
	(void) time_format((int64_t)answer_number(s, "changed"), when);
	print("%s  version %llu of %s, %s\n", admin_text(s, "path"),
	      (unsigned long long)answer_number(s, "version"), when, admin_text(s, "release"));
}

static int run_list(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request = admin_request("secret-list", NULL), *list;
	int r;

	if (args->words.n > 0)
		admin_add_text(&request, "prefix", path_of(args));
	r = admin_ask(args, &c, request);
	if (r != 0 || admin_print_json(args, &c, "secret-list", &r))
		return r;
	list = answer_list(c.answer, "secrets");
	for (size_t i = 0; list && i < json_object_array_length(list); i++)
		print_secret(json_object_array_get_idx(list, i));
	return 0;
}

const struct verb verb_secret_list = {
	.name = "secret list",
	.help = "List the secrets, without their values",
	.example = "default/luks",
	.options = verdict_options,
	.words = { .value = "PREFIX", OPTION_LIST(words, 1),
		   .offer = admin_offer_paths },
	.run = run_list,
};

static int run_show(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *list;
	char when[TIME_TEXT_MAX];
	size_t shown;
	int r;

	r = one_path(args);
	if (r == 0)
		r = admin_ask(args, &c, admin_request("secret-show", path_of(args)));
	if (r != 0 || admin_print_json(args, &c, "secret-show", &r))
		return r;
	{
		struct json_object *s = NULL;

		(void) json_object_object_get_ex(c.answer, "secret", &s);
		print_secret(s);
	}
	list = answer_list(c.answer, "claims");
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *claim = json_object_array_get_idx(list, i);

		memcpy(when, "?", 2);
		(void) time_format((int64_t)answer_number(claim, "at"), when);
		print("  %s since %s by launch %s\n", admin_text(claim, "state"), when,
		      admin_text(claim, "claim"));
	}
	shown = list ? json_object_array_length(list) : 0;
	if (answer_number(c.answer, "n-claims") > shown)
		print("  and %llu more claims\n",
		      (unsigned long long)(answer_number(c.answer, "n-claims") - shown));
	return 0;
}

const struct verb verb_secret_show = {
	.name = "secret show",
	.help = "Show what is known of a secret, and who has claimed it",
	.example = "default/luks/vm1",
	.options = verdict_options,
	.words = { .value = "PATH", OPTION_LIST(words, 1), .required = true,
		   .offer = admin_offer_paths },
	.run = run_show,
};

/* ---- secret rm, rearm ---- */

static int run_remove(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r;

	r = one_path(args);
	if (r == 0)
		r = admin_ask(args, &c, admin_request("secret-remove", path_of(args)));
	if (r == 0)
		(void) admin_print_json(args, &c, "secret-rm", &r);
	return r;
}

const struct verb verb_secret_rm = {
	.name = "secret rm",
	.help = "Remove a secret; there is no way back",
	.example = "default/luks/vm1",
	.options = json_options,
	.words = { .value = "PATH", OPTION_LIST(words, 1), .required = true,
		   .offer = admin_offer_paths },
	.run = run_remove,
};

static int run_rearm(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *request;
	int r;

	r = one_path(args);
	if (r != 0)
		return r;
	request = admin_request("secret-rearm", path_of(args));
	if (args->secret.launch)
		admin_add_text(&request, "launch", args->secret.launch);
	r = admin_ask(args, &c, request);
	if (r == 0 && !admin_print_json(args, &c, "secret-rearm", &r))
		print("%llu claims removed\n",
		      (unsigned long long)answer_number(c.answer, "n-claims"));
	return r;
}

static const struct option_row rearm_options[] = {
	{ "launch", "HEX", "only for this launch, as 'secret show' has it",
	  OPTION_STRING(secret.launch) },
	ROW_JSON,
	{ NULL },
};

const struct verb verb_secret_rearm = {
	.name = "secret rearm",
	.help = "Let a secret go out again to those who had it",
	.example = "default/luks/vm1",
	.options = rearm_options,
	.words = { .value = "PATH", OPTION_LIST(words, 1), .required = true,
		   .offer = admin_offer_paths },
	.run = run_rearm,
};

/* ---- policy set, show ---- */

#define STORE_SECRETS "coco/secret/"

/* The paths that @pattern names, "*" within a part of them; @ret is an array, yours. */
static int match_secrets(struct admin_client *c, const char *pattern, struct json_object **ret)
{
	_cleanup_(freep) char *prefix = strndup(pattern, strcspn(pattern, "*"));
	struct json_object *request = admin_request("secret-list", NULL), *list;
	struct json_object *paths = json_object_new_array();
	int r;

	*ret = paths;
	if (!prefix || !paths) {
		(void) json_object_put(request);
		(void) log_oom();
		return STATUS_FAILED;
	}
	admin_add_text(&request, "prefix", prefix);
	r = admin_call(c, request, -EBADF);
	list = r == 0 ? answer_list(c->answer, "secrets") : NULL;
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		const char *path = admin_text(o, "path");

		/* One that is damaged has its key here.  It counts: trying it says why. */
		if (admin_text(o, "what")[0] &&
		    strncmp(path, STORE_SECRETS, strlen(STORE_SECRETS)) == 0)
			path += strlen(STORE_SECRETS);
		if (fnmatch(pattern, path, FNM_PATHNAME | FNM_NOESCAPE) != 0)
			continue;
		if (json_append_text(paths, path) < 0) {
			(void) log_oom();
			return STATUS_FAILED;
		}
	}
	if (r == 0 && json_object_array_length(paths) == 0) {
		log_error("There is no secret '%s'", pattern);
		return STATUS_REFUSED;
	}
	return r;
}

/* @ret_n counts those for which it was done. */
static int set_each(struct admin_client *c, struct json_object *paths, const char *policy,
		    bool check, size_t *ret_n)
{
	size_t n = json_object_array_length(paths);
	int r = 0;

	for (*ret_n = 0; *ret_n < n; ++*ret_n) {
		struct json_object *path = json_object_array_get_idx(paths, *ret_n), *request;

		request = admin_request("policy-set", json_object_get_string(path));
		admin_add_text(&request, "policy", policy);
		admin_add_flag(&request, "check", check);
		admin_add_flag(&request, "unless-same", true);
		r = admin_call(c, request, -EBADF);
		if (r != 0)
			break;
	}
	return r;
}

static int print_number_set(size_t n)
{
	_cleanup_(json_putp) struct json_object *o = json_document("broker-policy-set");

	if (json_add_number(o, "secrets", (int64_t)n) == 0 &&
	    json_print(o, JSON_C_TO_STRING_PLAIN) == 0)
		return 0;
	(void) log_oom();
	return STATUS_FAILED;
}

/*
 * All are tried before the first is changed.  What goes wrong later, such as a store that is full,
 * leaves some with the old policy: those that have the new one are no change the next time.
 */
static int set_many(const struct args *args, const char *pattern, const char *policy)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	struct json_object *paths = NULL;
	size_t n = 0;
	int r;

	r = admin_call_open(args, &c);
	if (r == 0)
		r = match_secrets(&c, pattern, &paths);
	if (r == 0) {
		r = set_each(&c, paths, policy, /* check= */ true, &n);
		if (r != 0)
			log_error("Nothing was changed");
	}
	if (r == 0) {
		r = set_each(&c, paths, policy, /* check= */ false, &n);
		if (r != 0)
			log_error("%zu of %zu have the new policy: say the same again for the rest",
				  n, json_object_array_length(paths));
	}
	if (r == 0 && args->json)
		r = print_number_set(n);
	else if (r == 0)
		print("%zu secrets have the policy\n", n);
	(void) json_object_put(paths);
	return r;
}

static int run_policy_set(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	_cleanup_(freep) char *policy = NULL;
	struct json_object *request;
	int r;

	if (args->words.n != 2) {
		log_error("Name the secret and the file of its policy");
		return STATUS_USAGE;
	}
	r = read_policy(args->words.items[1], &policy);
	if (r != 0)
		return r;
	if (strchr(path_of(args), '*'))
		return set_many(args, path_of(args), policy);
	request = admin_request("policy-set", path_of(args));
	admin_add_text(&request, "policy", policy);
	r = admin_ask(args, &c, request);
	if (r == 0 && !admin_print_json(args, &c, "policy-set", &r))
		print("'%s' has version %llu\n", path_of(args),
		      (unsigned long long)answer_number(c.answer, "version"));
	return r;
}

const struct verb verb_policy_set = {
	.name = "policy set",
	.help = "Give a secret, or all that a pattern names, another policy",
	.example = "default/luks/vm1 vm1.conf",
	.options = json_options,
	.words = { .value = "PATH FILE", OPTION_LIST(words, 2), .required = true,
		   .offer = admin_offer_paths },
	.run = run_policy_set,
};

static int run_policy_show(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	int r;

	r = one_path(args);
	if (r == 0)
		r = admin_ask(args, &c, admin_request("policy-show", path_of(args)));
	if (r != 0 || admin_print_json(args, &c, "policy-show", &r))
		return r;
	for (const char *p = admin_text(c.answer, "policy"); *p;) {
		size_t n = strcspn(p, "\n");

		print("%.*s\n", (int)n, p);
		p += n + (p[n] != '\0');
	}
	return 0;
}

const struct verb verb_policy_show = {
	.name = "policy show",
	.help = "Print the policy of a secret",
	.example = "default/luks/vm1",
	.options = json_options,
	.words = { .value = "PATH", OPTION_LIST(words, 1), .required = true,
		   .offer = admin_offer_paths },
	.run = run_policy_show,
};

/* ---- policy test ---- */

/* How many launches that were @was are @now; NULL: anything. */
static unsigned count(struct json_object *list, const char *was, const char *now)
{
	unsigned n = 0;

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		n += streq(admin_text(o, "was"), was) &&
		     (!now || streq(admin_text(o, "now"), now));
	}
	return n;
}

static void print_decision(const char *word)
{
	print_coloured(streq(word, "released") ? TEXT_GREEN :
		       streq(word, "refused")  ? TEXT_RED :
						 TEXT_YELLOW,
		       word);
}

/* Only those that the new policy makes a difference to, and the reason why. */
static void print_launch(struct json_object *o)
{
	bool released = streq(admin_text(o, "was"), "released");
	const char *launch = admin_text(o, "launch");
	char at[TIME_TEXT_MAX];

	if (streq(admin_text(o, "now"), "released") == released)
		return;
	if (!time_format((int64_t)answer_number(o, "at"), at))
		strcpy(at, "?");
	print("%s launch %s of %s\n    was ", admin_text(o, "tee"),
	      launch[0] ? launch : "(unknown)", at);
	print_decision(admin_text(o, "was"));
	print(", %s; would be ", admin_text(o, "was-code"));
	print_decision(admin_text(o, "now"));
	print(", %s: %s\n    measurement: %s\n", admin_text(o, "code"), admin_text(o, "reason"),
	      admin_text(o, "measurement"));
}

static void print_counts(struct json_object *list, const char *was)
{
	print("%u were %s: now %u would get it, %u with an approval, %u would be refused, "
	      "%u cannot be judged\n",
	      count(list, was, NULL), was, count(list, was, "released"),
	      count(list, was, "approval"), count(list, was, "refused"),
	      count(list, was, "undecided"));
}

static bool is_complete(const struct admin_client *c)
{
	struct json_object *o;

	return json_object_object_get_ex(c->answer, "complete", &o) && json_object_get_boolean(o);
}

static void print_since(const struct admin_client *c)
{
	static const char *const names[] = { "released", "refused" };
	char name[32], at[TIME_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void) snprintf(name, sizeof(name), "kept-since-%s", names[i]);
		if (!time_format((int64_t)answer_number(c->answer, name), at))
			strcpy(at, "?");
		print("what was %s is kept since %s by instance %s\n", names[i], at,
		      admin_text(c->answer, "instance"));
	}
	if (!is_complete(c))
		print("that is not all of the time that was asked about\n");
}

static int print_test(const struct args *args, const struct admin_client *c)
{
	struct json_object *list = answer_list(c->answer, "launches");
	int r = STATUS_GOOD;

	if (!admin_print_json(args, c, "policy-test", &r)) {
		for (size_t i = 0; list && i < json_object_array_length(list); i++)
			print_launch(json_object_array_get_idx(list, i));
		print_counts(list, "released");
		print_counts(list, "refused");
		print_since(c);
	}
	/* With an approval they get it. */
	if (count(list, "released", "refused") + count(list, "released", "undecided") > 0)
		return STATUS_REFUSED;
	return is_complete(c) ? r : STATUS_PARTLY;
}

static int run_policy_test(struct args *args)
{
	_cleanup_(admin_client_done) struct admin_client c = { .fd = -EBADF, .data = -EBADF };
	_cleanup_(freep) char *policy = NULL;
	struct json_object *request;
	char last[24];
	int r;

	if (args->words.n != 2) {
		log_error("Name the file of the policy, and the secret");
		return STATUS_USAGE;
	}
	r = read_policy(args->words.items[0], &policy);
	if (r != 0)
		return r;
	request = admin_request("policy-test", admin_bare_path(args->words.items[1]));
	admin_add_text(&request, "policy", policy);
	if (args->secret.last_usec > 0) {
		(void) snprintf(last, sizeof(last), "%llu",
				(unsigned long long)(args->secret.last_usec + 999999) / 1000000);
		admin_add_text(&request, "last", last);
	}
	r = admin_ask(args, &c, request);
	return r == 0 ? print_test(args, &c) : r;
}

static const struct option_row test_options[] = {
	{ "last", "TIME", "only what was asked in this time, such as 7d",
	  OPTION_PARSED(secret.last_usec, option_parse_usec, "is not a time such as 7d") },
	ROW_COLOUR,
	ROW_JSON,
	{ NULL },
};

const struct verb verb_policy_test = {
	.name = "policy test",
	.help = "Say who of those who asked for a secret would get it by another policy",
	.example = "vm1.conf default/luks/vm1 --last=7d",
	.options = test_options,
	.words = { .value = "FILE PATH", OPTION_LIST(words, 2), .required = true,
		   .offer = admin_offer_paths },
	.run = run_policy_test,
};

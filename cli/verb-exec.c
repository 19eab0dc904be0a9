/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cococtl exec: run a command that has secrets for as long as it runs.
 *
 * Where each secret is stands in the environment, never the secret itself: an environment is
 * inherited, logged and shown by ps(1).
 */
#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/parse.h"
#include "cli/cococtl.h"
#include "cli/handed.h"
#include "cli/secret-read.h"

/* cocod serves 32 clients, and each secret is one. */
#define MAX_HANDED 16

struct item {
	char name[MSG_NAME_LEN + 1];
	bool file;
	char variable[sizeof("COCO_SECRET__FILE") + MSG_NAME_LEN];
	int conn;
	struct msg_secret info;
	struct handed handed;
};

struct items {
	struct item list[MAX_HANDED];
	size_t n;
};

static void items_done(struct items *s)
{
	for (size_t i = 0; i < s->n; i++) {
		handed_wipe(&s->list[i].handed);
		s->list[i].conn = close_fd(s->list[i].conn);
	}
}

/* ---- what is handed over ---- */

/* "db-password" -> "COCO_SECRET_DB_PASSWORD_FD" */
static void make_variable(struct item *e)
{
	size_t n = (size_t)sprintf(e->variable, "COCO_SECRET_");

	for (const char *p = e->name; *p; p++)
		e->variable[n++] = isalnum((unsigned char)*p) ?
					   (char)toupper((unsigned char)*p) :
					   '_';
	strcpy(e->variable + n, e->file ? "_FILE" : "_FD");
}

/* "NAME", "NAME=fd" or "NAME=file" */
static int add_item(struct items *s, const char *text)
{
	size_t len = strcspn(text, "=");
	struct item *e = &s->list[s->n];

	if (s->n >= MAX_HANDED) {
		log_error("A command can have at most %d secrets", MAX_HANDED);
		return -EINVAL;
	}
	*e = (struct item){ .conn = -EBADF, .handed = HANDED_INIT };
	if (len < sizeof(e->name))
		memcpy(e->name, text, len);
	e->file = streq(text + len, "=file");
	if (!name_is_valid(e->name, MSG_NAME_LEN) ||
	    (text[len] && !e->file && !streq(text + len, "=fd"))) {
		log_error("--secret=%s is not the name of a secret, with '=fd', '=file' or nothing "
			  "after it",
			  text);
		return -EINVAL;
	}
	make_variable(e);
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->list[i].variable, e->variable)) {
			log_error("The secrets '%s' and '%s' would both be %s", s->list[i].name,
				  e->name, e->variable);
			return -EINVAL;
		}
	s->n++;
	return 0;
}

static int hand_over(const struct args *args, struct item *e, const struct secret *s)
{
	const struct args_secrets *o = &args->secrets;

	return e->file ? handed_file(s, e->name, o->owner.uid, o->owner.gid,
				     o->mode.given ? o->mode.mode : 0400, &e->handed) :
			 handed_fd(s, &e->handed);
}

/* Returns 0, or -1 after it has logged why not. */
static int fetch_item(const struct args *args, struct item *e)
{
	_cleanup_(secret_freep) struct secret *s = NULL;
	char value[sizeof(e->handed.path)];
	int r;

	if (cli_connect(args, &e->conn) != 0 || secret_find(e->conn, e->name, &e->info) != 0 ||
	    secret_fetch(e->conn, e->name, &e->info, &s) != 0)
		return -1;
	r = hand_over(args, e, s);
	if (r < 0) {
		log_error_errno(r, "Secret '%s' cannot be put into a %s for the command: %m",
				e->name, e->file ? "file" : "descriptor");
		return -1;
	}
	if (e->file)
		strcpy(value, e->handed.path);
	else
		snprintf(value, sizeof(value), "%d", e->handed.fd);
	return setenv(e->variable, value, /* overwrite= */ 1) < 0 ? -1 : 0;
}

static int fetch_items(const struct args *args, struct items *s)
{
	bool any_file = false;
	int r;

	for (size_t i = 0; i < args->secrets.handed.n; i++)
		if (add_item(s, args->secrets.handed.items[i]) < 0)
			return STATUS_USAGE;
	for (size_t i = 0; i < s->n; i++)
		any_file = any_file || s->list[i].file;
	r = secret_protect_process();
	if (r >= 0 && any_file)
		r = handed_mount();
	if (r < 0) {
		log_error_errno(r, "Failed to make a place for secrets in memory: %m");
		return STATUS_NOT_RUN;
	}
	for (size_t i = 0; i < s->n; i++)
		if (fetch_item(args, &s->list[i]) < 0)
			return STATUS_NOT_RUN;
	return 0;
}

/* ---- the command ---- */

static _Noreturn void become(const struct items *s, char **argv, const sigset_t *mask, int report)
{
	int error;

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].handed.fd >= 0)
			(void) fcntl(s->list[i].handed.fd, F_SETFD, 0);
	(void) signal(SIGPIPE, SIG_DFL);
	(void) sigprocmask(SIG_SETMASK, mask, NULL);
	(void) execvp(argv[0], argv);
	error = errno;
	(void)!write(report, &error, sizeof(error));
	_exit(STATUS_NO_COMMAND);
}

/* Start the command.  Returns 0 with its pid, or the errno that kept it from running. */
static int start(const struct items *s, char **argv, const sigset_t *mask, pid_t *ret)
{
	_cleanup_(closep) int ours = -EBADF;
	int fds[2], error = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	ours = fds[0];
	pid = fork();
	if (pid == 0)
		become(s, argv, mask, fds[1]);
	n = pid < 0 ? -errno : 0;
	(void) close_fd(fds[1]);
	if (n < 0)
		return (int)n;
	n = read_full(ours, &error, sizeof(error));
	if (n == (ssize_t)sizeof(error)) {
		(void) waitpid(pid, NULL, 0);
		return -error;
	}
	*ret = pid;
	return 0;
}

/*
 * Pass on what others send to us.  What the terminal sends goes to the command too, and would
 * arrive twice.
 */
static int await(pid_t pid, const sigset_t *all)
{
	siginfo_t info;
	int status;

	for (;;) {
		int sig = sigwaitinfo(all, &info);

		if (sig != SIGCHLD) {
			if (sig > 0 && info.si_code <= 0)
				(void) kill(pid, sig);
			continue;
		}
		if (waitpid(pid, &status, WNOHANG | WUNTRACED) != pid)
			continue;
		if (!WIFSTOPPED(status))
			return status;
		(void) kill(getpid(), SIGSTOP);
	}
}

/* End as the command has ended. */
static int end_as(int status, const sigset_t *mask)
{
	int sig;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	(void) signal(sig, SIG_DFL);
	(void) raise(sig);
	(void) sigprocmask(SIG_SETMASK, mask, NULL);
	return 128 + sig;
}

static int run_command(const struct args *args, struct items *s, char **argv)
{
	sigset_t all, mask;
	pid_t pid = 0;
	int r, status;

	/* Before the fork, so that no signal is lost. */
	sigfillset(&all);
	(void) sigprocmask(SIG_BLOCK, &all, &mask);
	(void) signal(SIGCHLD, SIG_DFL);
	r = start(s, argv, &mask, &pid);
	if (r < 0) {
		log_error_errno(r, "Failed to run '%s', the secrets are kept: %m", argv[0]);
		return r == -ENOENT ? STATUS_NO_COMMAND : STATUS_NOT_EXECUTABLE;
	}
	for (size_t i = 0; i < s->n; i++) {
		struct item *e = &s->list[i];

		/* What cannot be reported is said, and the command goes on. */
		if (!args->secrets.keep)
			(void) secret_delivered(e->conn, e->name, &e->info);
		e->conn = close_fd(e->conn);
	}
	status = await(pid, &all);
	items_done(s);
	return end_as(status, &mask);
}

static int run_exec(struct args *args)
{
	_cleanup_(items_done) struct items s = { .n = 0 };
	_cleanup_(freep) char **argv = calloc(args->words.n + 1, sizeof(*argv));
	int r;

	if (!argv) {
		log_oom();
		return STATUS_NOT_RUN;
	}
	for (size_t i = 0; i < args->words.n; i++)
		argv[i] = (char *)args->words.items[i];
	r = fetch_items(args, &s);
	return r != 0 ? r : run_command(args, &s, argv);
}

/* ---- the verb ---- */

/* "UID" or "UID:GID" */
static int parse_owner(const char *text, void *ret)
{
	struct args_owner *o = ret, owner = { .given = true };
	const char *colon = strchr(text, ':');
	size_t len = strcspn(text, ":");
	char uid[16] = "";

	if (len >= sizeof(uid))
		return -EINVAL;
	memcpy(uid, text, len);
	if (parse_u32(uid, &owner.uid) < 0 || (colon && parse_u32(colon + 1, &owner.gid) < 0) ||
	    owner.uid == (uid_t)-1 || owner.gid == (gid_t)-1)
		return -EINVAL;
	*o = owner;
	return 0;
}

/* Octal, and nothing that makes a program of it. */
static int parse_mode(const char *text, void *ret)
{
	struct args_mode *m = ret;
	uint32_t mode = 0;
	size_t len = strlen(text);

	if (len < 3 || len > 4 || strspn(text, "01234567") != len)
		return -EINVAL;
	for (const char *p = text; *p; p++)
		mode = mode << 3 | (uint32_t)(*p - '0');
	if (mode & ~0666u)
		return -EINVAL;
	*m = (struct args_mode){ .given = true, .mode = mode };
	return 0;
}

static const struct option_row exec_options[] = {
	{ "secret", "NAME[=fd|=file]", "hand over this secret, as a descriptor or a file",
	  OPTION_LIST(secrets.handed, MAX_HANDED), .offer = secret_offer, .required = true },
	{ "owner", "UID[:GID]", "who owns the files, instead of root",
	  OPTION_PARSED(secrets.owner, parse_owner, "is not UID or UID:GID in numbers") },
	{ "mode", "MODE", "the mode of the files, instead of 0400",
	  OPTION_PARSED(secrets.mode, parse_mode, "is not a mode such as 0440, without x") },
	{ "keep", NULL, "do not report them as delivered, so that nothing is wiped by cocod",
	  OPTION_FLAG(secrets.keep) },
	{ NULL },
};

const struct verb verb_exec = {
	.name = "exec",
	.help = "Run a command that has secrets as long as it runs",
	.example = "--secret=api-token=file --owner=1000 -- my-service",
	.options = exec_options,
	.words = { .value = "-- CMD [ARG...]", OPTION_LIST(words, 0), .required = true },
	.run = run_exec,
};

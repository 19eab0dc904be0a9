/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/keeper/config-check.h"

#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/keeper/config.h"
#include "agent/status.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/crypttab.h"

#define CMDLINE_MAX 65536
#define BLANKS " \t\n"

extern char **environ;

/* ---- the volumes ---- */

/* @text is changed. */
static int add_crypttab(struct name_list *l, char *text)
{
	struct crypttab_line line = { 0 };
	int r = 0;

	while (r == 0 && crypttab_next(&text, &line) > 0)
		r = name_list_add(l, line.volume);
	return r;
}

/*
 * "rd.luks.name=UUID=VOLUME", or without "rd.": systemd-cryptsetup-generator(8).  @text is
 * changed.
 */
static int add_command_line(struct name_list *l, char *text)
{
	char *save = NULL;
	int r = 0;

	for (char *w = strtok_r(text, BLANKS, &save); w && r == 0;
	     w = strtok_r(NULL, BLANKS, &save)) {
		const char *rest = startswith(w, "rd.luks.name="), *eq;

		if (!rest)
			rest = startswith(w, "luks.name=");
		eq = rest ? strchr(rest, '=') : NULL;
		if (eq)
			r = name_list_add(l, eq + 1);
	}
	return r;
}

/* Returns the number of volumes that are not in @l, which is sorted. */
static int count_unknown(const struct config *c, const struct name_list *l, const char *path)
{
	char volume[MSG_NAME_LEN + 1];
	int n = 0;

	for (size_t i = 0; i < c->n_policies; i++)
		for (unsigned j = 0; secret_policy_volume(&c->policies[i], j, volume); j++) {
			if (name_list_has(l, volume))
				continue;
			log_error("%s: There is no volume '%s', which Consumers= of the secret "
				  "'%s' names: no volume of another name gets it",
				  path, volume, c->policies[i].name);
			n++;
		}
	return n;
}

static bool names_volume(const struct config *c)
{
	char volume[MSG_NAME_LEN + 1];

	for (size_t i = 0; i < c->n_policies; i++)
		if (secret_policy_volume(&c->policies[i], 0, volume))
			return true;
	return false;
}

/* Returns the number of volumes that nothing on this machine opens, or a negative errno. */
static int check_volumes(const struct config *c, const char *root)
{
	struct config_file tab = { .text = NULL }, cmdline = { .text = NULL };
	struct name_list known = { NULL };
	char path[PATH_MAX];
	int r;

	if ((size_t)snprintf(path, sizeof(path), "%s/etc/crypttab", root) >= sizeof(path))
		return log_error_errno(ENAMETOOLONG, "'%s': %m", root);
	r = config_file_read_path(CONFIG_ROOT(root), path, CRYPTTAB_MAX, &tab);
	if (r < 0)
		log_error("%s: %s", path, config_file_error(r));
	/* The command line of this machine says nothing about another root. */
	if (r > 0 && !root[0])
		(void) config_file_read_path(CONFIG_ROOT(""), "/proc/cmdline", CMDLINE_MAX,
					     &cmdline);
	if (r == 0 && names_volume(c))
		log_warning("%s: The file does not exist; whether the volumes in "
			    "Consumers= exist is not checked",
			    path);
	if (r > 0) {
		r = add_crypttab(&known, tab.text);
		if (r == 0 && cmdline.text)
			r = add_command_line(&known, cmdline.text);
		name_list_sort(&known);
		r = r < 0 ? log_oom() : count_unknown(c, &known, path);
	}
	name_list_done(&known);
	config_file_done(&tab);
	config_file_done(&cmdline);
	return r;
}

/* ---- evidence ---- */

/*
 * In the build tree the worker lies beside this program; an installed worker has a folder of its
 * own.
 */
static void find_worker(char ret[static PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - sizeof("/cocod-worker"));

	if (n > 0) {
		ret[n] = '\0';
		strcpy(strrchr(ret, '/'), "/cocod-worker");
		if (access(ret, X_OK) == 0)
			return;
	}
	strcpy(ret, PKGLIBEXECDIR "/cocod-worker");
}

/* Returns 0, -EINVAL for mistakes, or the errno that kept us from finding out. */
static int check_evidence(const char *root)
{
	char worker[PATH_MAX], option[PATH_MAX + sizeof("--config-root=")];
	char check[] = "--check-config";
	char *const argv[] = { worker, check, option, NULL };
	int status, r;
	pid_t pid;

	find_worker(worker);
	snprintf(option, sizeof(option), "--config-root=%s", root);
	fflush(stdout);
	r = posix_spawn(&pid, worker, NULL, NULL, argv, environ);
	if (r != 0)
		return log_error_errno(r,
				       "Failed to run '%s', which checks attest.conf and what "
				       "belongs to it: %m",
				       worker);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return log_error_errno(errno, "Failed to wait for '%s': %m", worker);
	if (WIFEXITED(status) && WEXITSTATUS(status) == WORKER_GOOD)
		return 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != WORKER_FAILED)
		log_error("'%s' did not come to an end; attest.conf and what "
			  "belongs to it are not checked",
			  worker);
	return -EINVAL;
}

/* ---- a list of them ---- */

int config_list_volumes(const char *root)
{
	_cleanup_(config_freep) struct config *config = NULL;
	char volume[MSG_NAME_LEN + 1];
	bool any = false, named = false;
	int r;

	r = config_load(root, &config);
	if (r < 0)
		return log_oom();
	if (config->errors.n > 0) {
		log_error("The configuration has errors; cocod would release nothing");
		return -EINVAL;
	}
	for (size_t i = 0; i < config->n_policies; i++) {
		any |= secret_policy_allows(&config->policies[i], CONSUMER_CRYPTSETUP) == 2;
		for (unsigned j = 0; secret_policy_volume(&config->policies[i], j, volume); j++) {
			named = true;
			print("%s\n", volume);
		}
	}
	if (any || !named)
		print("*\n");
	return 0;
}

/* ---- all ---- */

/* Settings that are valid, but may not be what their author meant. */
static int check_require(const struct config *c, const char *root)
{
	struct config_file f;
	int r;

	r = config_file_read(CONFIG_ROOT(root), ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f);
	if (r > 0 && c->require == REQUIRE_NONE)
		log_warning("%s: Require=none: nothing is judged by this policy, "
			    "and secrets go to anybody",
			    f.path);
	if (r == 0 && c->require == REQUIRE_EVIDENCE)
		log_error("There is no " ATTEST_POLICY_FILE
			  ": with Require=evidence no launch secret is ever released");
	config_file_done(&f);
	return r == 0 && c->require == REQUIRE_EVIDENCE ? -EINVAL : 0;
}

/* What the owner should know of a broker.conf without errors. */
static void check_broker(const struct config *c)
{
	const struct broker_settings *b = &c->broker;
	unsigned n = 0;

	for (size_t i = 0; i < c->n_policies; i++)
		n += c->policies[i].path[0] != '\0';
	if (!b->present || b->trust == BROKER_TRUST_NONE)
		return;
	if (broker_is_tls_only(b))
		log_warning("broker.conf has no Identity=: what the broker releases is not signed, "
			    "and whoever has the key of its TLS certificate can give this VM "
			    "secrets of their own");
	if (n == 0)
		log_warning("There is a broker.conf, and no file in secrets.d has Uri=: no volume "
			    "gets a secret from the broker");
	print("The broker is recognised by %s, at %u address%s; it has %u of the secrets.\n",
	      b->trust == BROKER_TRUST_IDENTITY	  ? "Identity=" :
	      b->trust == BROKER_TRUST_PUBLIC_KEY ? "PublicKey=" :
						    "Authority=",
	      b->n_urls, b->n_urls == 1 ? "" : "es", n);
}

/* A file with another name is not read: its secret has the policy of a secret without a file. */
static void warn_of_unread(const char *root)
{
	static const char *const folders[] = { "cocod.conf.d", "broker.conf.d", "secrets.d" };

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct name_list l = { NULL, 0 };
		char path[PATH_MAX];

		/* config_load() has logged what cannot be read. */
		if (config_folder_list_unread(CONFIG_ROOT(root), folders[i], &l, path) < 0)
			continue;
		for (size_t j = 0; j < l.n; j++)
			log_warning("'%s/%s' is not read, for its name does not end in .conf",
				    folders[i], l.names[j]);
		name_list_done(&l);
	}
}

int config_check(const char *root)
{
	_cleanup_(config_freep) struct config *config = NULL;
	unsigned n;
	int r;

	r = config_load(root, &config);
	if (r < 0)
		return log_oom();
	n = config->errors.n;
	if (n > 0)
		log_error("The configuration has %u error%s; cocod would release nothing", n,
			  n == 1 ? "" : "s");
	/* Go on after errors, to report everything at once. */
	warn_of_unread(root);
	check_broker(config);
	n += check_require(config, root) != 0;
	n += check_volumes(config, root) != 0;
	n += check_evidence(root) != 0;
	if (n > 0)
		return -EINVAL;
	print("The configuration is good: Require=%s, %zu secret%s configured.\n",
	       require_name(config->require), config->n_policies,
	       config->n_policies == 1 ? "" : "s");
	return 0;
}

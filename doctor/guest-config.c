/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/guest-config.h"

#include <stdio.h>

#include "base/text.h"

/* ---- what cocod's reading asks for ---- */

/* A link that leads nowhere was meant to lead to something. */
static int judge_missing(struct exam *x, const char *path, enum got got)
{
	char target[PROVIDER_LINE_MAX];

	if (got != GOT_ABSENT)
		return -EIO;
	return provider_link(x->p, path, target) == GOT_IT ? -ENOLINK : 0;
}

static enum guest_subject subject_of(const char *path)
{
	if (strstr(path, "/secrets.d"))
		return CONFIG_OF_SECRETS;
	if (strstr(path, "/cocod.conf") || strstr(path, "/" ATTEST_POLICY_FILE))
		return CONFIG_OF_COCOD;
	return CONFIG_OF_BROKER;	/* a file with its key can be anywhere */
}

static int on_read(void *userdata, const char *path, size_t max, char **ret, size_t *ret_len)
{
	struct guest_config *g = userdata;
	_cleanup_(freep) char *text = malloc(max + 2);
	char target[PROVIDER_LINE_MAX];
	enum got got;

	if (!text)
		return -ENOMEM;
	*ret = NULL;
	if (provider_link(g->x->p, path, target) == GOT_IT && streq(target, "null")) {
		g->n_files++;
		return 1;
	}
	got = provider_bytes(g->x->p, path, text, max + 1, ret_len);
	if (got == GOT_DENIED) {
		g->denied[subject_of(path)] = true;
		return -EACCES;
	}
	if (got != GOT_IT)
		return judge_missing(g->x, path, got);
	g->n_files++;
	if (*ret_len > max)
		return -EFBIG;
	text[*ret_len] = '\0';
	*ret = TAKE_PTR(text);
	return 1;
}

static int on_list(void *userdata, const char *path, bool (*wanted)(const char *name),
		   struct name_list *ret)
{
	struct guest_config *g = userdata;
	struct tree_names names = { NULL, 0 };
	enum got got = provider_list(g->x->p, path, &names);
	int r = 0;

	if (got == GOT_DENIED) {
		g->denied[subject_of(path)] = true;
		return -EACCES;
	}
	if (got != GOT_IT)
		return judge_missing(g->x, path, got);
	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (names.names[i][0] != '.' && wanted(names.names[i]))
			r = name_list_add(ret, names.names[i]);
	tree_names_done(&names);
	return r;
}

static void on_error(void *userdata, const char *text)
{
	struct guest_config *g = userdata;
	enum guest_subject subject = subject_of(text);

	if (g->n_errors[subject]++ == 0)
		snprintf(g->first[subject], sizeof(g->first[subject]), "%s", text);
}

/* ---- all ---- */

void guest_config_root(struct exam *x, struct guest_config *ret)
{
	static const struct config_root_ops ops = { on_read, on_list };

	*ret = (struct guest_config){ .x = x };
	ret->root = (struct config_root){ .path = "", .ops = &ops, .userdata = ret };
}

static void read_policy(struct guest_config *g)
{
	struct config_file f;
	int r = config_file_read(&g->root, ATTEST_POLICY_FILE, ATTEST_POLICY_MAX, &f);

	g->policy_got = r > 0 ? GOT_IT : r == 0 ? GOT_ABSENT : r == -EACCES ? GOT_DENIED :
								 GOT_UNREADABLE;
	snprintf(g->policy_path, sizeof(g->policy_path), "%.250s", r == 0 ? "" : f.path);
	g->policy = TAKE_PTR(f.text);
	g->policy_len = f.len;
}

void guest_config_load(struct exam *x, struct guest_config *ret)
{
	guest_config_root(x, ret);
	if (config_load_from(&ret->root, on_error, ret, &ret->config) < 0)
		ret->config = NULL;
	else
		read_policy(ret);
}

void guest_config_done(struct guest_config *g)
{
	config_free(g->config);
	free(g->policy);
	*g = (struct guest_config){ .config = NULL };
}

bool guest_config_refused(const struct guest_config *g, enum guest_subject subject,
			  struct result *r)
{
	if (!g->config) {
		result_set(r, OUTCOME_UNKNOWN, "Out of memory");
	} else if (g->denied[subject]) {
		result_set(r, OUTCOME_UNKNOWN,
			   "The configuration may not be read without more privileges");
		result_fix(r, FIX_NONE, "Run it as root");
	} else if (g->n_errors[subject]) {
		result_set(r, OUTCOME_FAIL, "cocod refuses its configuration, and releases "
			   "nothing: %s%s", g->first[subject],
			   g->n_errors[subject] > 1 ? "; and there is more" : "");
		result_fix(r, FIX_CONFIG, "Mend what 'cocod --check-config' says");
	} else {
		return false;
	}
	return true;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/provider.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "doctor/inflate.h"
#include "doctor/live.h"
#include "doctor/luks-token.h"

#define PROBE ".probe/"
#define PROBE_TEXT_MAX (4u << 20)
#define CONFIG_GZ "/proc/config.gz"
#define CONFIG_GZ_MAX (1u << 20)
#define CONFIG_MAX (8u << 20)

/* The texts of .probe, each read when it is first asked for. */
enum probe {
	PROBE_CPUID,
	PROBE_MSR,
	PROBE_KVM,
	PROBE_SEV,
	PROBE_KMSG,
	PROBE_FILES,
	PROBE_TIME,
	PROBE_QMP,
	PROBE_XL,
	PROBE_RIGHTS,
	PROBE_TOKENS,
	_PROBE_MAX,
};

static const char *const probe_paths[_PROBE_MAX] = {
	[PROBE_CPUID] = PROBE "cpuid", [PROBE_MSR] = PROBE "msr",   [PROBE_KVM] = PROBE "kvm",
	[PROBE_KMSG] = PROBE "kmsg",   [PROBE_FILES] = PROBE "files", [PROBE_QMP] = PROBE "qmp",
	[PROBE_SEV] = PROBE "sev",   [PROBE_XL] = PROBE "xl",	   [PROBE_TIME] = PROBE "time",
	[PROBE_RIGHTS] = PROBE "rights", [PROBE_TOKENS] = PROBE "tokens",
};

struct probe_text {
	bool asked;
	enum got got;
	char *text;
	size_t len;
};

struct provider {
	bool is_live;
	int root;
	int error;		/* the errno of the last file that was GOT_UNREADABLE */
	struct record *record;
	struct live live;
	bool asked_config;
	char *config;		/* what /proc/config.gz has; NULL */
	struct probe_text probes[_PROBE_MAX];
};

int provider_open(const char *root, struct record *record, struct provider **ret,
		  struct cause *why)
{
	_cleanup_(freep) struct provider *p = calloc(1, sizeof(*p));

	if (!p)
		return cause_set_oom(why);
	p->is_live = !root;
	p->record = record;
	p->live = LIVE_NONE;
	p->root = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (p->root < 0)
		return cause_set(why, -errno, "Failed to open the folder '%s': %s",
				 root ? root : "/", strerror(errno));
	*ret = TAKE_PTR(p);
	return 0;
}

struct provider *provider_free(struct provider *p)
{
	if (!p)
		return NULL;
	for (unsigned i = 0; i < _PROBE_MAX; i++)
		free(p->probes[i].text);
	free(p->config);
	live_done(&p->live);
	close_fd(p->root);
	free(p);
	return NULL;
}

/* Returns @got, and keeps why it is GOT_UNREADABLE. */
static enum got keep_error(struct provider *p, enum got got)
{
	if (got == GOT_UNREADABLE)
		p->error = errno;
	return got;
}

int provider_error(const struct provider *p)
{
	return -p->error;
}

/* The text in p->probes[@which], or of this machine's log. */
static enum got probe_text(struct provider *p, enum probe which)
{
	struct probe_text *t = &p->probes[which];

	if (t->asked)
		return t->got;
	t->asked = true;
	if (!p->is_live)
		t->got = keep_error(p, tree_read(p->root, probe_paths[which], PROBE_TEXT_MAX, false,
						 &t->text, &t->len));
	else if (which == PROBE_KMSG)
		t->got = live_kmsg(&t->text, &t->len);
	else
		t->got = GOT_ABSENT;
	return t->got;
}

static enum got got_by_said(enum probe_said said)
{
	switch (said) {
	case PROBE_SAYS:
		return GOT_IT;
	case PROBE_SILENT:
		return GOT_ABSENT;
	case PROBE_DENIED:
		return GOT_DENIED;
	case PROBE_FAILED:
		return GOT_UNREADABLE;
	default:
		return GOT_MALFORMED;
	}
}

enum got provider_check(struct provider *p, const char *name)
{
	enum probe which = streq(name, "cpuid") ? PROBE_CPUID :
			   streq(name, "kvm")	? PROBE_KVM :
						  PROBE_QMP;
	const struct probe_text *t = &p->probes[which];
	enum probe_said said = PROBE_SILENT;
	struct cpuid_regs regs;
	int64_t answer;
	enum got got;

	if (p->is_live)
		return GOT_IT;
	got = probe_text(p, which);
	if (got != GOT_IT)
		return got == GOT_ABSENT ? GOT_IT : got;
	if (strlen(t->text) != t->len)
		return GOT_MALFORMED;
	/* What nobody has is looked for to the end. */
	if (which == PROBE_CPUID)
		said = probe_cpuid(t->text, UINT32_MAX, UINT32_MAX, &regs);
	else if (which == PROBE_KVM)
		said = probe_kvm_cap(t->text, UINT32_MAX, false, &answer);
	return said == PROBE_MALFORMED ? GOT_MALFORMED : GOT_IT;
}

/* ---- files ---- */

/* What a record says of a file that it could not have.  GOT_IT if it says nothing. */
static enum got recorded_refusal(struct provider *p, const char *path)
{
	size_t len = strlen(path);
	const char *s;

	if (p->is_live || probe_text(p, PROBE_FILES) != GOT_IT)
		return GOT_IT;
	for (s = p->probes[PROBE_FILES].text; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (strncmp(s, path, len) == 0 && s[len] == ' ')
			return startswith(s + len + 1, "EACCES") ? GOT_DENIED : got_by_errno(EIO);
	return GOT_IT;
}

/* Note in the record what became of @path.  Returns @got. */
static enum got note(struct provider *p, const char *path, enum got got)
{
	record_refusal(p->record, path, got);
	return got;
}

enum got provider_mode(struct provider *p, const char *path, mode_t *ret)
{
	enum got got = recorded_refusal(p, path);
	mode_t mode = 0;

	if (got == GOT_IT)
		got = tree_look(p->root, path, &mode);
	if (got == GOT_IT)
		record_presence(p->record, path, mode);
	if (got == GOT_IT && ret)
		*ret = mode;
	return note(p, path, got);
}

enum got provider_look(struct provider *p, const char *path)
{
	return provider_mode(p, path, NULL);
}

static enum got read_whole(struct provider *p, const char *path, size_t max, bool cut, char **ret,
			   size_t *ret_len)
{
	enum got got = recorded_refusal(p, path);

	if (got == GOT_IT)
		got = tree_read(p->root, path, max, cut, ret, ret_len);
	got = keep_error(p, got);
	if (got == GOT_IT)
		record_file(p->record, path, *ret, *ret_len);
	return note(p, path, got);
}

enum got provider_text(struct provider *p, const char *path, char **ret)
{
	_cleanup_(freep) char *text = NULL;
	enum got got;
	size_t len;

	got = read_whole(p, path, PROVIDER_TEXT_MAX, false, &text, &len);
	if (got != GOT_IT)
		return got;
	if (strlen(text) != len)
		return GOT_MALFORMED;
	*ret = TAKE_PTR(text);
	return GOT_IT;
}

enum got provider_line(struct provider *p, const char *path, char ret[static PROVIDER_LINE_MAX])
{
	_cleanup_(freep) char *text = NULL;
	enum got got;
	size_t len;
	char *s;

	got = read_whole(p, path, PROVIDER_LINE_MAX - 1, true, &text, &len);
	if (got != GOT_IT)
		return got;
	s = text;
	s[strcspn(s, "\n")] = '\0';
	s += strspn(s, " \t");
	len = strlen(s);
	while (len > 0 && strchr(" \t\r", s[len - 1]))
		s[--len] = '\0';
	memcpy(ret, s, len + 1);
	return GOT_IT;
}

enum got provider_number(struct provider *p, const char *path, uint64_t *ret)
{
	char line[PROVIDER_LINE_MAX];
	enum got got = provider_line(p, path, line);

	if (got != GOT_IT)
		return got;
	if (streq(line, "Y") || streq(line, "N")) {
		*ret = line[0] == 'Y';
		return GOT_IT;
	}
	return parse_u64(line, ret) == 0 ? GOT_IT : GOT_MALFORMED;
}

enum got provider_bytes(struct provider *p, const char *path, void *ret, size_t size,
			size_t *ret_len)
{
	_cleanup_(freep) char *data = NULL;
	enum got got = read_whole(p, path, size, true, &data, ret_len);

	if (got == GOT_IT)
		memcpy(ret, data, *ret_len);
	return got;
}

struct find {
	provider_wanted_t wanted;
	void *ctx;
	char *ret;
	bool found;
};

static bool find_in(void *ctx, char *line)
{
	struct find *f = ctx;

	if (!f->wanted(f->ctx, line))
		return true;
	memcpy(f->ret, line, strlen(line) + 1);
	f->found = true;
	return false;
}

enum got provider_find(struct provider *p, const char *path, provider_wanted_t wanted, void *ctx,
		       char ret[static TREE_LINE_MAX])
{
	struct find f = { .wanted = wanted, .ctx = ctx, .ret = ret };
	enum got got = recorded_refusal(p, path);

	ret[0] = '\0';
	if (got == GOT_IT)
		got = tree_scan(p->root, path, find_in, &f);
	if (got == GOT_IT)
		record_line(p->record, path, f.found ? ret : NULL);
	return note(p, path, got);
}

static bool begins(void *ctx, const char *line)
{
	return startswith(line, ctx) != NULL;
}

enum got provider_find_line(struct provider *p, const char *path, const char *prefix,
			    char ret[static TREE_LINE_MAX])
{
	return provider_find(p, path, begins, (void *)(uintptr_t)prefix, ret);
}

static bool has(void *ctx, const char *line)
{
	return strstr(line, ctx) != NULL;
}

enum got provider_find_text(struct provider *p, const char *path, const char *needle,
			    char ret[static TREE_LINE_MAX])
{
	return provider_find(p, path, has, (void *)(uintptr_t)needle, ret);
}

/* A copy's files belong to whoever copied them, so that a record says whose they were. */
static enum got ask_rights(struct provider *p, const char *path, struct file_rights *ret)
{
	enum got got;

	if (p->is_live)
		return tree_rights(p->root, path, ret);
	got = probe_text(p, PROBE_RIGHTS);
	if (got == GOT_IT)
		got = got_by_said(probe_rights(p->probes[PROBE_RIGHTS].text, path, ret));
	if (got == GOT_ABSENT && tree_look(p->root, path, NULL) != GOT_ABSENT)
		got = GOT_UNREADABLE;
	return got;
}

enum got provider_rights(struct provider *p, const char *path, struct file_rights *ret)
{
	enum got got = recorded_refusal(p, path);
	char line[4096];

	if (got == GOT_IT)
		got = ask_rights(p, path, ret);
	if (got == GOT_IT) {
		snprintf(line, sizeof(line), "%s %o %u %u", path, ret->mode, ret->uid, ret->gid);
		record_line(p->record, probe_paths[PROBE_RIGHTS], line);
	}
	/* That a record does not say whose a file is says nothing of what is in it. */
	return got == GOT_DENIED ? note(p, path, got) : got;
}

/* A name in a folder: also of what cannot be looked at, and of a link that leads nowhere. */
static void record_name(struct provider *p, const char *path)
{
	char target[PROVIDER_LINE_MAX];
	enum got got = provider_look(p, path);

	if (got == GOT_ABSENT)
		(void) provider_link(p, path, target);
	else if (got != GOT_IT)
		record_presence(p->record, path, S_IFREG);
}

enum got provider_list(struct provider *p, const char *path, struct tree_names *ret)
{
	enum got got = recorded_refusal(p, path);

	if (got == GOT_IT)
		got = tree_list(p->root, path, ret);
	got = keep_error(p, got);
	if (got != GOT_IT)
		return note(p, path, got);
	record_presence(p->record, path, S_IFDIR);
	for (size_t i = 0; p->record && i < ret->n; i++) {
		char below[4096];

		snprintf(below, sizeof(below), "%s/%s", path, ret->names[i]);
		record_name(p, below);
	}
	return GOT_IT;
}

enum got provider_link(struct provider *p, const char *path, char ret[static PROVIDER_LINE_MAX])
{
	enum got got = recorded_refusal(p, path);

	if (got == GOT_IT)
		got = tree_link(p->root, path, ret, PROVIDER_LINE_MAX);
	if (got == GOT_IT)
		record_link(p->record, path, ret);
	return note(p, path, got);
}

bool provider_is_link(struct provider *p, const char *path)
{
	char target[PROVIDER_LINE_MAX];

	return provider_link(p, path, target) == GOT_IT;
}

/* As much of the header as there is, and no more. */
static enum got read_token(struct provider *p, const char *path, const char *type, bool *ret)
{
	_cleanup_(freep) char *begin = NULL;
	_cleanup_(freep) char *all = NULL;
	int64_t need;
	size_t len;
	enum got got;
	int r;

	got = tree_read(p->root, path, LUKS_TOKEN_BEGIN, true, &begin, &len);
	if (got != GOT_IT)
		return got;
	need = luks_token_header_len((const uint8_t *)begin, len);
	if (need < 0)
		return GOT_MALFORMED;
	*ret = false;
	if (need == 0)
		return GOT_IT;
	got = tree_read(p->root, path, (size_t)need, true, &all, &len);
	if (got != GOT_IT)
		return got;
	r = luks_has_token((const uint8_t *)all, len, type);
	*ret = r > 0;
	return r < 0 ? GOT_MALFORMED : GOT_IT;
}

/* A record has the answer, or the file if somebody has put it there. */
static enum got ask_token(struct provider *p, const char *path, const char *type, bool *ret)
{
	enum got got = p->is_live ? GOT_ABSENT : probe_text(p, PROBE_TOKENS);

	if (got == GOT_IT)
		got = got_by_said(probe_token(p->probes[PROBE_TOKENS].text, type, path, ret));
	if (got != GOT_ABSENT)
		return got;
	got = recorded_refusal(p, path);
	return got == GOT_IT ? read_token(p, path, type, ret) : got;
}

enum got provider_luks_token(struct provider *p, const char *path, const char *type, bool *ret)
{
	enum got got = ask_token(p, path, type, ret);
	char line[4096];

	if (got == GOT_IT) {
		snprintf(line, sizeof(line), "%s %s %s", type, *ret ? "yes" : "no", path);
		record_line(p->record, probe_paths[PROBE_TOKENS], line);
	}
	return note(p, path, got);
}

/* ---- what the kernel says ---- */

enum got provider_cmdline(struct provider *p, const char *name, char ret[static PROVIDER_LINE_MAX])
{
	static const char path[] = "/proc/cmdline";
	_cleanup_(freep) char *text = NULL;
	enum got got = recorded_refusal(p, path);
	size_t n = strlen(name);
	bool found = false;

	if (got == GOT_IT)
		got = tree_read(p->root, path, PROVIDER_TEXT_MAX, false, &text, NULL);
	if (got != GOT_IT)
		return note(p, path, got);
	record_line(p->record, path, NULL);
	for (char *save = NULL, *w = strtok_r(text, " \t\n", &save); w;
	     w = strtok_r(NULL, " \t\n", &save)) {
		if (strncmp(w, name, n) != 0 || (w[n] != '\0' && w[n] != '='))
			continue;
		snprintf(ret, PROVIDER_LINE_MAX, "%s", w[n] ? w + n + 1 : "");
		record_line(p->record, path, w);
		found = true;
	}
	return found ? GOT_IT : GOT_ABSENT;
}

/* What the configuration @path says of @option: "n" if it says nothing. */
static enum got config_value(struct provider *p, const char *path, const char *option,
			     char ret[static PROVIDER_LINE_MAX])
{
	char line[TREE_LINE_MAX], prefix[128];
	enum got got;

	snprintf(prefix, sizeof(prefix), "%s=", option);
	got = provider_find_line(p, path, prefix, line);
	if (got == GOT_IT)
		snprintf(ret, PROVIDER_LINE_MAX, "%s", line[0] ? line + strlen(prefix) : "n");
	return got;
}

/* The running kernel's own, if it has one. */
static const char *own_config(struct provider *p)
{
	_cleanup_(freep) char *packed = NULL;
	size_t len;

	if (p->asked_config)
		return p->config;
	p->asked_config = true;
	if (tree_read(p->root, CONFIG_GZ, CONFIG_GZ_MAX, false, &packed, &len) == GOT_IT)
		(void) inflate_text(packed, len, CONFIG_MAX, &p->config);
	return p->config;
}

/* The line of @option in @config, or "". */
static void own_config_line(const char *config, const char *option, char *ret, size_t size)
{
	size_t n = strlen(option);

	ret[0] = '\0';
	for (; *config; config += strcspn(config, "\n"), config += *config == '\n')
		if (strncmp(config, option, n) == 0 && config[n] == '=')
			snprintf(ret, size, "%.*s", (int)strcspn(config, "\n"), config);
}

/* A record has only the lines that were asked for, in a file that is no gzip. */
static void config_in_own(struct provider *p, const char *release, const char *option,
			  char ret[static PROVIDER_LINE_MAX])
{
	char line[PROVIDER_LINE_MAX], path[2 * PROVIDER_LINE_MAX];

	own_config_line(p->config, option, line, sizeof(line));
	snprintf(path, sizeof(path), "/boot/config-%s", release);
	record_line(p->record, path, line[0] ? line : NULL);
	snprintf(ret, PROVIDER_LINE_MAX, "%s", line[0] ? line + strlen(option) + 1 : "n");
}

static enum got config_in_file(struct provider *p, const char *release, const char *option,
			       char ret[static PROVIDER_LINE_MAX], char *ret_source)
{
	static const struct {
		const char *before, *after;
	} paths[] = {
		{ "/boot/config-", "" },
		{ "/lib/modules/", "/config" },
		{ "/usr/lib/modules/", "/config" },
	};
	char path[2 * PROVIDER_LINE_MAX];
	enum got got = GOT_ABSENT;

	for (size_t i = 0; got == GOT_ABSENT && i < ARRAY_SIZE(paths); i++) {
		snprintf(path, sizeof(path), "%s%s%s", paths[i].before, release, paths[i].after);
		got = config_value(p, path, option, ret);
	}
	if (ret_source)
		snprintf(ret_source, PROVIDER_LINE_MAX, "%.*s", PROVIDER_LINE_MAX - 1, path);
	return got;
}

enum got provider_config(struct provider *p, const char *option,
			 char ret[static PROVIDER_LINE_MAX], char *ret_source)
{
	char release[PROVIDER_LINE_MAX];
	enum got got = provider_line(p, "/proc/sys/kernel/osrelease", release);

	if (got != GOT_IT)
		return got;
	if (strchr(release, '/'))
		return GOT_MALFORMED;
	if (!own_config(p))
		return config_in_file(p, release, option, ret, ret_source);
	config_in_own(p, release, option, ret);
	if (ret_source)
		snprintf(ret_source, PROVIDER_LINE_MAX, CONFIG_GZ);
	return GOT_IT;
}

enum got provider_kmsg(struct provider *p, const char *needle, size_t *from,
		       char ret[static TREE_LINE_MAX])
{
	enum got got = recorded_refusal(p, probe_paths[PROBE_KMSG]);
	const struct probe_text *t = &p->probes[PROBE_KMSG];
	size_t next;

	if (got == GOT_IT)
		got = probe_text(p, PROBE_KMSG);
	if (got != GOT_IT)
		return note(p, probe_paths[PROBE_KMSG], got);
	next = probe_kmsg(t->text, t->len, from ? *from : 0, needle, ret, TREE_LINE_MAX);
	record_line(p->record, probe_paths[PROBE_KMSG], next ? ret : NULL);
	if (next && from)
		*from = next;
	return next ? GOT_IT : GOT_ABSENT;
}

enum got provider_now(struct provider *p, int64_t *ret)
{
	char line[32];
	uint64_t now;
	enum got got;

	if (p->is_live) {
		*ret = time(NULL);
		snprintf(line, sizeof(line), "%lld", (long long)*ret);
		record_line(p->record, probe_paths[PROBE_TIME], line);
		return GOT_IT;
	}
	got = probe_text(p, PROBE_TIME);
	if (got != GOT_IT)
		return got;
	snprintf(line, sizeof(line), "%s", p->probes[PROBE_TIME].text);
	line[strcspn(line, "\n")] = '\0';
	if (parse_u64(line, &now) < 0 || now > INT64_MAX)
		return GOT_MALFORMED;
	record_line(p->record, probe_paths[PROBE_TIME], line);
	*ret = (int64_t)now;
	return GOT_IT;
}

/* ---- what the CPU and KVM say ---- */

static enum got raw_cpuid(struct provider *p, uint32_t leaf, uint32_t subleaf,
			  struct cpuid_regs *ret)
{
	enum got got;
	char line[128];

	if (!p->is_live) {
		got = probe_text(p, PROBE_CPUID);
		if (got == GOT_IT)
			got = got_by_said(probe_cpuid(p->probes[PROBE_CPUID].text, leaf, subleaf,
						      ret));
	} else {
		got = live_cpuid(leaf, subleaf, ret);
	}
	if (got != GOT_IT)
		return got;
	snprintf(line, sizeof(line),
		 "   0x%08x 0x%02x: eax=0x%08x ebx=0x%08x ecx=0x%08x edx=0x%08x", leaf, subleaf,
		 ret->eax, ret->ebx, ret->ecx, ret->edx);
	record_line(p->record, probe_paths[PROBE_CPUID], line);
	return GOT_IT;
}

#define EXTENDED 0x80000000u
#define HYPERVISOR 0x40000000u

enum got provider_cpuid(struct provider *p, uint32_t leaf, uint32_t subleaf,
			struct cpuid_regs *ret)
{
	uint32_t first = leaf & (EXTENDED | HYPERVISOR);
	struct cpuid_regs range;
	enum got got;

	if (first != HYPERVISOR && leaf != first) {
		got = raw_cpuid(p, first, 0, &range);
		if (got != GOT_IT)
			return got;
		if (leaf > range.eax)
			return GOT_ABSENT;
	}
	return raw_cpuid(p, leaf, subleaf, ret);
}

enum got provider_msr(struct provider *p, uint32_t index, uint64_t *ret)
{
	enum got got;
	char line[64];

	if (!p->is_live) {
		got = probe_text(p, PROBE_MSR);
		if (got == GOT_IT)
			got = got_by_said(probe_msr(p->probes[PROBE_MSR].text, index, ret));
	} else {
		got = live_msr(index, ret);
	}
	if (got == GOT_IT)
		snprintf(line, sizeof(line), "0 0x%x 0x%llx", index, (unsigned long long)*ret);
	else if (got == GOT_DENIED || got == GOT_UNREADABLE)
		snprintf(line, sizeof(line), "0 0x%x %s", index,
			 got == GOT_DENIED ? "EACCES" : "EIO");
	else
		return got;
	record_line(p->record, probe_paths[PROBE_MSR], line);
	return got;
}

/* A record has what /dev/kvm answers to all, also that it could not be opened. */
static enum got recorded_kvm(struct provider *p)
{
	char value[PROVIDER_LINE_MAX];
	enum got got = probe_text(p, PROBE_KVM);

	if (got == GOT_IT && probe_kvm_value(p->probes[PROBE_KVM].text, "open", value,
					     sizeof(value)) == PROBE_SAYS)
		got = streq(value, "ok") ? GOT_IT : streq(value, "EACCES") ? GOT_DENIED :
						    GOT_UNREADABLE;
	return got;
}

static enum got ask_kvm_cap(struct provider *p, unsigned cap, bool vm, int64_t *ret)
{
	enum got got;

	if (p->is_live)
		return live_kvm_cap(&p->live, cap, vm, ret);
	got = recorded_kvm(p);
	if (got != GOT_IT)
		return got;
	return got_by_said(probe_kvm_cap(p->probes[PROBE_KVM].text, cap, vm, ret));
}

enum got provider_kvm_cap(struct provider *p, unsigned cap, bool vm, int64_t *ret)
{
	enum got got = ask_kvm_cap(p, cap, vm, ret);
	int64_t other = -1;
	char line[128];

	if (!p->record || (got != GOT_IT && got != GOT_UNREADABLE))
		return got;
	if (ask_kvm_cap(p, cap, !vm, &other) != GOT_IT)
		other = -1;
	snprintf(line, sizeof(line), "%u %lld %lld", cap,
		 (long long)(vm ? other : got == GOT_IT ? *ret : -1),
		 (long long)(!vm ? other : got == GOT_IT ? *ret : -1));
	record_line(p->record, probe_paths[PROBE_KVM], line);
	return got;
}

enum got provider_kvm_probe(struct provider *p, const char *name,
			    char ret[static PROVIDER_LINE_MAX])
{
	char line[2 * PROVIDER_LINE_MAX];
	enum got got;

	if (p->is_live) {
		got = live_kvm_probe(&p->live, name, ret, PROVIDER_LINE_MAX);
	} else {
		got = recorded_kvm(p);
		if (got == GOT_IT)
			got = got_by_said(probe_kvm_value(p->probes[PROBE_KVM].text, name, ret,
							  PROVIDER_LINE_MAX));
	}
	if (got == GOT_IT)
		snprintf(line, sizeof(line), "probe %s=%s", name, ret);
	else if (got == GOT_DENIED || got == GOT_UNREADABLE)
		snprintf(line, sizeof(line), "probe open=%s",
			 got == GOT_DENIED ? "EACCES" : "EIO");
	else
		return got;
	record_line(p->record, probe_paths[PROBE_KVM], line);
	return got;
}

enum got provider_sev_probe(struct provider *p, const char *name,
			    char ret[static PROVIDER_LINE_MAX])
{
	char line[2 * PROVIDER_LINE_MAX];
	enum got got;

	if (p->is_live) {
		got = streq(name, "snp-status") ? live_snp_status(ret, PROVIDER_LINE_MAX) :
						  GOT_ABSENT;
	} else {
		got = probe_text(p, PROBE_SEV);
		if (got == GOT_IT)
			got = got_by_said(probe_kvm_value(p->probes[PROBE_SEV].text, name, ret,
							  PROVIDER_LINE_MAX));
	}
	if (got != GOT_IT)
		return got;
	snprintf(line, sizeof(line), "probe %s=%s", name, ret);
	record_line(p->record, probe_paths[PROBE_SEV], line);
	return got;
}

/* ---- .probe/qmp and .probe/xl ---- */

enum got provider_said(struct provider *p, const char *name, const char **ret)
{
	enum probe which = streq(name, "qmp") ? PROBE_QMP : PROBE_XL;
	enum got got = probe_text(p, which);

	if (got == GOT_IT) {
		*ret = p->probes[which].text;
		record_file(p->record, probe_paths[which], *ret, p->probes[which].len);
	}
	return got;
}

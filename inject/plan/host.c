/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/host.h"

#include <stdio.h>

#include "doctor/provider.h"
#include "doctor/qmp-text.h"

#define CAP_MAX_VCPUS 66
#define CAP_MAX_VCPU_ID 128
#define CAP_VM_TYPES 235

struct reader {
	struct provider *p;
	const char *root;
	struct cause *why;
};

/* ---- files ---- */

static int malformed(const struct reader *t, const char *path)
{
	return cause_set(t->why, -EBADMSG, "'%s' below '%s' is not what Linux would write there",
			 path + 1, t->root);
}

/* An answer that is there, but not usable: an error of host_read(). */
static int unusable(const struct reader *t, const char *path, enum got got)
{
	int r = provider_error(t->p);

	if (got == GOT_MALFORMED)
		return malformed(t, path);
	if (r == -EINVAL)
		return cause_set(t->why, -EBADMSG, "'%s' below '%s' is not a regular file",
				 path + 1, t->root);
	if (r == -EFBIG)
		return cause_set(t->why, -EMSGSIZE, "'%s' below '%s' is too large", path + 1,
				 t->root);
	return cause_set_io(t->why, r, "Failed to read '%s' below '%s': %m", path + 1, t->root);
}

/* Returns 1, 0 when it cannot be known, or an error of host_read(). */
static int judge(const struct reader *t, const char *path, enum got got)
{
	if (got == GOT_IT)
		return 1;
	return got == GOT_ABSENT || got == GOT_DENIED ? 0 : unusable(t, path, got);
}

/* As judge(), with the text, which is yours. */
static int read_text(const struct reader *t, const char *path, char **ret)
{
	return judge(t, path, provider_text(t->p, path, ret));
}

/* A name in @folder; unknown if there is no such folder, and so no tree of a host's. */
static enum answer exists(const struct reader *t, const char *folder, const char *path)
{
	enum got got;

	if (provider_look(t->p, folder) != GOT_IT)
		return ANSWER_UNKNOWN;
	got = provider_look(t->p, path);
	if (got == GOT_ABSENT && !provider_is_link(t->p, path))
		return ANSWER_NO;
	return got == GOT_IT || got == GOT_ABSENT ? ANSWER_YES : ANSWER_UNKNOWN;
}

/* ---- nodes ---- */

static int read_pages(const struct reader *t, struct host_node *node)
{
	static const char *const sizes[_HOST_PAGE_MAX] = {
		[HOST_PAGE_2M] = "2048",
		[HOST_PAGE_1G] = "1048576",
	};

	for (size_t i = 0; i < _HOST_PAGE_MAX; i++) {
		_cleanup_(freep) char *text = NULL;
		char path[128];
		int r;

		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/hugepages/hugepages-%skB/free_hugepages",
			 node->id, sizes[i]);
		r = read_text(t, path, &text);
		if (r < 0)
			return r;
		if (r > 0 && (tree_parse_number(text, &node->free_pages[i]) < 0 ||
			      node->free_pages[i] > UINT64_MAX >> 40))
			return malformed(t, path);
	}
	return 0;
}

/* Returns as read_text(): 0 for a node that does not say what it has. */
static int read_node(const struct reader *t, struct host_node *node)
{
	_cleanup_(freep) char *memory = NULL;
	_cleanup_(freep) char *cpus = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo", node->id);
	r = read_text(t, path, &memory);
	if (r <= 0)
		return r;
	if (tree_parse_meminfo(memory, &node->memory) < 0)
		return malformed(t, path);
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist", node->id);
	r = read_text(t, path, &cpus);
	if (r <= 0)
		return r;
	if (tree_parse_cpulist(cpus, &node->cpus) < 0)
		return malformed(t, path);
	r = read_pages(t, node);
	return r < 0 ? r : 1;
}

/* The number in "node12", or -1 for another name. */
static int node_id(const char *name)
{
	const char *digits = startswith(name, "node");
	uint64_t id;

	if (!digits || tree_parse_number(digits, &id) < 0 || strchr(digits, '\n'))
		return -1;
	/* "node01" is no name of Linux', and would be a second one for node1. */
	if (digits[0] == '0' && digits[1])
		return -1;
	return id < INT32_MAX ? (int)id : INT32_MAX;
}

static int too_many(const struct reader *t, const char *what)
{
	return cause_set(t->why, -EMSGSIZE, "'%s' has %s: Linux has %d nodes at most", t->root,
			 what, HOST_NODES_MAX);
}

/* Mark the ids that there are.  Returns how many, or an error of host_read(). */
static int mark_nodes(const struct reader *t, const struct tree_names *names,
		      bool ret[static HOST_NODES_MAX])
{
	int n = 0;

	for (size_t i = 0; i < names->n; i++) {
		int id = node_id(names->names[i]);
		char what[320];

		snprintf(what, sizeof(what), "a node '%.255s'", names->names[i]);
		if (id >= HOST_NODES_MAX)
			return too_many(t, what);
		if (id < 0)
			continue;
		ret[id] = true;
		n++;
	}
	return n;
}

static int list_nodes(const struct reader *t, bool ret[static HOST_NODES_MAX])
{
	static const char path[] = "/sys/devices/system/node";
	_cleanup_(tree_names_done) struct tree_names names = { 0 };
	enum got got = provider_list(t->p, path, &names);

	if (got == GOT_UNREADABLE && provider_error(t->p) == -E2BIG)
		return too_many(t, "more than that");
	return got == GOT_IT ? mark_nodes(t, &names, ret) : judge(t, path, got);
}

static int check_cpus(const struct reader *t, const struct host *h)
{
	struct cpu_set all = { .n = 0 };

	for (size_t i = 0; i < h->n_nodes; i++)
		if (!cpu_set_add(&all, &h->nodes[i].cpus))
			return cause_set(t->why, -EBADMSG,
					 "A CPU of node %u of '%s' is another node's too",
					 h->nodes[i].id, t->root);
	return 0;
}

/* Distances that do not fit the nodes are unknown: a node without memory has none. */
static int read_distances(const struct reader *t, struct host *h)
{
	_cleanup_(freep) uint8_t *all = calloc(MAX(h->n_nodes, 1u), MAX(h->n_nodes, 1u));

	if (!all)
		return cause_set_oom(t->why);
	for (size_t i = 0; i < h->n_nodes; i++) {
		_cleanup_(freep) char *text = NULL;
		char path[64];
		int r;

		snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/distance",
			 h->nodes[i].id);
		r = read_text(t, path, &text);
		if (r < 0)
			return r;
		if (r == 0 || tree_parse_distance(text, h->n_nodes, all + i * h->n_nodes) < 0)
			return 0;
	}
	h->distance = TAKE_PTR(all);
	return 0;
}

static int read_nodes(const struct reader *t, struct host *h)
{
	bool ids[HOST_NODES_MAX] = { false };
	int n = list_nodes(t, ids), r;

	if (n <= 0)
		return n;
	h->nodes = calloc((size_t)n, sizeof(*h->nodes));
	if (!h->nodes)
		return cause_set_oom(t->why);
	for (unsigned id = 0; id < HOST_NODES_MAX; id++) {
		struct host_node *node = h->nodes + h->n_nodes;

		if (!ids[id])
			continue;
		*node = (struct host_node){ .id = id };
		r = read_node(t, node);
		if (r < 0)
			return r;
		/* Half of the nodes would make a plan for another machine. */
		if (r == 0) {
			h->n_nodes = 0;
			return 0;
		}
		h->n_nodes++;
	}
	r = check_cpus(t, h);
	return r < 0 ? r : read_distances(t, h);
}

static int read_present(const struct reader *t, struct host *h)
{
	static const char path[] = "/sys/devices/system/cpu/present";
	_cleanup_(freep) char *text = NULL;
	struct cpu_set set;
	int r = read_text(t, path, &text);

	if (r <= 0)
		return r;
	if (tree_parse_cpulist(text, &set) < 0)
		return malformed(t, path);
	h->n_present_cpus = set.n;
	return 0;
}

/* ---- modules, and what is left to give ---- */

static int read_parameter(const struct reader *t, const char *module, const char *name,
			  enum answer *ret)
{
	_cleanup_(freep) char *text = NULL;
	char path[96], folder[64];
	enum answer loaded;
	bool value;
	int r;

	*ret = ANSWER_UNKNOWN;
	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	r = read_text(t, path, &text);
	if (r < 0)
		return r;
	if (r > 0) {
		if (tree_parse_bool(text, &value) < 0)
			return malformed(t, path);
		*ret = value ? ANSWER_YES : ANSWER_NO;
		return 0;
	}
	snprintf(folder, sizeof(folder), "/sys/module/%s", module);
	loaded = exists(t, "/sys/module", folder);
	if (loaded == ANSWER_YES) {
		snprintf(folder, sizeof(folder), "/sys/module/%s/parameters", module);
		loaded = exists(t, folder, path);
	}
	if (loaded == ANSWER_NO)
		*ret = ANSWER_ABSENT;
	return 0;
}

static int read_supply(const struct reader *t, const char *key, struct host_supply *ret)
{
	static const char capacity[] = "/sys/fs/cgroup/misc.capacity";
	static const char used[] = "/sys/fs/cgroup/misc.current";
	_cleanup_(freep) char *all = NULL;
	_cleanup_(freep) char *now = NULL;
	int r;

	r = read_text(t, capacity, &all);
	if (r <= 0)
		return r;
	if (tree_parse_misc(all, key, &ret->capacity) < 0)
		return malformed(t, capacity);
	ret->known = true;
	r = read_text(t, used, &now);
	if (r <= 0)
		return r;
	if (tree_parse_misc(now, key, &ret->used) < 0)
		return malformed(t, used);
	ret->used_known = true;
	return 0;
}

static int read_modules(const struct reader *t, struct host *h)
{
	const struct {
		const char *module, *name;
		enum answer *to;
	} parameters[] = {
		{ "kvm_amd", "sev", &h->sev },
		{ "kvm_amd", "sev_es", &h->sev_es },
		{ "kvm_amd", "sev_snp", &h->sev_snp },
		{ "kvm_intel", "tdx", &h->tdx },
	};
	const struct {
		const char *key;
		struct host_supply *to;
	} supplies[] = {
		{ "sev", &h->sev_asids },
		{ "sev_es", &h->sev_es_asids },
		{ "tdx", &h->tdx_keys },
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parameters) && r == 0; i++)
		r = read_parameter(t, parameters[i].module, parameters[i].name, parameters[i].to);
	for (size_t i = 0; i < ARRAY_SIZE(supplies) && r == 0; i++)
		r = read_supply(t, supplies[i].key, supplies[i].to);
	h->dev_kvm = exists(t, "/dev", "/dev/kvm");
	h->dev_sev = exists(t, "/dev", "/dev/sev");
	return r;
}

/* ---- the processor ---- */

static bool is_vendor(const struct cpuid_regs *r, const char *name)
{
	const uint32_t words[] = { r->ebx, r->edx, r->ecx };

	return memcmp(words, name, sizeof(words)) == 0;
}

/* A text that somebody changed is no host's: half of what it says would plan for another one. */
static int check_probe(const struct reader *t, const char *name)
{
	enum got got = provider_check(t->p, name);
	char path[32];

	snprintf(path, sizeof(path), "/.probe/%s", name);
	return MIN(judge(t, path, got), 0);
}

static int read_cpuid(const struct reader *t, struct host *h)
{
	struct cpuid_regs vendor, first, sev;
	int r = check_probe(t, "cpuid");

	if (r < 0 || provider_cpuid(t->p, 0, 0, &vendor) != GOT_IT)
		return r;
	h->is_amd = is_vendor(&vendor, "AuthenticAMD");
	h->is_intel = is_vendor(&vendor, "GenuineIntel");
	if (provider_cpuid(t->p, 1, 0, &first) != GOT_IT)
		return 0;
	h->signature = first.eax;
	h->cpuid_known = true;
	if (h->is_amd && provider_cpuid(t->p, 0x8000001f, 0, &sev) == GOT_IT)
		h->cbit = sev.ebx & 0x3f;
	return 0;
}

/* ---- KVM and QEMU ---- */

/* What a virtual machine says of @cap, or else /dev/kvm.  Returns false when neither says. */
static bool ask_kvm(const struct reader *t, unsigned cap, uint64_t *ret)
{
	int64_t answer;

	if (provider_kvm_cap(t->p, cap, /* vm= */ true, &answer) != GOT_IT &&
	    provider_kvm_cap(t->p, cap, /* vm= */ false, &answer) != GOT_IT)
		return false;
	*ret = (uint64_t)answer;
	return true;
}

static int read_kvm(const struct reader *t, struct host *h)
{
	int r = check_probe(t, "kvm");

	if (r < 0)
		return r;
	(void) ask_kvm(t, CAP_MAX_VCPUS, &h->max_vcpus);
	(void) ask_kvm(t, CAP_MAX_VCPU_ID, &h->max_vcpu_id);
	h->kvm_known = ask_kvm(t, CAP_VM_TYPES, &h->vm_types);
	return 0;
}

static int read_machine(const struct reader *t, struct host *h)
{
	const char *said;
	int r = check_probe(t, "qmp");

	if (r < 0 || provider_said(t->p, "qmp", &said) != GOT_IT)
		return r;
	r = qmp_cpu_max(said, &h->machine_vcpus);
	if (r == -EBADMSG)
		return malformed(t, "/.probe/qmp");
	return r == -ENOMEM ? cause_set_oom(t->why) : 0;
}

static int read_all(const struct reader *t, struct host *ret)
{
	static int (*const parts[])(const struct reader *t, struct host *h) = {
		read_nodes, read_present, read_modules, read_cpuid, read_kvm, read_machine,
	};
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](t, ret);
	return r;
}

int host_read(const char *root, struct host *ret, struct cause *why)
{
	_cleanup_(provider_freep) struct provider *p = NULL;
	bool live = streq(root, "/");
	int r;

	*ret = (struct host){ .n_nodes = 0 };
	r = provider_open(live ? NULL : root, NULL, &p, why);
	if (r == -ENOENT || r == -ENOTDIR)
		return cause_set(why, -ENOENT, "There is no folder '%s' with a host's files", root);
	if (r < 0)
		return cause_set_io(why, r, "Failed to open the folder '%s': %m", root);
	return read_all(&(struct reader){ .p = p, .root = root, .why = why }, ret);
}

void host_done(struct host *h)
{
	free(h->nodes);
	free(h->distance);
	*h = (struct host){ .n_nodes = 0 };
}

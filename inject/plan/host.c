/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/host.h"

#include <fcntl.h>
#include <json.h>
#include <linux/kvm.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

#include "base/io.h"

#define FILE_MAX (64u * 1024)		/* a node's meminfo has 2 KiB */
#define PROBE_MAX (1024u * 1024)	/* all leaves of CPUID have 20 KiB */

#define CAP_MAX_VCPUS 66
#define CAP_MAX_VCPU_ID 128
#define CAP_VM_TYPES 235

struct tree {
	int fd;
	const char *root;
	bool live;	/* it is this machine: devices and instructions may be asked */
	struct cause *why;
};

/* ---- files ---- */

/* Open @path below the root, wherever links in it lead: nothing outside is opened. */
static int tree_open(const struct tree *t, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd;

	/* A pipe or a terminal must not hold us up.  With O_PATH nothing is opened. */
	if (!(flags & O_PATH))
		how.flags |= O_NONBLOCK | O_NOCTTY;
	fd = (int)syscall(SYS_openat2, t->fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static bool is_unknown(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -EACCES || r == -EPERM || r == -ENXIO ||
	       r == -ENODEV;
}

static int malformed(const struct tree *t, const char *path)
{
	return cause_set(t->why, -EBADMSG, "'%s' below '%s' is not what Linux would write there",
			 path, t->root);
}

/* Returns 1 and the text, which is yours; 0 when it cannot be known; an error of host_read(). */
static int read_text(const struct tree *t, const char *path, size_t max, char **ret)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int fd = tree_open(t, path, O_RDONLY);
	struct stat st;
	size_t len;
	int r;

	if (is_unknown(fd))
		return 0;
	if (fd < 0)
		return cause_set_io(t->why, fd, "Failed to open '%s' below '%s': %m", path,
				    t->root);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return cause_set(t->why, -EBADMSG, "'%s' below '%s' is not a regular file", path,
				 t->root);
	r = read_file_fd(fd, max, &text, &len);
	if (r == -EFBIG)
		return cause_set(t->why, -EMSGSIZE, "'%s' below '%s' has more than %zu KiB", path,
				 t->root, max >> 10);
	if (is_unknown(r))
		return 0;
	if (r < 0)
		return cause_set_io(t->why, r, "Failed to read '%s' below '%s': %m", path, t->root);
	if (strlen(text) != len)
		return malformed(t, path);
	*ret = TAKE_PTR(text);
	return 1;
}

static int exists(const struct tree *t, const char *folder, const char *name, enum answer *ret)
{
	_cleanup_(closep) int dir = tree_open(t, folder, O_PATH | O_DIRECTORY);
	struct stat st;

	*ret = ANSWER_UNKNOWN;
	if (dir < 0)
		return 0;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		*ret = ANSWER_YES;
	else if (errno == ENOENT)
		*ret = ANSWER_NO;
	return 0;
}

/* ---- nodes ---- */

static int read_pages(const struct tree *t, struct host_node *node)
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
			 "sys/devices/system/node/node%u/hugepages/hugepages-%skB/free_hugepages",
			 node->id, sizes[i]);
		r = read_text(t, path, FILE_MAX, &text);
		if (r < 0)
			return r;
		if (r > 0 && (tree_parse_number(text, &node->free_pages[i]) < 0 ||
			      node->free_pages[i] > UINT64_MAX >> 40))
			return malformed(t, path);
	}
	return 0;
}

/* Returns as read_text(): 0 for a node that does not say what it has. */
static int read_node(const struct tree *t, struct host_node *node)
{
	_cleanup_(freep) char *memory = NULL;
	_cleanup_(freep) char *cpus = NULL;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/meminfo", node->id);
	r = read_text(t, path, FILE_MAX, &memory);
	if (r <= 0)
		return r;
	if (tree_parse_meminfo(memory, &node->memory) < 0)
		return malformed(t, path);
	snprintf(path, sizeof(path), "sys/devices/system/node/node%u/cpulist", node->id);
	r = read_text(t, path, FILE_MAX, &cpus);
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

/* Mark the ids that there are.  Returns how many, or an error of host_read(). */
static int list_nodes(const struct tree *t, DIR *dir, bool ret[static HOST_NODES_MAX])
{
	int n = 0;

	for (;;) {
		const struct dirent *e;
		int id;

		errno = 0;
		e = readdir(dir);
		if (!e && errno != 0)
			return cause_set_io(t->why, -errno, "Failed to list the nodes of '%s': %m",
					    t->root);
		if (!e)
			return n;
		id = node_id(e->d_name);
		if (id >= HOST_NODES_MAX)
			return cause_set(t->why, -EMSGSIZE,
					 "'%s' has a node '%s': Linux has %d nodes at most",
					 t->root, e->d_name, HOST_NODES_MAX);
		if (id < 0)
			continue;
		ret[id] = true;
		n++;
	}
}

static int check_cpus(const struct tree *t, const struct host *h)
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
static int read_distances(const struct tree *t, struct host *h)
{
	_cleanup_(freep) uint8_t *all = calloc(MAX(h->n_nodes, 1u), MAX(h->n_nodes, 1u));

	if (!all)
		return cause_set_oom(t->why);
	for (size_t i = 0; i < h->n_nodes; i++) {
		_cleanup_(freep) char *text = NULL;
		char path[64];
		int r;

		snprintf(path, sizeof(path), "sys/devices/system/node/node%u/distance",
			 h->nodes[i].id);
		r = read_text(t, path, FILE_MAX, &text);
		if (r < 0)
			return r;
		if (r == 0 || tree_parse_distance(text, h->n_nodes, all + i * h->n_nodes) < 0)
			return 0;
	}
	h->distance = TAKE_PTR(all);
	return 0;
}

static int read_nodes(const struct tree *t, struct host *h)
{
	_cleanup_(closedirp) DIR *dir = NULL;
	_cleanup_(closep) int fd = tree_open(t, "sys/devices/system/node", O_RDONLY | O_DIRECTORY);
	bool ids[HOST_NODES_MAX] = { false };
	int n, r;

	if (is_unknown(fd))
		return 0;
	if (fd < 0)
		return cause_set_io(t->why, fd, "Failed to list the nodes of '%s': %m", t->root);
	dir = fdopendir(fd);
	if (!dir)
		return cause_set_oom(t->why);
	(void) TAKE_FD(fd);
	n = list_nodes(t, dir, ids);
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

static int read_present(const struct tree *t, struct host *h)
{
	static const char path[] = "sys/devices/system/cpu/present";
	_cleanup_(freep) char *text = NULL;
	struct cpu_set set;
	int r = read_text(t, path, FILE_MAX, &text);

	if (r <= 0)
		return r;
	if (tree_parse_cpulist(text, &set) < 0)
		return malformed(t, path);
	h->n_present_cpus = set.n;
	return 0;
}

/* ---- modules, and what is left to give ---- */

static int read_parameter(const struct tree *t, const char *module, const char *name,
			  enum answer *ret)
{
	_cleanup_(freep) char *text = NULL;
	enum answer loaded;
	char path[96];
	bool value;
	int r;

	*ret = ANSWER_UNKNOWN;
	snprintf(path, sizeof(path), "sys/module/%s/parameters/%s", module, name);
	r = read_text(t, path, FILE_MAX, &text);
	if (r < 0)
		return r;
	if (r > 0) {
		if (tree_parse_bool(text, &value) < 0)
			return malformed(t, path);
		*ret = value ? ANSWER_YES : ANSWER_NO;
		return 0;
	}
	r = exists(t, "sys/module", module, &loaded);
	if (r == 0 && loaded == ANSWER_NO)
		*ret = ANSWER_ABSENT;
	if (r == 0 && loaded == ANSWER_YES) {
		snprintf(path, sizeof(path), "sys/module/%s/parameters", module);
		r = exists(t, path, name, &loaded);
		if (loaded == ANSWER_NO)
			*ret = ANSWER_ABSENT;
	}
	return r;
}

static int read_supply(const struct tree *t, const char *key, struct host_supply *ret)
{
	static const char capacity[] = "sys/fs/cgroup/misc.capacity";
	static const char used[] = "sys/fs/cgroup/misc.current";
	_cleanup_(freep) char *all = NULL;
	_cleanup_(freep) char *now = NULL;
	int r;

	r = read_text(t, capacity, FILE_MAX, &all);
	if (r <= 0)
		return r;
	if (tree_parse_misc(all, key, &ret->capacity) < 0)
		return malformed(t, capacity);
	ret->known = true;
	r = read_text(t, used, FILE_MAX, &now);
	if (r <= 0)
		return r;
	if (tree_parse_misc(now, key, &ret->used) < 0)
		return malformed(t, used);
	ret->used_known = true;
	return 0;
}

static int read_modules(const struct tree *t, struct host *h)
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
	if (r == 0)
		r = exists(t, "dev", "kvm", &h->dev_kvm);
	if (r == 0)
		r = exists(t, "dev", "sev", &h->dev_sev);
	return r;
}

/* ---- the processor ---- */

/* Returns 1, 0 when the processor does not say, or an error of host_read(). */
static int ask_cpuid(const struct tree *t, const char *recorded, uint32_t leaf,
		     struct cpuid_regs *ret)
{
	int r;

	if (recorded) {
		r = tree_parse_cpuid(recorded, leaf, ret);
		if (r == -EBADMSG)
			return malformed(t, ".probe/cpuid");
		return r == 0;
	}
#ifdef __x86_64__
	if (t->live)
		return __get_cpuid_count(leaf, 0, &ret->eax, &ret->ebx, &ret->ecx, &ret->edx);
#endif
	return 0;
}

static bool is_vendor(const struct cpuid_regs *r, const char *name)
{
	const uint32_t words[] = { r->ebx, r->edx, r->ecx };

	return memcmp(words, name, sizeof(words)) == 0;
}

static int read_cpuid(const struct tree *t, struct host *h)
{
	_cleanup_(freep) char *text = NULL;
	struct cpuid_regs regs;
	int r = 0;

	if (!t->live)
		r = read_text(t, ".probe/cpuid", PROBE_MAX, &text);
	if (r < 0)
		return r;
	r = ask_cpuid(t, text, 0, &regs);
	if (r <= 0)
		return r;
	h->is_amd = is_vendor(&regs, "AuthenticAMD");
	h->is_intel = is_vendor(&regs, "GenuineIntel");
	r = ask_cpuid(t, text, 1, &regs);
	if (r <= 0)
		return r;
	h->signature = regs.eax;
	h->cpuid_known = true;
	r = ask_cpuid(t, text, 0x8000001f, &regs);
	if (r > 0 && h->is_amd)
		h->cbit = regs.ebx & 0x3f;
	return MIN(r, 0);
}

/* ---- KVM and QEMU ---- */

static void ask_kvm(const struct tree *t, struct host *h)
{
	_cleanup_(closep) int fd = tree_open(t, "dev/kvm", O_RDWR);
	int vcpus, id, types;

	if (fd < 0)
		return;
	vcpus = ioctl(fd, KVM_CHECK_EXTENSION, CAP_MAX_VCPUS);
	id = ioctl(fd, KVM_CHECK_EXTENSION, CAP_MAX_VCPU_ID);
	types = ioctl(fd, KVM_CHECK_EXTENSION, CAP_VM_TYPES);
	h->kvm_known = types >= 0;
	h->vm_types = (uint64_t)MAX(types, 0);
	h->max_vcpus = (uint64_t)MAX(vcpus, 0);
	h->max_vcpu_id = (uint64_t)MAX(id, 0);
}

static int read_kvm(const struct tree *t, struct host *h)
{
	_cleanup_(freep) char *text = NULL;
	const struct {
		uint64_t cap, *to;
	} wanted[] = {
		{ CAP_MAX_VCPUS, &h->max_vcpus },
		{ CAP_MAX_VCPU_ID, &h->max_vcpu_id },
		{ CAP_VM_TYPES, &h->vm_types },
	};
	int r;

	if (t->live) {
		ask_kvm(t, h);
		return 0;
	}
	r = read_text(t, ".probe/kvm", PROBE_MAX, &text);
	if (r <= 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		r = tree_parse_kvm(text, wanted[i].cap, wanted[i].to);
		if (r == -EBADMSG)
			return malformed(t, ".probe/kvm");
		if (wanted[i].cap == CAP_VM_TYPES)
			h->kvm_known = r == 0;
	}
	return 0;
}

static const char *member_text(struct json_object *o, const char *name)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, name, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	return json_object_get_string(value);
}

/* cpu-max of q35 in an answer to query-machines; 0 when it is not there. */
static uint64_t find_cpu_max(struct json_object *answer)
{
	struct json_object *list, *max;

	if (!json_object_object_get_ex(answer, "return", &list) ||
	    !json_object_is_type(list, json_type_array))
		return 0;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *machine = json_object_array_get_idx(list, i);
		const char *alias;

		if (!json_object_is_type(machine, json_type_object))
			continue;
		alias = member_text(machine, "alias");
		if (alias && streq(alias, "q35") &&
		    json_object_object_get_ex(machine, "cpu-max", &max) &&
		    json_object_is_type(max, json_type_int) && json_object_get_int64(max) > 0)
			return (uint64_t)json_object_get_int64(max);
	}
	return 0;
}

/* A recorded monitor: one JSON object on each line. */
static int read_machine(const struct tree *t, struct host *h)
{
	_cleanup_(freep) char *text = NULL;
	char *rest, *line;
	int r;

	if (t->live)
		return 0;
	r = read_text(t, ".probe/qmp", PROBE_MAX, &text);
	if (r <= 0)
		return r;
	rest = text;
	while ((line = strsep(&rest, "\n"))) {
		struct json_object *o;

		if (!*line)
			continue;
		o = json_tokener_parse(line);
		if (!json_object_is_type(o, json_type_object)) {
			(void) json_object_put(o);
			return malformed(t, ".probe/qmp");
		}
		if (h->machine_vcpus == 0)
			h->machine_vcpus = find_cpu_max(o);
		(void) json_object_put(o);
	}
	return 0;
}

int host_read(const char *root, struct host *ret, struct cause *why)
{
	_cleanup_(closep) int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tree t = { .fd = fd, .root = root, .live = streq(root, "/"), .why = why };
	int r;

	*ret = (struct host){ .n_nodes = 0 };
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return cause_set(why, -ENOENT, "There is no folder '%s' with a host's files", root);
	if (fd < 0)
		return cause_set_io(why, -errno, "Failed to open the folder '%s': %m", root);
	r = read_nodes(&t, ret);
	if (r == 0)
		r = read_present(&t, ret);
	if (r == 0)
		r = read_modules(&t, ret);
	if (r == 0)
		r = read_cpuid(&t, ret);
	if (r == 0)
		r = read_kvm(&t, ret);
	if (r == 0)
		r = read_machine(&t, ret);
	return r;
}

void host_done(struct host *h)
{
	free(h->nodes);
	free(h->distance);
	*h = (struct host){ .n_nodes = 0 };
}

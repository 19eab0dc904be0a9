/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/initramfs/confine.h"

#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB (1024ULL * 1024)
#define WORKER_DATA_MAX (128 * MIB)
#define WORKER_FILE_MAX (16 * MIB)
#define KEEPER_MEMLOCK_MAX (64 * MIB)

/* ---- system calls ---- */

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "which AUDIT_ARCH_ is this?"
#endif

/* Programs for x32 have their own numbers for the same calls. */
#define X32_BIT 0x40000000U

/*
 * What leads to other processes, to more of the kernel, or out of the namespaces.  The units list
 * what is allowed; that depends on the libraries' releases, and a list of what is denied does not.
 */
static const uint32_t denied[] = {
	__NR_ptrace, __NR_process_vm_readv, __NR_process_vm_writev, __NR_pidfd_getfd,
	__NR_kcmp, __NR_bpf, __NR_perf_event_open, __NR_userfaultfd, __NR_io_uring_setup,
	__NR_add_key, __NR_request_key, __NR_keyctl, __NR_unshare, __NR_setns, __NR_mount,
	__NR_umount2, __NR_pivot_root, __NR_chroot, __NR_fsopen, __NR_open_tree, __NR_move_mount,
	__NR_open_by_handle_at, __NR_init_module, __NR_finit_module, __NR_kexec_load,
	__NR_personality,
};
/* A judge has its connection, and makes no other. */
static const uint32_t denied_offline[] = {
	__NR_socket, __NR_bind, __NR_listen, __NR_accept, __NR_accept4,
};

#define FILTER_MAX (16 + 2 * (ARRAY_SIZE(denied) + ARRAY_SIZE(denied_offline)))

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short n;
};

static void filter_add(struct filter *f, struct sock_filter line)
{
	assert(f->n < ARRAY_SIZE(f->code));
	f->code[f->n++] = line;
}

#define LOAD(member) \
	(struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
				      offsetof(struct seccomp_data, member))
#define UNLESS(op, value, skip) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | (op) | BPF_K, value, 0, skip)
#define IF(op, value, skip) \
	(struct sock_filter) BPF_JUMP(BPF_JMP | (op) | BPF_K, value, skip, 0)
#define RETURN(action) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, action)

static void filter_deny(struct filter *f, const uint32_t *calls, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		filter_add(f, UNLESS(BPF_JEQ, calls[i], 1));
		filter_add(f, RETURN(SECCOMP_RET_ERRNO | EPERM));
	}
}

static int filter_calls(bool network)
{
	struct filter f = { .n = 0 };
	struct sock_fprog program = { .filter = f.code };

	filter_add(&f, LOAD(arch));
	filter_add(&f, IF(BPF_JEQ, OUR_ARCH, 1));
	filter_add(&f, RETURN(SECCOMP_RET_KILL_PROCESS));
	filter_add(&f, LOAD(nr));
	filter_add(&f, UNLESS(BPF_JGE, X32_BIT, 1));
	filter_add(&f, RETURN(SECCOMP_RET_ERRNO | EPERM));
	filter_deny(&f, denied, ARRAY_SIZE(denied));
	if (!network)
		filter_deny(&f, denied_offline, ARRAY_SIZE(denied_offline));
	filter_add(&f, RETURN(SECCOMP_RET_ALLOW));
	program.len = f.n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

/* ---- files ---- */

/*
 * Empty for the process: devices, the kernel's file systems, sockets, the owner's files, and what
 * initramfs-tools and cryptsetup have.
 */
static const char *const hidden[] = {
	"/dev", "/run", "/sys", "/var", "/root", "/conf", "/scripts", "/cryptroot", "/etc/cocod",
	"/usr/lib/cocod", "/proc",
};

#define HIDE_FLAGS (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* What does not exist needs no hiding. */
static int hide(const char *path, unsigned long flags, const char *options)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	return mount("tmpfs", path, "tmpfs", HIDE_FLAGS | flags, options) < 0 ? -errno : 0;
}

/* libcurl's relay to a vsock has its socket in /tmp. */
static int hide_files(bool network)
{
	int r;

	if (network && mkdir("/tmp", 01777) < 0 && errno != EEXIST)
		return -errno;
	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (network ? 0 : CLONE_NEWNET)) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	r = hide("/tmp", network ? 0 : MS_RDONLY, "mode=1777,size=64k,nr_inodes=16");
	for (size_t i = 0; i < ARRAY_SIZE(hidden) && r >= 0; i++)
		r = hide(hidden[i], MS_RDONLY, "mode=755,size=4k");
	return r;
}

/* ---- the user and the capabilities ---- */

/* Whatever is executed never gets a capability again that is not in @keep, a mask of bits. */
static int bound_capabilities(uint64_t keep)
{
	for (unsigned long cap = 0; cap < 64 && prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		if (!(keep & UINT64_C(1) << cap) && prctl(PR_CAPBSET_DROP, cap) < 0)
			return -errno;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

static int become(uid_t uid, gid_t gid)
{
	if (uid == 0 || gid == 0)
		return -EINVAL;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int limit(__rlimit_resource_t what, rlim_t most)
{
	const struct rlimit l = { most, most };

	return setrlimit(what, &l) < 0 ? -errno : 0;
}

static int limit_worker(const struct confinement *c)
{
	int r = limit(RLIMIT_CORE, 0);

	if (r >= 0)
		r = limit(RLIMIT_NOFILE, c->n_files);
	if (r >= 0)
		r = limit(RLIMIT_NPROC, c->n_tasks);
	if (r >= 0)
		r = limit(RLIMIT_DATA, WORKER_DATA_MAX);
	return r < 0 ? r : limit(RLIMIT_FSIZE, WORKER_FILE_MAX);
}

/* Keys of the kernel that root has are not the child's. */
static int leave_keyring(void)
{
	return syscall(__NR_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) < 0 && errno != ENOSYS ?
		       -errno : 0;
}

int confine_worker(const struct confinement *c)
{
	int r;

	if (c->uid == 0 || c->gid == 0)
		return -EINVAL;
	r = hide_files(c->network);
	if (r >= 0)
		r = leave_keyring();
	if (r >= 0)
		r = limit_worker(c);
	/* Before the user changes: it takes a capability to give capabilities up for good. */
	if (r >= 0)
		r = bound_capabilities(/* keep= */ 0);
	if (r >= 0)
		r = become(c->uid, c->gid);
	return r < 0 ? r : filter_calls(c->network);
}

int confine_keeper(void)
{
	int r = leave_keyring();

	if (r >= 0)
		r = limit(RLIMIT_CORE, 0);
	if (r >= 0)
		r = limit(RLIMIT_MEMLOCK, KEEPER_MEMLOCK_MAX);
	/* It has less already. */
	if (r == -EPERM)
		r = 0;
	/* The kernel's log, and the register that says which SEV this is. */
	return r < 0 ? r : bound_capabilities(UINT64_C(1) << CAP_SYSLOG |
					      UINT64_C(1) << CAP_SYS_RAWIO);
}

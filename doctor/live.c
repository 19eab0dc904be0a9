/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "doctor/live.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/psp-sev.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/hex.h"
#include "base/io.h"

/* syslog(2): SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER. */
#define READ_ALL 3
#define SIZE_BUFFER 10
#define KMSG_MAX (16 << 20)

void live_done(struct live *l)
{
	l->vm_fd = close_fd(l->vm_fd);
	l->kvm_fd = close_fd(l->kvm_fd);
}

enum got live_cpuid(uint32_t leaf, uint32_t subleaf, struct cpuid_regs *ret)
{
#if defined(__x86_64__)
	__cpuid_count(leaf, subleaf, ret->eax, ret->ebx, ret->ecx, ret->edx);
	return GOT_IT;
#else
	(void) leaf;
	(void) subleaf;
	(void) ret;
	return GOT_ABSENT;
#endif
}

enum got live_msr(uint32_t index, uint64_t *ret)
{
	_cleanup_(closep) int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	uint64_t value;
	ssize_t n;

	if (fd < 0)
		return got_by_errno(errno);
	n = pread(fd, &value, sizeof(value), (off_t)index);
	if (n != sizeof(value))
		return n < 0 ? got_by_errno(errno) : GOT_UNREADABLE;
	*ret = value;
	return GOT_IT;
}

enum got live_kmsg(char **ret, size_t *ret_len)
{
	_cleanup_(freep) char *text = NULL;
	int size = klogctl(SIZE_BUFFER, NULL, 0), n;

	if (size < 0)
		return got_by_errno(errno);
	size = MIN(size, KMSG_MAX);
	text = malloc((size_t)size + 1);
	if (!text)
		return GOT_UNREADABLE;
	n = klogctl(READ_ALL, text, size);
	if (n < 0)
		return got_by_errno(errno);
	text[n] = '\0';
	*ret = TAKE_PTR(text);
	*ret_len = (size_t)n;
	return GOT_IT;
}

/*
 * The node may be there without KVM, and then opening it loads the module kvm.  So the device must
 * be known already.
 */
static enum got open_kvm(struct live *l)
{
	if (l->asked_kvm)
		return l->kvm;
	l->asked_kvm = true;
	l->kvm = GOT_ABSENT;
	if (access("/sys/class/misc/kvm", F_OK) < 0)
		return l->kvm;
	l->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	l->kvm = l->kvm_fd < 0 ? got_by_errno(errno) : GOT_IT;
	return l->kvm;
}

enum got live_kvm_cap(struct live *l, unsigned cap, bool vm, int64_t *ret)
{
	enum got got = open_kvm(l);
	int r;

	if (got != GOT_IT)
		return got;
	if (vm && l->vm_fd < 0) {
		l->vm_fd = ioctl(l->kvm_fd, KVM_CREATE_VM, 0);
		if (l->vm_fd < 0)
			return got_by_errno(errno);
	}
	r = ioctl(vm ? l->vm_fd : l->kvm_fd, KVM_CHECK_EXTENSION, (unsigned long)cap);
	if (r < 0)
		return GOT_UNREADABLE;
	*ret = r;
	return GOT_IT;
}

#if defined(__x86_64__)
/* One page with a HLT at the reset vector's offset in real mode, at guest address 0. */
static int give_memory(int vm, void *page, size_t size)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = size,
		.userspace_addr = (uintptr_t)page,
	};

	*(uint8_t *)page = 0xf4;
	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0 ? -errno : 0;
}

static int start_at_zero(int cpu)
{
	struct kvm_regs regs = { .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs) < 0)
		return -errno;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(cpu, KVM_SET_REGS, &regs) < 0)
		return -errno;
	return 0;
}

/* The reason why the CPU stopped, or a negative errno. */
static int run_cpu(int kvm, int cpu)
{
	int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), r;
	struct kvm_run *run;

	if (size < (int)sizeof(*run))
		return size < 0 ? -errno : -EIO;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
	if (run == MAP_FAILED)
		return -errno;
	r = start_at_zero(cpu);
	if (r == 0)
		r = ioctl(cpu, KVM_RUN, 0) < 0 ? -errno : (int)run->exit_reason;
	(void) munmap(run, (size_t)size);
	return r;
}

static int run_to_hlt(int kvm)
{
	_cleanup_(closep) int vm = ioctl(kvm, KVM_CREATE_VM, 0), cpu = -EBADF;
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;
	int r;

	if (vm < 0)
		return -errno;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	r = give_memory(vm, page, size);
	if (r == 0) {
		cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
		r = cpu < 0 ? -errno : run_cpu(kvm, cpu);
	}
	(void) munmap(page, size);
	return r;
}
#else
static int run_to_hlt(int kvm)
{
	(void) kvm;
	return -EOPNOTSUPP;
}
#endif

/* ---- memory that only the guest has, and the node that it is on ---- */

/* Source: Linux, KVM_CREATE_GUEST_MEMFD of its interface, which older headers lack. */
struct guest_memfd {
	uint64_t size;
	uint64_t flags;
	uint64_t reserved[6];
};
#define CREATE_GUEST_MEMFD _IOWR(KVMIO, 0xd4, struct guest_memfd)
#define MEMFD_MMAP 1

/* Source: Linux, the policies of set_mempolicy(2). */
#define POLICY_BIND 2
#define POLICY_OF_ADDRESS 2	/* MPOL_F_ADDR */

/* Bind a mapping of @fd to node 0, and look whether another mapping of it is bound. */
static int bind_and_look(int fd, size_t size)
{
	unsigned long nodes = 1;
	int mode = -1, r = 0;
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	if (syscall(SYS_mbind, map, size, POLICY_BIND, &nodes, 8 * sizeof(nodes), 0) < 0)
		r = -errno;
	(void) munmap(map, size);
	if (r < 0)
		return r;
	map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	if (syscall(SYS_get_mempolicy, &mode, NULL, 0, map, POLICY_OF_ADDRESS) < 0)
		r = -errno;
	(void) munmap(map, size);
	return r < 0 ? r : mode == POLICY_BIND;
}

/* 1 if a policy belongs to the memory, 0 if it is lost with its mapping, or a negative errno. */
static int keeps_policy(int kvm)
{
	struct guest_memfd memfd = { .size = 1 << 20, .flags = MEMFD_MMAP };
	_cleanup_(closep) int vm = ioctl(kvm, KVM_CREATE_VM, 0), fd = -EBADF;

	if (vm < 0)
		return -errno;
	fd = ioctl(vm, CREATE_GUEST_MEMFD, &memfd);
	return fd < 0 ? -errno : bind_and_look(fd, memfd.size);
}

static void name_errno(int error, char *ret, size_t size)
{
	const char *name = strerrorname_np(-error);

	snprintf(ret, size, "%s", name ?: "?");
}

enum got live_kvm_probe(struct live *l, const char *name, char *ret, size_t size)
{
	enum got got = open_kvm(l);
	int r;

	if (got != GOT_IT)
		return got;
	if (streq(name, "open")) {
		snprintf(ret, size, "ok");
	} else if (streq(name, "hlt")) {
		r = run_to_hlt(l->kvm_fd);
		if (r == KVM_EXIT_HLT)
			snprintf(ret, size, "ok");
		else if (r >= 0)
			snprintf(ret, size, "exit %d", r);
		else
			name_errno(r, ret, size);
	} else if (streq(name, "memfd-policy")) {
		r = keeps_policy(l->kvm_fd);
		if (r >= 0)
			snprintf(ret, size, "%s", r ? "kept" : "lost");
		else
			name_errno(r, ret, size);
	} else {
		return GOT_ABSENT;
	}
	return GOT_IT;
}

/* Linux, since 6.11: the command, and the length of its answer. */
#define COMMAND_SNP_STATUS 9
#define SNP_STATUS_LEN 32

/* Not for writing, so that the kernel refuses whatever would change a key or the state. */
enum got live_snp_status(char *ret, size_t size)
{
	uint8_t status[SNP_STATUS_LEN] = { 0 };
	struct sev_issue_cmd command = {
		.cmd = COMMAND_SNP_STATUS,
		.data = (uintptr_t)status,
	};
	_cleanup_(closep) int fd = -EBADF;

	if (size <= 2 * sizeof(status))
		return GOT_UNREADABLE;
	if (access("/sys/class/misc/sev", F_OK) < 0)
		return GOT_ABSENT;
	fd = open("/dev/sev", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, SEV_ISSUE_CMD, &command) < 0) {
		name_errno(-errno, ret, size);
		return GOT_IT;
	}
	for (size_t i = 0; i < sizeof(status); i++)
		hex_encode_byte(status[i], ret + 2 * i);
	ret[2 * sizeof(status)] = '\0';
	return GOT_IT;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/gather/tee.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "base/io.h"

#define MSR_SEV_STATUS 0xc0010131
#define SEV_STATUS_MASK (SEV_STATUS_SEV | SEV_STATUS_ES | SEV_STATUS_SNP)

static const char *const names[_TEE_MAX] = {
	[TEE_NONE] = "none",	   [TEE_SEV] = "sev", [TEE_SEV_ES] = "sev-es",
	[TEE_SEV_SNP] = "sev-snp", [TEE_TDX] = "tdx", [TEE_UNKNOWN] = "unknown",
};

const char *tee_name(enum tee tee)
{
	return names[tee];
}

static void ask_cpu(struct tee_witnesses *w)
{
#if defined(__x86_64__)
	unsigned a, b, c, d;

	if ((unsigned)__get_cpuid_max(0x80000000, NULL) >= 0x8000001f) {
		__cpuid(0x8000001f, a, b, c, d);
		w->cpuid_sev = a & 1u << 1;
		w->cpuid_es = a & 1u << 3;
		w->cpuid_snp = a & 1u << 4;
	}
	if ((unsigned)__get_cpuid_max(0, NULL) >= 0x21) {
		char vendor[13] = "";

		__cpuid_count(0x21, 0, a, b, c, d);
		memcpy(vendor, &b, 4);
		memcpy(vendor + 4, &d, 4);
		memcpy(vendor + 8, &c, 4);
		w->cpuid_tdx = streq(vendor, "IntelTDX    ");
	}
#endif
}

static void ask_sev_status(struct tee_witnesses *w)
{
	_cleanup_(closep) int fd = open("/dev/cpu/0/msr", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		w->status_error = -errno;
		return;
	}
	n = pread(fd, &w->sev_status, sizeof(w->sev_status), MSR_SEV_STATUS);
	if (n != sizeof(w->sev_status)) {
		w->status_error = n < 0 ? -errno : -EIO;
		w->sev_status = 0;
	}
}

void tee_hear_kmsg(struct tee_witnesses *w, const char *line)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = {
		{ "SEV", SEV_STATUS_SEV },
		{ "SEV-ES", SEV_STATUS_ES },
		{ "SEV-SNP", SEV_STATUS_SNP },
	};
	static const char active[] = "Memory Encryption Features active:";
	const char *text;

	/*
	 * "PRIORITY,SEQUENCE,USEC,FLAGS[,...];TEXT": the priority is level + 8 * facility, so that
	 * the kernel's own have one digit.
	 */
	if (line[0] < '0' || line[0] > '7' || line[1] != ',')
		return;
	text = strchr(line, ';');
	if (!text)
		return;
	text++;
	if (startswith(text, "tdx: Guest detected"))
		w->kernel_tdx = true;

	/*
	 * Linux 6.1: "AMD Memory Encryption Features active: SEV SEV-ES".  Newer kernels: "Memory
	 * Encryption Features active: AMD SEV".
	 */
	if (startswith(text, "AMD "))
		text += strlen("AMD ");
	text = startswith(text, active);
	while (text && *text && *text != '\n') {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, " \n");
		for (size_t i = 0; i < ARRAY_SIZE(words); i++)
			if (len == strlen(words[i].word) && strncmp(text, words[i].word, len) == 0)
				w->kernel_sev |= words[i].bit;
		if (len == strlen("TDX") && strncmp(text, "TDX", len) == 0)
			w->kernel_tdx = true;
		text += len;
	}
}

static void ask_kernel(struct tee_witnesses *w)
{
	_cleanup_(closep) int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192];

	if (fd < 0) {
		w->kernel_error = -errno;
		return;
	}
	/*
	 * Each read gives one record.  EPIPE says that records were overwritten in the meantime;
	 * the next read gives the oldest that is left.
	 */
	for (;;) {
		ssize_t n = read(fd, record, sizeof(record) - 1);

		if (n < 0 && (errno == EINTR || errno == EPIPE))
			continue;
		if (n < 0 && errno != EAGAIN)
			w->kernel_error = -errno;
		if (n <= 0)
			return;
		record[n] = '\0';
		tee_hear_kmsg(w, record);
	}
}

void tee_ask(struct tee_witnesses *ret)
{
	*ret = (struct tee_witnesses){ 0 };
	ask_cpu(ret);
	/*
	 * Hundreds of records, each a system call.  Without the CPU's word the kernel's opens
	 * nothing: only a TEE of CPUID's can be TEE_SEV or TEE_SEV_ES.
	 */
	if (ret->cpuid_sev || ret->cpuid_tdx)
		ask_kernel(ret);
	/* On other CPUs the MSR does not exist, and the msr driver need not be loaded. */
	if (ret->cpuid_sev)
		ask_sev_status(ret);
}

static enum tee judge_sev(const struct tee_witnesses *w, char *reason, size_t size)
{
	unsigned status = (unsigned)(w->sev_status & SEV_STATUS_MASK);

	if (w->status_error) {
		snprintf(reason, size,
			 "CPUID says SEV but SEV_STATUS cannot be read (%s): load the msr module, "
			 "run as root",
			 strerror(-w->status_error));
		return TEE_UNKNOWN;
	}
	if (w->kernel_error) {
		snprintf(reason, size, "CPUID says SEV but the kernel's log cannot be read (%s)",
			 strerror(-w->kernel_error));
		return TEE_UNKNOWN;
	}
	/* A host may offer SEV to a guest that runs without it. */
	if (!status && !w->kernel_sev) {
		snprintf(reason, size,
			 "the CPU could do SEV, but SEV_STATUS and the kernel say that it is not "
			 "active");
		return TEE_NONE;
	}
	if (!(status & SEV_STATUS_SEV) || status != w->kernel_sev ||
	    (status & SEV_STATUS_ES && !w->cpuid_es) ||
	    (status & SEV_STATUS_SNP && !w->cpuid_snp)) {
		snprintf(reason, size,
			 "the witnesses disagree: SEV_STATUS %#x, kernel %#x, CPUID%s%s%s", status,
			 w->kernel_sev, w->cpuid_sev ? " SEV" : "", w->cpuid_es ? " SEV-ES" : "",
			 w->cpuid_snp ? " SEV-SNP" : "");
		return TEE_UNKNOWN;
	}
	snprintf(reason, size, "CPUID, SEV_STATUS and the kernel agree");
	return status & SEV_STATUS_SNP ? TEE_SEV_SNP :
	       status & SEV_STATUS_ES  ? TEE_SEV_ES :
					 TEE_SEV;
}

enum tee tee_judge(const struct tee_witnesses *w, char *reason, size_t reason_size)
{
	if (w->cpuid_tdx && w->cpuid_sev) {
		snprintf(reason, reason_size, "CPUID says both TDX and SEV");
		return TEE_UNKNOWN;
	}
	if (w->cpuid_sev)
		return judge_sev(w, reason, reason_size);
	if (w->cpuid_tdx) {
		/*
		 * Debian 12's kernel does not support TDX and says nothing.  Then only the guest's
		 * own report can confirm it.
		 */
		snprintf(reason, reason_size, "CPUID says TDX%s",
			 w->kernel_tdx ? ", and so does the kernel" : "; the kernel says nothing");
		return TEE_TDX;
	}
	if (w->kernel_sev || w->kernel_tdx) {
		snprintf(reason, reason_size,
			 "the kernel says that memory encryption is active, CPUID does not");
		return TEE_UNKNOWN;
	}
	snprintf(reason, reason_size, "this machine is not a confidential VM");
	return TEE_NONE;
}

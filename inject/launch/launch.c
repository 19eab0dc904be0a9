/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/launch/launch.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/parse.h"
#include "inject/input.h"
#include "inject/sev/sev-policy.h"
#include "wire/ovmf-table.h"

static const char *const tech_names[_TECH_MAX] = {
	[TECH_SEV] = "sev",
	[TECH_SEV_ES] = "sev-es",
	[TECH_SNP] = "snp",
	[TECH_TDX] = "tdx",
};

static const char *const order_names[] = {
	[MRTD_PAGE_BY_PAGE] = "page-by-page",
	[MRTD_TWO_PASS] = "two-pass",
};

int tech_parse(const char *name, enum tech *ret)
{
	for (unsigned i = 0; i < _TECH_MAX; i++)
		if (streq(tech_names[i], name)) {
			*ret = (enum tech)i;
			return 0;
		}
	return -EINVAL;
}

enum status input_number(const struct args *a, enum arg arg, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (!a->value[arg])
		return STATUS_GOOD;
	if (parse_u64(a->value[arg], &n) < 0 || n > max)
		return give_up(STATUS_USAGE, "--%s '%s' is no number from 0 to %llu", arg_name(arg),
			       a->value[arg], (unsigned long long)max);
	*ret = n;
	return STATUS_GOOD;
}

enum status input_tech_policy(const struct args *a, enum tech *ret_tech, uint32_t *ret_policy)
{
	const char *name = a->value[ARG_TECH];
	enum tech tech = TECH_SEV;
	enum status status;

	if (name && (tech_parse(name, &tech) < 0 || (tech != TECH_SEV && tech != TECH_SEV_ES)))
		return give_up(STATUS_USAGE,
			       "--tech '%s' takes no launch secrets; sev and sev-es do", name);
	if (!name && sev_policy_parse(a->value[ARG_POLICY], ret_policy) == 0 &&
	    *ret_policy & SEV_POLICY_ES)
		tech = TECH_SEV_ES;
	status = input_policy(a, tech, ret_policy);
	if (status == STATUS_GOOD)
		*ret_tech = tech;
	return status;
}

enum status input_version(const struct args *a, struct measured *ret)
{
	uint64_t build = 0;
	enum status status;

	status = input_number(a, ARG_BUILD, UINT8_MAX, &build);
	if (status != STATUS_GOOD)
		return status;
	ret->build = (uint8_t)build;
	if (sev_api_parse(a->value[ARG_API], &ret->api_major, &ret->api_minor) < 0)
		return give_up(STATUS_USAGE, "--api '%s' is not MAJOR.MINOR, such as 1.55",
			       a->value[ARG_API]);
	return launch_check_version(ret);
}

enum status launch_check_version(const struct measured *m)
{
	if (!measured_api_is_bound(m))
		return give_up(STATUS_CHECK,
			       "The API %u.%u is too old: before %d.%d a measurement did not bind policy and version",
			       m->api_major, m->api_minor, MEASURE_API_MAJOR, MEASURE_API_MINOR);
	return STATUS_GOOD;
}

/* ---- files ---- */

/* SEV and SEV-ES hash the image from front to end; SNP and TDX by its own metadata. */
static bool is_hashed_once(const struct launch_input *in)
{
	return in->launch.tech == TECH_SEV || in->launch.tech == TECH_SEV_ES;
}

static enum status failed_to_read(int r, const char *what, const char *path)
{
	log_error_errno(r, "Failed to read the %s '%s': %m", what, path);
	return STATUS_IO;
}

static int open_input(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	return fd < 0 ? -errno : fd;
}

/* All of @path at once: what is measured and what says where things lie must be the same bytes. */
static int read_whole(int fd, size_t max, uint8_t **ret, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *buf = NULL;
	size_t size, len = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	/* One byte more tells that it has ended; a pipe has no size and gets what it needs. */
	size = S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)MIN(st.st_size, (off_t)max) + 1 : 4096;
	for (;;) {
		uint8_t *more = realloc(buf, size);
		ssize_t n;

		if (!more)
			return -ENOMEM;
		buf = more;
		n = read_full(fd, buf + len, size - len);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < size)
			break;
		size = MIN(size * 2, max + 1);
	}
	*ret = TAKE_PTR(buf);
	*ret_len = len;
	return 0;
}

/*
 * For SEV all but the image's end is of no use once it is hashed.  Two pieces take turns, so
 * that the last OVMF_TABLE_TAIL_LEN bytes are still there when it has ended.
 */
#define PIECE_LEN (96u * 1024)

static int hash_firmware(int fd, size_t max, struct sha *sha, uint8_t **ret_tail, size_t *ret_len)
{
	_cleanup_(freep) uint8_t *pieces = malloc(2 * PIECE_LEN), *tail = malloc(OVMF_TABLE_TAIL_LEN);
	uint8_t *now = pieces, *before = pieces + PIECE_LEN;
	size_t total = 0, old, len;
	ssize_t n;
	int r;

	static_assert(PIECE_LEN >= OVMF_TABLE_TAIL_LEN, "a whole piece has all of the table");
	if (!pieces || !tail)
		return -ENOMEM;
	for (;;) {
		n = read_full(fd, now, PIECE_LEN);
		if (n < 0)
			return (int)n;
		total += (size_t)n;
		if (total > max)
			return -EFBIG;
		r = sha_update(sha, now, (size_t)n);
		if (r < 0)
			return r;
		if ((size_t)n < PIECE_LEN)
			break;
		now = before;
		before = before == pieces ? pieces + PIECE_LEN : pieces;
	}
	len = MIN(total, (size_t)OVMF_TABLE_TAIL_LEN);
	old = len > (size_t)n ? len - (size_t)n : 0;
	memcpy(tail, before + PIECE_LEN - old, old);
	memcpy(tail + old, now + (size_t)n - (len - old), len - old);
	*ret_tail = TAKE_PTR(tail);
	*ret_len = len;
	return 0;
}

static enum status read_firmware(const struct args *a, struct launch_input *in)
{
	const char *path = a->value[ARG_FIRMWARE];
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (!path)
		return give_up(STATUS_USAGE,
			       "--firmware is needed: the image is the first that is measured");
	fd = open_input(path);
	r = fd < 0 ? fd : 0;
	if (r == 0 && is_hashed_once(in))
		r = sha_init(&in->begun.sha, "SHA256");
	if (r == 0)
		r = is_hashed_once(in) ?
			    hash_firmware(fd, FIRMWARE_MAX, &in->begun.sha, &in->firmware,
					  &in->launch.firmware.len) :
			    read_whole(fd, FIRMWARE_MAX, &in->firmware, &in->launch.firmware.len);
	if (r == -EFBIG)
		return give_up(STATUS_MALFORMED, "The firmware '%s' has more than %u MiB", path,
			       FIRMWARE_MAX >> 20);
	if (r < 0)
		return failed_to_read(r, "firmware", path);
	if (in->launch.firmware.len == 0)
		return give_up(STATUS_MALFORMED, "The firmware '%s' is empty", path);
	in->launch.firmware.p = in->firmware;
	return STATUS_GOOD;
}

/* The hash of @path; of nothing when it is NULL. */
static enum status hash_file(struct sha *sha, const char *what, const char *path,
			     uint8_t ret[static KERNEL_HASH_LEN])
{
	_cleanup_(closep) int fd = -EBADF;
	int r;

	r = sha_begin(sha);
	if (r == 0 && path) {
		fd = open_input(path);
		r = fd < 0 ? fd : sha_fd(sha, fd);
	}
	if (r == 0)
		r = sha_final(sha, ret);
	return r < 0 ? failed_to_read(r, what, path ? path : "") : STATUS_GOOD;
}

static enum status read_cmdline(const struct args *a, struct launch_input *in)
{
	const char *text = a->value[ARG_CMDLINE], *path = a->value[ARG_CMDLINE_FILE];
	int r;

	if (text && path)
		return give_up(STATUS_USAGE,
			       "The command line is given twice: take one of --cmdline and --cmdline-file");
	if (path) {
		r = read_file_at(AT_FDCWD, path, CMDLINE_MAX, &in->cmdline, &in->cmdline_len);
		if (r == -EFBIG)
			return give_up(STATUS_MALFORMED,
				       "The command line in '%s' has more than %u KiB", path,
				       CMDLINE_MAX >> 10);
		if (r < 0)
			return failed_to_read(r, "command line", path);
		if (strlen(in->cmdline) != in->cmdline_len)
			return give_up(STATUS_MALFORMED, "The command line in '%s' has a NUL in it",
				       path);
		/*
		 * An editor's, or /proc/cmdline's: as with -append "$(cat FILE)" it is not part
		 * of it.
		 */
		if (in->cmdline_len > 0 && in->cmdline[in->cmdline_len - 1] == '\n')
			in->cmdline[--in->cmdline_len] = '\0';
		return STATUS_GOOD;
	}
	in->cmdline = strdup(text ? text : "");
	if (!in->cmdline) {
		log_oom();
		return STATUS_IO;
	}
	in->cmdline_len = strlen(in->cmdline);
	return STATUS_GOOD;
}

/*
 * A firmware without a place for the hashes never looks at them, and would run any kernel that
 * the host gives it.  The host could have the table measured all the same.
 */
static enum status check_hash_area(const struct args *a, struct launch_input *in)
{
	struct ovmf_area area;
	int r;

	r = ovmf_hash_area(in->launch.firmware.p, in->launch.firmware.len, &area);
	if (r == -ENOENT && a->value[ARG_UNCHECKED_KERNEL]) {
		log_warning("The firmware does not check the kernel: the host may give the guest another one");
		return STATUS_GOOD;
	}
	if (r == -ENOENT)
		return give_up(STATUS_CHECK,
			       "The firmware '%s' has no place for a kernel's hashes and would not check it; a build such as OVMF's AmdSevX64 "
			       "is needed",
			       a->value[ARG_FIRMWARE]);
	if (r < 0)
		return give_up(STATUS_MALFORMED,
			       "The table at the end of the firmware '%s' is broken",
			       a->value[ARG_FIRMWARE]);
	if (area.size < KERNEL_HASHES_LEN)
		return give_up(STATUS_CHECK,
			       "The firmware's place for a kernel's hashes has %u bytes, and they need %d",
			       area.size, KERNEL_HASHES_LEN);
	in->kernel_is_checked = true;
	return STATUS_GOOD;
}

static enum status read_kernel(const struct args *a, struct launch_input *in)
{
	_cleanup_(sha_done) struct sha sha = { NULL };
	enum status status;

	if (!a->value[ARG_KERNEL]) {
		if (a->value[ARG_INITRD] || a->value[ARG_CMDLINE] || a->value[ARG_CMDLINE_FILE])
			return give_up(STATUS_USAGE,
				       "An initrd or a command line without --kernel is not measured");
		return STATUS_GOOD;
	}
	status = check_hash_area(a, in);
	if (status == STATUS_GOOD)
		status = read_cmdline(a, in);
	if (status != STATUS_GOOD)
		return status;
	if (sha_init(&sha, "SHA256") < 0 ||
	    sha_of(&sha, in->cmdline, in->cmdline_len + 1, in->hashes.cmdline) < 0)
		return give_up(STATUS_IO, "OpenSSL has no SHA-256");
	status = hash_file(&sha, "kernel", a->value[ARG_KERNEL], in->hashes.kernel);
	if (status == STATUS_GOOD)
		status = hash_file(&sha, "initrd", a->value[ARG_INITRD], in->hashes.initrd);
	if (status == STATUS_GOOD)
		in->launch.kernel = &in->hashes;
	return status;
}

/* ---- CPUs ---- */

static enum status read_pages(const struct args *a, struct launch_input *in)
{
	uint8_t *pages = calloc(a->n_vmsas, VMSA_LEN);

	if (!pages) {
		log_oom();
		return STATUS_IO;
	}
	in->pages = pages;
	for (size_t i = 0; i < a->n_vmsas; i++) {
		_cleanup_(freep) char *page = NULL;
		size_t len = 0;
		int r;

		r = read_file_at(AT_FDCWD, a->vmsas[i], VMSA_LEN, &page, &len);
		if (r < 0 && r != -EFBIG)
			return failed_to_read(r, "VMSA", a->vmsas[i]);
		if (r == -EFBIG || len != VMSA_LEN)
			return give_up(STATUS_MALFORMED, "The VMSA '%s' is not one page of %d bytes",
				       a->vmsas[i], VMSA_LEN);
		memcpy(pages + i * VMSA_LEN, page, VMSA_LEN);
	}
	in->launch.pages = pages;
	in->launch.n_pages = a->n_vmsas;
	return STATUS_GOOD;
}

static enum status list_variants(const char *name, bool snp)
{
	char list[128] = "";
	size_t n, used = 0;
	const struct vmsa_variant *v = vmsa_variants(&n);

	for (size_t i = 0; i < n; i++)
		if (v[i].snp == snp)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", v[i].name);
	return give_up(STATUS_USAGE, "--variant '%s' is none of %s", name, list);
}

static enum status read_vmsa(const struct args *a, struct launch_input *in)
{
	const bool snp = in->launch.tech == TECH_SNP;
	const char *variant = a->value[ARG_VARIANT], *type = a->value[ARG_VCPU_TYPE];
	struct vmsa *vmsa = &in->launch.vmsa;
	uint64_t signature = 0;
	enum status status;

	vmsa->variant = vmsa_variant_find(variant ? variant : snp ? "snp" : "legacy", snp);
	if (!vmsa->variant)
		return list_variants(variant, snp);
	vmsa->features = vmsa->variant->features;
	if (in->launch.pages) {
		if (type || a->value[ARG_VCPU_SIG] || a->value[ARG_GUEST_FEATURES] ||
		    (variant && !snp))
			return give_up(STATUS_USAGE,
				       "With --vmsa the pages say what the CPUs are; leave --vcpu-sig, --vcpu-type, --guest-features%s away",
				       snp ? "" : " and --variant");
		return STATUS_GOOD;
	}
	status = input_number(a, ARG_GUEST_FEATURES, UINT64_MAX, &vmsa->features);
	if (status == STATUS_GOOD)
		status = input_number(a, ARG_VCPU_SIG, UINT32_MAX, &signature);
	if (status != STATUS_GOOD)
		return status;
	vmsa->signature = (uint32_t)signature;
	if (type && a->value[ARG_VCPU_SIG])
		return give_up(STATUS_USAGE,
			       "The CPU is given twice: take one of --vcpu-sig and --vcpu-type");
	if (type && cpu_type_signature(type, &vmsa->signature) < 0)
		return give_up(STATUS_USAGE,
			       "--vcpu-type '%s' is no CPU model of QEMU's that is known here, such as EPYC-Milan; give --vcpu-sig",
			       type);
	if (!type && !a->value[ARG_VCPU_SIG] && !vmsa->variant->edx)
		return give_up(STATUS_USAGE,
			       "The CPUs' state is measured: --vcpu-type, --vcpu-sig or --vmsa is needed");
	return STATUS_GOOD;
}

static enum status read_vcpus(const struct args *a, struct launch_input *in)
{
	struct launch *l = &in->launch;
	uint64_t n = MAX(a->n_vmsas, (size_t)1);
	enum status status;
	int r;

	status = input_number(a, ARG_VCPUS, LAUNCH_VCPUS_MAX, &n);
	if (status == STATUS_GOOD && a->n_vmsas > 0)
		status = read_pages(a, in);
	if (status == STATUS_GOOD)
		status = read_vmsa(a, in);
	if (status != STATUS_GOOD)
		return status;
	if (n == 0 || n < a->n_vmsas)
		return give_up(STATUS_USAGE, n == 0 ? "A guest has one CPU at least" :
						      "There are more VMSA pages than CPUs");
	if (l->pages && n > 1 && l->n_pages == 1)
		return give_up(STATUS_USAGE,
			       "The first CPU's page is not that of the others: give a second --vmsa for them");
	l->n_vcpus = n;
	r = ovmf_es_reset(l->firmware.p, l->firmware.len, &l->ap_eip);
	if (r == -ENOENT && n > 1 && !l->pages)
		return give_up(STATUS_CHECK,
			       "The firmware '%s' does not say where the second CPU begins, so it has no support for such guests",
			       a->value[ARG_FIRMWARE]);
	if (r < 0 && r != -ENOENT)
		return give_up(STATUS_MALFORMED,
			       "The table at the end of the firmware '%s' is broken",
			       a->value[ARG_FIRMWARE]);
	return STATUS_GOOD;
}

/* ---- digests ---- */

static enum status bad_firmware(const struct args *a, int r)
{
	const char *path = a->value[ARG_FIRMWARE];

	switch (r) {
	case -ENOENT:
		return give_up(STATUS_CHECK, "The firmware '%s' has no metadata for such guests", path);
	case -ENXIO:
		return give_up(STATUS_CHECK,
			       "The firmware '%s' has no place for a kernel's hashes and would not check it",
			       path);
	case -EOPNOTSUPP:
		return give_up(STATUS_MALFORMED,
			       "The metadata of the firmware '%s' have a section of a type that is not known here",
			       path);
	case -EMSGSIZE:
		return give_up(STATUS_MALFORMED,
			       "The metadata of the firmware '%s' have more than 1 GiB", path);
	case -EBADMSG:
		return give_up(STATUS_MALFORMED,
			       "The metadata of the firmware '%s' are broken, or it is not whole pages",
			       path);
	default:
		log_error_errno(r, "Failed to compute the digest: %m");
		return STATUS_IO;
	}
}

static int compute_digest(struct launch_input *in)
{
	_cleanup_(digest_done) struct digest d = { .ld = { 0 } };
	const struct launch *l = &in->launch;
	int r;

	if (l->tech == TECH_SNP) {
		r = digest_begin(l, &in->begun);
		if (r < 0)
			return r;
		memcpy(in->firmware_digest, in->begun.ld, SHA384_LEN);
	}
	r = digest_copy(&in->begun, &d);
	if (r == 0)
		r = digest_pages(&d, l);
	for (size_t i = 0; r == 0 && l->tech != TECH_SEV && i < l->n_vcpus; i++)
		r = digest_vcpu(&d, l, i);
	return r < 0 ? r : digest_peek(&d, l, in->digest);
}

static enum status read_measured(const struct args *a, struct launch_input *in)
{
	const char *seed = a->value[ARG_FIRMWARE_DIGEST];
	enum status status;
	int r;

	if (in->launch.tech == TECH_SEV &&
	    (a->n_vmsas > 0 || a->value[ARG_VCPUS] || a->value[ARG_VCPU_SIG] ||
	     a->value[ARG_VCPU_TYPE] || a->value[ARG_VARIANT] || a->value[ARG_GUEST_FEATURES]))
		return give_up(STATUS_USAGE,
			       "Plain SEV does not measure the CPUs; leave their options away, or is it sev-es?");
	if (seed && in->launch.tech != TECH_SNP)
		return give_up(STATUS_USAGE, "--firmware-digest is for snp");
	if (seed && parse_hex(seed, in->firmware_digest, SHA384_LEN) < 0)
		return give_up(STATUS_USAGE, "--firmware-digest is not %d bytes in hexadecimal",
			       SHA384_LEN);
	if (seed)
		in->launch.firmware_digest = in->firmware_digest;
	status = read_kernel(a, in);
	if (status == STATUS_GOOD && in->launch.tech != TECH_SEV)
		status = read_vcpus(a, in);
	if (status != STATUS_GOOD)
		return status;
	r = compute_digest(in);
	return r < 0 ? bad_firmware(a, r) : STATUS_GOOD;
}

static enum status read_tdx(const struct args *a, struct launch_input *in)
{
	const char *variant = a->value[ARG_VARIANT];
	int r;

	for (enum arg i = 0; i < _ARG_MAX; i++)
		if (a->value[i] && (ARGS_LAUNCH & ~(ARG(FIRMWARE) | ARG(VARIANT))) >> i & 1)
			return give_up(STATUS_USAGE,
				       "--%s is not part of MRTD, which is the firmware's alone",
				       arg_name(i));
	in->order = variant && streq(variant, order_names[MRTD_TWO_PASS]) ? MRTD_TWO_PASS : MRTD_PAGE_BY_PAGE;
	if (variant && !streq(variant, order_names[in->order]))
		return give_up(STATUS_USAGE, "--variant '%s' is neither %s nor %s", variant,
			       order_names[MRTD_PAGE_BY_PAGE], order_names[MRTD_TWO_PASS]);
	r = mrtd(&in->launch.firmware, in->order, in->digest);
	return r < 0 ? bad_firmware(a, r) : STATUS_GOOD;
}

static enum status read_given(const struct args *a, struct launch_input *in)
{
	const char *text = a->value[ARG_LAUNCH_DIGEST];

	for (enum arg i = 0; i < _ARG_MAX; i++)
		if (a->value[i] && (ARGS_LAUNCH & ~(ARG(LAUNCH_DIGEST) | ARG(FIRMWARE))) >> i & 1)
			return give_up(STATUS_USAGE,
				       "--launch-digest is of the whole launch; leave --%s away",
				       arg_name(i));
	if (parse_hex(text, in->digest, in->digest_len) < 0)
		return give_up(STATUS_USAGE, "--launch-digest is not %zu bytes in hexadecimal",
			       in->digest_len);
	in->digest_given = true;
	return STATUS_GOOD;
}

enum status launch_input_read(const struct args *a, enum tech tech, struct launch_input *ret)
{
	enum status status;

	*ret = (struct launch_input){ .launch = { .tech = tech }, .tech_name = tech_names[tech] };
	ret->digest_len = tech == TECH_SNP || tech == TECH_TDX ? SHA384_LEN : SHA256_LEN;
	if (a->value[ARG_LAUNCH_DIGEST])
		return read_given(a, ret);
	status = read_firmware(a, ret);
	if (status != STATUS_GOOD)
		return status;
	return tech == TECH_TDX ? read_tdx(a, ret) : read_measured(a, ret);
}

enum status launch_check_measurement(const struct launch_input *in, const struct secret *tik,
				     const struct measured *what,
				     const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	struct expectation e = { .measured = *what, .len = SEV_MEASURE_LEN };
	char explanation[EXPLANATION_MAX];
	int r;

	memcpy(e.bytes, blob, SEV_MEASURE_LEN);
	memcpy(e.nonce, blob + SEV_MEASURE_LEN, SEV_NONCE_LEN);
	r = measurer_new(tik, &e.measurer);
	if (r == 0)
		r = expectation_match(&e, in->digest);
	if (r > 0) {
		measurer_free(e.measurer);
		log_info("The launch measurement is the expected one");
		return STATUS_GOOD;
	}
	if (r == 0) {
		log_error("The launch measurement is not the expected one: firmware, policy, kernel or keys of this launch are others; "
			  "do not trust this guest");
		r = expectation_explain(&e, in, explanation, sizeof(explanation));
		if (r > 0)
			log_notice("It would be with: %s", explanation);
	}
	measurer_free(e.measurer);
	return r < 0 ? give_up(STATUS_IO, "OpenSSL has failed to compute the measurement") : STATUS_CHECK;
}

void launch_input_done(struct launch_input *in)
{
	free(in->firmware);
	free(in->pages);
	free(in->cmdline);
	digest_done(&in->begun);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The firmware, the kernel and what belongs to it, read once each and hashed. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/io.h"
#include "crypto/digest.h"
#include "inject/input.h"
#include "inject/launch/read.h"
#include "wire/igvm.h"
#include "wire/ovmf-metadata.h"
#include "wire/ovmf-table.h"

/* SEV and SEV-ES hash the image from front to end; SNP and TDX by its own metadata. */
static bool is_hashed_once(const struct launch_input *in)
{
	return in->launch.tech == TECH_SEV || in->launch.tech == TECH_SEV_ES;
}

int failed_to_read(int r, const char *what, const char *path, struct cause *why)
{
	return cause_set_io(why, r, "Failed to read the %s '%s': %m", what, path);
}

/* ---- the firmware ---- */

/*
 * For SEV all but the image's end is of no use once it is hashed.  Two pieces take turns, so
 * that the last OVMF_TABLE_TAIL_LEN bytes are still there when it has ended.
 */
#define PIECE_LEN (96u * 1024)

static int hash_firmware(int fd, size_t max, struct launch_input *in)
{
	_cleanup_(freep) uint8_t *pieces = malloc(2 * PIECE_LEN);
	_cleanup_(freep) uint8_t *tail = malloc(OVMF_TABLE_TAIL_LEN);
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
		if (total == 0 && igvm_is(now, (size_t)n)) {
			in->igvm_platforms = igvm_platforms(now, (size_t)n);
			return -EMEDIUMTYPE;
		}
		total += (size_t)n;
		if (total > max)
			return -EFBIG;
		r = sha_update(&in->begun.sha, now, (size_t)n);
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
	in->firmware = TAKE_PTR(tail);
	in->launch.firmware.len = len;
	return 0;
}

static int read_image(int fd, size_t max, struct launch_input *in)
{
	struct bytes *image = &in->launch.firmware;
	char *bytes;
	int r;

	/* All at once: what is measured and what says where things lie must be the same bytes. */
	r = read_file_fd(fd, max, &bytes, &image->len);
	if (r < 0)
		return r;
	in->firmware = (uint8_t *)bytes;
	if (igvm_is(in->firmware, image->len)) {
		in->igvm_platforms = igvm_platforms(in->firmware, image->len);
		return -EMEDIUMTYPE;
	}
	return r;
}

/*
 * The sizes of images whose end alone is kept.  A smaller one is read sooner, and what is too large
 * is refused by who reads it all.
 */
static bool is_worth_splitting(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_size >= 4 * SNP_STRETCH_LEN &&
	       st->st_size <= FIRMWARE_MAX;
}

/*
 * SNP's pages are hashed from the file, by pieces: memory for all of it costs more than to read it.
 * The end is kept and hashed from there: what is measured and what says where things lie must be
 * the same bytes.
 *
 * Returns 1; 0 when the image must be kept whole: what it says of itself is elsewhere, or nowhere;
 * -ENOMEM.
 */
static int read_end(int fd, struct launch_input *in)
{
	_cleanup_(freep) uint8_t *end = NULL;
	uint8_t head[16];
	struct bytes sections;
	struct stat st;
	size_t before, len;
	ssize_t n;

	if (fstat(fd, &st) < 0 || !is_worth_splitting(&st))
		return 0;
	before = ((size_t)st.st_size / SNP_STRETCH_LEN - 1) * SNP_STRETCH_LEN;
	len = (size_t)st.st_size - before;
	end = malloc(len + 1);
	if (!end)
		return -ENOMEM;
	n = pread_full(fd, head, sizeof(head), 0);
	if (n < (ssize_t)sizeof(head) || igvm_is(head, sizeof(head)))
		return 0;
	/* A byte more: not every file system knows a file's size. */
	n = pread_full(fd, end, len + 1, (off_t)before);
	if (n != (ssize_t)len || ovmf_sev_sections(end, len, &sections) < 0)
		return 0;
	(void) posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	in->firmware = TAKE_PTR(end);
	in->launch.firmware.len = len;
	in->launch.firmware_before = before;
	in->launch.firmware_fd = fd;
	return 1;
}

/*
 * A loader measures the pages that such a file names and not the file: what is computed of it as
 * of an image would be the digest of no guest.
 */
static int refuse_igvm(const char *path, const struct launch_input *in, struct cause *why)
{
	static const char *const names[_IGVM_PLATFORM_MAX] = {
		[IGVM_NATIVE] = "native", [IGVM_VSM] = "vsm", [IGVM_SNP] = "snp",
		[IGVM_TDX] = "tdx",	  [IGVM_SEV] = "sev", [IGVM_SEV_ES] = "sev-es",
	};
	static const enum igvm_platform own[_TECH_MAX] = {
		[TECH_SEV] = IGVM_SEV,
		[TECH_SEV_ES] = IGVM_SEV_ES,
		[TECH_SNP] = IGVM_SNP,
		[TECH_TDX] = IGVM_TDX,
	};
	char list[64] = "";
	size_t used = 0;

	for (unsigned i = 0; i < _IGVM_PLATFORM_MAX; i++)
		if (in->igvm_platforms >> i & 1)
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s",
						 used ? ", " : "", names[i]);
	return cause_set(why, -EBADMSG,
			 "The firmware '%s' is an IGVM file with pages for %s%s%s; measure "
			 "computes no digest of these yet",
			 path, used ? list : "no platform that is known here",
			 in->igvm_platforms >> own[in->launch.tech] & 1 ? "" : ", and none for ",
			 in->igvm_platforms >> own[in->launch.tech] & 1 ? "" : in->tech_name);
}

/* "-" may be a file that is not at its beginning, and others read on. */
static int read_snp(const struct args *a, int *fd, struct launch_input *in, struct reading *reading)
{
	int r = streq(a->firmware, "-") ? 0 : read_end(*fd, in);

	if (r == 0)
		return read_image(*fd, FIRMWARE_MAX, in);
	if (r > 0)
		reading->firmware = TAKE_FD(*fd);
	return MIN(r, 0);
}

static int read_by_tech(const struct args *a, int *fd, struct launch_input *in,
			struct reading *reading)
{
	int r;

	if (in->launch.tech == TECH_SNP)
		return read_snp(a, fd, in, reading);
	if (!is_hashed_once(in))
		return read_image(*fd, FIRMWARE_MAX, in);
	r = sha_init(&in->begun.sha, "SHA256");
	return r < 0 ? r : hash_firmware(*fd, FIRMWARE_MAX, in);
}

int read_firmware(const struct args *a, struct launch_input *in, struct reading *reading,
		  struct cause *why)
{
	const char *path = a->firmware;
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (!path)
		return cause_set(why, -EINVAL,
				 "--firmware is needed: the image is the first that is measured");
	fd = input_open(path);
	r = fd < 0 ? fd : read_by_tech(a, &fd, in, reading);
	if (r == -EMEDIUMTYPE)
		return refuse_igvm(path, in, why);
	if (r == -EFBIG)
		return cause_set(why, -EMSGSIZE, "The firmware '%s' has more than %u MiB", path,
				 FIRMWARE_MAX >> 20);
	if (r < 0)
		return failed_to_read(r, "firmware", path, why);
	if (in->launch.firmware.len == 0)
		return cause_set(why, -EBADMSG, "The firmware '%s' is empty", path);
	in->launch.firmware.p = in->firmware;
	return 0;
}

/* ---- the kernel ---- */

int reading_begin(const struct args *a, struct reading *ret, struct cause *why)
{
	*ret = (struct reading){ .kernel.fd = -EBADF, .initrd.fd = -EBADF, .firmware = -EBADF };
	pool_init(&ret->pool);
	if (!a->kernel)
		return 0;
	if (sha_init(&ret->sha256, "SHA256") < 0)
		return cause_set(why, -EIO, "OpenSSL has no SHA-256");
	/* The initrd first: it is the larger one. */
	file_hash_begin(&ret->initrd, &ret->pool, &ret->sha256, a->initrd);
	file_hash_begin(&ret->kernel, &ret->pool, &ret->sha256, a->kernel);
	return 0;
}

void reading_done(struct reading *r)
{
	pool_done(&r->pool);
	file_hash_done(&r->kernel);
	file_hash_done(&r->initrd);
	r->firmware = close_fd(r->firmware);
	sha_done(&r->sha256);
}

/* The hash of the @what that @h has begun with. */
static int hash_file(struct file_hash *h, const char *what, uint8_t ret[static KERNEL_HASH_LEN],
		     struct cause *why)
{
	int r = file_hash_end(h, ret);

	return r < 0 ? failed_to_read(r, what, h->path ? h->path : "", why) : 0;
}

static int read_cmdline(const struct args *a, struct launch_input *in, struct cause *why)
{
	const char *text = a->cmdline, *path = a->cmdline_file;
	_cleanup_(closep) int fd = -EBADF;
	int r;

	if (text && path)
		return cause_set(why, -EINVAL,
				 "The command line is given twice: take one of --cmdline and "
				 "--cmdline-file");
	if (path) {
		fd = input_open(path);
		r = fd < 0 ? fd : read_file_fd(fd, CMDLINE_MAX, &in->cmdline, &in->cmdline_len);
		if (r == -EFBIG)
			return cause_set(why, -EMSGSIZE,
					 "The command line in '%s' has more than %u KiB", path,
					 CMDLINE_MAX >> 10);
		if (r < 0)
			return failed_to_read(r, "command line", path, why);
		if (strlen(in->cmdline) != in->cmdline_len)
			return cause_set(why, -EBADMSG, "The command line in '%s' has a NUL in it",
					 path);
		/*
		 * An editor's, or /proc/cmdline's: as with -append "$(cat FILE)" it is not part
		 * of it.
		 */
		if (in->cmdline_len > 0 && in->cmdline[in->cmdline_len - 1] == '\n')
			in->cmdline[--in->cmdline_len] = '\0';
		return 0;
	}
	in->cmdline = strdup(text ? text : "");
	if (!in->cmdline)
		return cause_set_oom(why);
	in->cmdline_len = strlen(in->cmdline);
	return 0;
}

/*
 * A firmware without a place for the hashes never looks at them, and would run any kernel that
 * the host gives it.  The host could have the table measured all the same.
 */
static int check_hash_area(const struct args *a, struct launch_input *in, struct cause *why)
{
	struct ovmf_area area;
	int r;

	r = ovmf_hash_area(in->launch.firmware.p, in->launch.firmware.len, &area);
	if (r == -ENOENT && a->unchecked_kernel) {
		log_warning("The firmware does not check the kernel: the host may give the guest "
			    "another one");
		return 0;
	}
	if (r == -ENOENT)
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware '%s' has no place for a kernel's hashes and would "
				 "not check it; a build such as OVMF's AmdSevX64 is needed",
				 a->firmware);
	if (r < 0)
		return cause_set(why, -EBADMSG,
				 "The table at the end of the firmware '%s' is broken",
				 a->firmware);
	if (area.size < KERNEL_HASHES_LEN)
		return cause_set(why, -EOPNOTSUPP,
				 "The firmware's place for a kernel's hashes has %u bytes, and "
				 "they need %d",
				 area.size, KERNEL_HASHES_LEN);
	in->kernel_is_checked = true;
	return 0;
}

int read_kernel(const struct args *a, struct launch_input *in, struct reading *reading,
		struct cause *why)
{
	int r;

	if (!a->kernel) {
		if (a->initrd || a->cmdline || a->cmdline_file)
			return cause_set(why, -EINVAL,
					 "An initrd or a command line without --kernel is not "
					 "measured");
		return 0;
	}
	r = check_hash_area(a, in, why);
	if (r == 0)
		r = read_cmdline(a, in, why);
	if (r < 0)
		return r;
	/* Not by @reading's SHA-256, which others copy now. */
	if (digest_sha256_of((struct bytes){ (uint8_t *)in->cmdline, in->cmdline_len + 1 },
			     in->hashes.cmdline) < 0)
		return cause_set(why, -EIO, "OpenSSL has failed to hash the command line");
	r = hash_file(&reading->kernel, "kernel", in->hashes.kernel, why);
	if (r == 0)
		r = hash_file(&reading->initrd, "initrd", in->hashes.initrd, why);
	if (r == 0)
		in->launch.kernel = &in->hashes;
	return r;
}

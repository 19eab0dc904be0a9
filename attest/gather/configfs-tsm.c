/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's common way to a report: /sys/kernel/config/tsm/report.  A folder is a request: the
 * question is written to its files, and the report is read from them.
 * Source: the kernel's Documentation/ABI/testing/configfs-tsm.
 *
 * Another process may write into our folder.  "generation" shows that, since each accepted write
 * adds one to it.  The kernel takes a binary attribute at close(), and takes a write that failed
 * half-way as empty.  So close() and the number of writes are checked, and each try has a folder
 * of its own.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "attest/gather/provider.h"
#include "base/io.h"
#include "base/parse.h"

#define REPORTS "/sys/kernel/config/tsm/report"
#define NAME_PREFIX "cocod-"		/* then the process, then a random number */
#define OUTBLOB_MAX (64 * 1024)
#define AUXBLOB_MAX (128 * 1024)
#define MANIFEST_MAX (64 * 1024)
#define SNP_REPORT_LEN 1184
#define TDX_QUOTE_MIN (48 + 584 + 4)

/* The kernel's providers whose evidence can be verified, by the text of "provider". */
static const struct {
	const char *provider;
	const char *type;
	enum bundle_kind kind;
	size_t min;
} kinds[] = {
	{ "sev_guest", "snp", BUNDLE_REPORT, SNP_REPORT_LEN },
	{ "tdx_guest", "tdx", BUNDLE_QUOTE, TDX_QUOTE_MIN },
};

struct request {
	int parent;		/* the folder of all requests */
	char name[48];
	int dir;
	uint64_t n_writes;
};

static void request_done(struct request *t)
{
	(void) close_fd(t->dir);
	if (t->name[0])
		(void) unlinkat(t->parent, t->name, AT_REMOVEDIR);
	(void) close_fd(t->parent);
}

/*
 * True if the process that made the folder is gone.  A process that was killed while it waited
 * for the TEE leaves its folder behind.
 */
static int is_abandoned(const struct dirent *de)
{
	const char *rest = startswith(de->d_name, NAME_PREFIX);
	char pid[12] = "";
	uint32_t n;

	if (!rest || strcspn(rest, "-") >= sizeof(pid))
		return false;
	memcpy(pid, rest, strcspn(rest, "-"));
	return parse_u32(pid, &n) == 0 && n > 0 && n <= INT_MAX && kill((pid_t)n, 0) < 0 &&
	       errno == ESRCH;
}

static void remove_abandoned(int parent)
{
	struct dirent **found = NULL;
	int n;

	n = scandirat(parent, ".", &found, is_abandoned, NULL);
	for (int i = 0; i < n; i++) {
		(void) unlinkat(parent, found[i]->d_name, AT_REMOVEDIR);
		free(found[i]);
	}
	free(found);
}

static int request_init(const struct attest_request *q, struct request *ret, struct cause *why)
{
	struct request t = { .parent = -EBADF, .dir = -EBADF };
	char path[PATH_MAX];
	uint64_t random;
	int r = 0;

	snprintf(path, sizeof(path), "%s" REPORTS, q->root);
	t.parent = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t.parent < 0)
		return cause_set(why, -errno, "%s cannot be opened: %s", REPORTS, strerror(errno));
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		r = -EIO;
	snprintf(t.name, sizeof(t.name), NAME_PREFIX "%d-%016llx", (int)getpid(),
		 (unsigned long long)random);
	if (r == 0 && mkdirat(t.parent, t.name, 0700) < 0) {
		r = cause_set(why, -errno, "no folder can be made in " REPORTS ": %s",
			      errno == ENXIO ? "no module that provides reports is loaded" :
					       strerror(errno));
		t.name[0] = '\0';
	}
	if (r == 0) {
		t.dir = openat(t.parent, t.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (t.dir < 0)
			r = cause_set(why, -errno,
				      "the folder just made in " REPORTS " is gone: %s",
				      strerror(errno));
	}
	if (r < 0) {
		request_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

/* ---- its files ---- */

static int read_attribute(struct request *t, const char *name, size_t max, char **ret,
			  size_t *ret_len, struct cause *why)
{
	int r = read_file_at(t->dir, name, max, ret, ret_len);

	if (r == -EBUSY || r == -EINTR || r == -EAGAIN)
		return cause_set(why, -EAGAIN,
				 "'%s' is busy: the firmware limits how often it signs", name);
	if (r == -EFBIG)
		return cause_set(why, -EMSGSIZE, "'%s' has more than %zu bytes", name, max);
	if (r < 0)
		return cause_set(why, r, "'%s' cannot be read: %s", name, strerror(-r));
	return 0;
}

static int write_attribute(struct request *t, const char *name, const void *data, size_t len,
			   struct cause *why)
{
	int fd, r;

	fd = openat(t->dir, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return cause_set(why, -errno, "'%s' cannot be opened: %s", name, strerror(errno));
	r = write_full(fd, data, len);
	/* The kernel takes what was written only now. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == -EBUSY || r == -EINTR || r == -EAGAIN)
		return cause_set(why, -EAGAIN, "'%s' is busy", name);
	if (r < 0)
		return cause_set(why, r, "'%s' does not take what is asked: %s", name,
				 strerror(-r));
	t->n_writes++;
	return 0;
}

static int write_text(struct request *t, const char *name, const char *text, struct cause *why)
{
	return write_attribute(t, name, text, strlen(text), why);
}

/* Check that nobody else has written: a new folder is at 0, and each of our writes added 1. */
static int check_generation(struct request *t, struct cause *why)
{
	_cleanup_(freep) char *text = NULL;
	uint64_t generation;
	int r;

	r = read_attribute(t, "generation", 32, &text, NULL, why);
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (parse_u64(text, &generation) < 0)
		return cause_set(why, -EBADMSG, "'generation' is not a number");
	if (generation != t->n_writes)
		return cause_set(why, -EAGAIN,
				 "another process writes to the request (generation %llu after "
				 "%llu writes)",
				 (unsigned long long)generation, (unsigned long long)t->n_writes);
	return 0;
}

/* ---- one report ---- */

static int ask(const struct attest_request *q, struct request *t, struct cause *why)
{
	char level[16];
	int r = 0;

	if (q->service)
		r = write_text(t, "service_provider", q->service, why);
	if (r >= 0 && q->service_guid)
		r = write_text(t, "service_guid", q->service_guid, why);
	snprintf(level, sizeof(level), "%d", q->privlevel);
	if (r >= 0 && q->privlevel >= 0)
		r = write_text(t, "privlevel", level, why);
	if (r >= 0)
		r = write_attribute(t, "inblob", q->nonce, sizeof(q->nonce), why);
	return r < 0 ? r : check_generation(t, why);
}

/* Take a blob that may be missing. */
static int take_optional(struct request *t, const char *name, size_t max, enum bundle_kind kind,
			 struct bundle *ret, struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	size_t len;
	int r;

	if (faccessat(t->dir, name, F_OK, 0) < 0)
		return bundle_add_text(ret, BUNDLE_NOTE, "%s: absent, the kernel has no '%s'",
				       bundle_kind_name(kind), name);
	r = read_attribute(t, name, max, &data, &len, why);
	if (r < 0)
		return r;
	if (len == 0)
		return bundle_add_text(ret, BUNDLE_NOTE, "%s: absent, the provider's '%s' is empty",
				       bundle_kind_name(kind), name);
	return bundle_add(ret, kind, data, len);
}

static int take_report(struct request *t, const char *provider, struct bundle *ret,
		       struct cause *why)
{
	_cleanup_(freep) char *data = NULL;
	size_t len, i;
	int r;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (streq(kinds[i].provider, provider))
			break;
	if (i == ARRAY_SIZE(kinds))
		return cause_set(why, -EOPNOTSUPP,
				 "the provider is '%.32s', whose reports nothing here can verify",
				 provider);
	r = read_attribute(t, "outblob", OUTBLOB_MAX, &data, &len, why);
	if (r < 0)
		return r;
	if (len < kinds[i].min)
		return cause_set(why, -EBADMSG,
				 "the report of '%s' has %zu bytes, at least %zu are needed",
				 provider, len, kinds[i].min);
	r = bundle_add_text(ret, BUNDLE_TYPE, "%s", kinds[i].type);
	return r < 0 ? r : bundle_add(ret, kinds[i].kind, data, len);
}

static int take(const struct attest_request *q, struct request *t, struct bundle *ret,
		struct cause *why)
{
	_cleanup_(freep) char *provider = NULL;
	int r;

	r = read_attribute(t, "provider", 64, &provider, NULL, why);
	if (r < 0)
		return r;
	provider[strcspn(provider, "\n")] = '\0';
	r = bundle_add_text(ret, BUNDLE_PROVIDER, "configfs-tsm:%s", provider);
	if (r >= 0)
		r = ask(q, t, why);
	if (r >= 0)
		r = take_report(t, provider, ret, why);
	if (r >= 0)
		r = take_optional(t, "auxblob", AUXBLOB_MAX, BUNDLE_CERT_TABLE, ret, why);
	if (r >= 0 && q->service)
		r = take_optional(t, "manifestblob", MANIFEST_MAX, BUNDLE_SERVICE_MANIFEST, ret,
				  why);
	/* The blobs belong together only if the generation is still the same. */
	return r < 0 ? r : check_generation(t, why);
}

static int report_once(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	_cleanup_(request_done) struct request t = { .parent = -EBADF, .dir = -EBADF };
	int r = request_init(q, &t, why);

	return r < 0 ? r : take(q, &t, ret, why);
}

static int tsm_report(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	for (unsigned n = 1;; n++) {
		struct bundle e = { 0 };
		int r = report_once(q, &e, why);

		if (r >= 0) {
			*ret = e;
			return 0;
		}
		bundle_done(&e);
		if (r != -EAGAIN || !provider_pause(q, n))
			return r;
	}
}

static int tsm_probe(const struct attest_request *q, struct cause *why)
{
	_cleanup_(request_done) struct request t = { .parent = -EBADF, .dir = -EBADF };
	int r = request_init(q, &t, why);

	if (r == 0)
		remove_abandoned(t.parent);
	/* ENXIO: the kernel has configfs-tsm, but no provider has registered. */
	return r == -ENOENT || r == -ENXIO ? 0 : r < 0 ? r : 1;
}

const struct attest_provider attest_configfs_tsm = {
	.name = "configfs-tsm",
	.probe = tsm_probe,
	.report = tsm_report,
};

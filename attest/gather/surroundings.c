/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "attest/gather/provider.h"
#include "base/io.h"
#include "base/parse.h"

#define CCEL_LOG "/sys/firmware/acpi/tables/data/CCEL"
#define RUNTIME_LOG "/run/cocod/aael"	/* agent/keeper/measure.h */
#define VMPL "/sys/devices/system/cpu/sev/vmpl"
#define REGISTERS "/sys/class/misc/tdx_guest/measurements"
#define REGISTER_MAX 64		/* bytes: SHA-512 */

static int add_file(const char *root, const char *path, size_t max, enum bundle_kind kind,
		    struct bundle *ret)
{
	_cleanup_(freep) char *data = NULL;
	char full[PATH_MAX];
	size_t len;
	int r;

	snprintf(full, sizeof(full), "%s%s", root, path);
	r = read_file_at(AT_FDCWD, full, max, &data, &len);
	if (r == -ENOENT)
		return bundle_add_text(ret, BUNDLE_NOTE, "%s: absent, there is no %s",
				       bundle_kind_name(kind), path);
	if (r < 0)
		return bundle_add_text(ret, BUNDLE_NOTE, "%s: %s cannot be read: %s",
				       bundle_kind_name(kind), path, strerror(-r));
	if (bundle_kind_is_text(kind))
		len = strcspn(data, "\n");
	if (len == 0)
		return bundle_add_text(ret, BUNDLE_NOTE, "%s: %s is empty", bundle_kind_name(kind),
				       path);
	return bundle_add(ret, kind, data, len);
}

/* "rtmr0:sha384", "mrtd:sha384", ...: the kernel's names.  Returns the bytes put into @text. */
static size_t print_register(int dirfd, const char *name, char *text, size_t size)
{
	_cleanup_(freep) char *data = NULL;
	size_t len, n = 0;

	if (read_file_at(dirfd, name, REGISTER_MAX, &data, &len) < 0 || len == 0 ||
	    strlen(name) + 2 * len + 3 > size)
		return 0;
	n = (size_t)sprintf(text, "%s ", name);
	format_hex((const uint8_t *)data, len, text + n);
	n += 2 * len;
	text[n++] = '\n';
	return n;
}

static int not_hidden(const struct dirent *de)
{
	return strchr(de->d_name, ':') != NULL;
}

static int add_registers(const char *root, struct bundle *ret)
{
	_cleanup_(closep) int fd = -EBADF;
	struct dirent **found = NULL;
	char path[PATH_MAX], text[4096];
	size_t len = 0;
	int n;

	snprintf(path, sizeof(path), "%s" REGISTERS, root);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	n = fd < 0 ? -1 : scandir(path, &found, not_hidden, alphasort);
	for (int i = 0; i < n; i++) {
		len += print_register(fd, found[i]->d_name, text + len, sizeof(text) - len);
		free(found[i]);
	}
	free(found);
	if (len == 0)
		return bundle_add_text(ret, BUNDLE_NOTE,
				       "registers: absent, there is nothing in " REGISTERS);
	return bundle_add(ret, BUNDLE_REGISTERS, text, len);
}

static int add_vmpl(const char *root, struct bundle *ret)
{
	return add_file(root, VMPL, 16, BUNDLE_VMPL, ret);
}

/* Most guests measure nothing, so that its absence is not worth a note. */
static int add_runtime_log(const char *root, struct bundle *ret)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" RUNTIME_LOG, root);
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	return add_file(root, RUNTIME_LOG, BUNDLE_ITEM_MAX, BUNDLE_RUNTIME_LOG, ret);
}

static int add_td(const char *root, struct bundle *ret)
{
	int r = add_registers(root, ret);

	if (r >= 0)
		r = add_file(root, CCEL_LOG, BUNDLE_ITEM_MAX, BUNDLE_EVENT_LOG, ret);
	return r < 0 ? r : add_runtime_log(root, ret);
}

/* What the kernel tells about a guest of each type of evidence. */
static const struct {
	const char *type;
	int (*add)(const char *root, struct bundle *ret);
} surroundings[] = {
	{ "snp", add_vmpl },
	{ "azure", add_vmpl },
	{ "tdx", add_td },
	{ "tdreport", add_td },
};

int surroundings_add(const char *root, struct bundle *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(surroundings); i++)
		if (streq(bundle_text(ret, BUNDLE_TYPE), surroundings[i].type))
			return surroundings[i].add(root, ret);
	return 0;
}

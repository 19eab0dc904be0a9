/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text that ini_check() accepts has one meaning: libeconf and ini_next() read the same from it.
 */
#include <assert.h>
#include <libeconf.h>
#include <libeconf_ext.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/ini.h"
#include "base/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static econf_file *read_other(const char *text, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("fuzz", MFD_CLOEXEC);
	econf_file *kf = NULL;
	char path[64];
	int r;

	assert(fd >= 0);
	r = write_full(fd, text, len);
	assert(r == 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(econf_readFile(&kf, path, "=", INI_NO_COMMENT) == ECONF_SUCCESS);
	return kf;
}

/* Returns 1 for an option. */
static size_t compare(econf_file *kf, const struct ini_item *i)
{
	char section[INI_LINE_MAX + 1] = "", name[INI_LINE_MAX + 1] = "";
	econf_ext_value *ext = NULL;

	if (!i->name)
		return 0;
	memcpy(section, i->section, i->section_len);
	memcpy(name, i->name, i->name_len);
	assert(econf_getExtValue(kf, section, name, &ext) == ECONF_SUCCESS && ext);
	if (i->value_len == 0) {
		/* For an empty value libeconf gives no value, an empty value, or no line. */
		assert(!ext->values || !ext->values[0] || !ext->values[0][0]);
	} else {
		assert(ext->line_number == i->line);
		assert(ext->values && ext->values[0] && !ext->values[1]);
		assert(ini_is(i->value, i->value_len, ext->values[0]));
	}
	econf_freeExtValue(ext);
	return 1;
}

static size_t count(econf_file *kf)
{
	char **groups = NULL, **keys = NULL;
	size_t n_groups = 0, n_keys = 0, n = 0;

	assert(econf_getKeys(kf, NULL, &n_keys, &keys) != ECONF_SUCCESS || n_keys == 0);
	econf_freeArray(keys);
	if (econf_getGroups(kf, &n_groups, &groups) != ECONF_SUCCESS)
		return 0;
	for (size_t i = 0; i < n_groups; i++) {
		keys = NULL;
		if (econf_getKeys(kf, groups[i], &n_keys, &keys) == ECONF_SUCCESS)
			n += n_keys;
		econf_freeArray(keys);
	}
	econf_freeArray(groups);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct ini_error e = { 0 };
	struct ini raw, plain;
	struct ini_item i, j;
	size_t n = 0, plain_len;
	econf_file *kf;
	char *text;

	if (ini_check(data, len, &e) < 0) {
		assert(e.text[0] && strlen(e.text) < INI_ERROR_LEN - 1);
		for (const char *c = e.text; *c; c++)
			assert(*c >= 0x20 && *c <= 0x7e);
		return 0;
	}
	text = malloc(len + 1);
	assert(text);
	if (len > 0)
		memcpy(text, data, len);
	plain_len = ini_plain(text, len);
	assert(plain_len <= len && ini_check(text, plain_len, &e) == 0);

	kf = read_other(text, plain_len);
	ini_init(&raw, data, len);
	ini_init(&plain, text, plain_len);
	while (ini_next(&raw, &i)) {
		assert(ini_next(&plain, &j) == 1);
		assert(i.line == j.line && i.value_len == j.value_len && !i.name == !j.name);
		assert(i.value_len == 0 || memcmp(i.value, j.value, i.value_len) == 0);
		n += compare(kf, &j);
	}
	assert(ini_next(&plain, &j) == 0);
	/*
	 * libeconf 0.5.1 does not list an option with the same name as the option before it in
	 * another section.
	 */
	assert(count(kf) <= n);
	econf_freeFile(kf);
	free(text);
	return 0;
}

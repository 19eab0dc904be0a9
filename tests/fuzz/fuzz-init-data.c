/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever the host gives as init data: what we take of it has the form that others rely on. */
#include <sys/mman.h>
#include <unistd.h>

#include "agent/net/init-data.h"
#include "base/io.h"
#include "base/toml.h"
#include "wire/kbs-uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	_cleanup_(closep) int fd = memfd_create("init-data", MFD_CLOEXEC);
	struct init_data d = { "" };
	struct cause why = { "" };
	struct kbs_uri uri;
	char *text = NULL;
	size_t text_len = 0;

	if (fd < 0 || write_full(fd, data, len) < 0 || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (init_data_read(fd, &text, &text_len, &d, &why) < 0) {
		assert(!text && why.text[0]);
		return 0;
	}
	assert(text_len <= TOML_MAX && strlen(text) == text_len && d.algorithm[0]);
	for (const char *p = d.url; *p; p++)
		assert(*p > ' ' && *p < 0x7f);
	if (d.uri[0])
		assert(kbs_uri_parse(d.uri, &uri) == 0);
	free(text);
	return 0;
}

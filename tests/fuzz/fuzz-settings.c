/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text as coco-broker.conf: what is refused has a reason, and what is read has its defaults. */
#include <assert.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"
#include "broker/serve/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct broker_settings s = { 0 };
	struct cause why = { "" };
	_cleanup_(closep) int fd = -EBADF;
	char path[64];

	if (memfd_new_sealed("settings", data, len, &fd) < 0)
		return 0;
	(void) snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (broker_settings_read(path, &s, &why) < 0)
		assert(why.text[0]);
	else
		assert(s.names[0] && s.instance[0] && s.store_address[0] && s.master_key[0]);
	broker_settings_done(&s);
	return 0;
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/recovery-key.h"

#include <sys/random.h>

#define RANDOM_LEN 32
#define GROUP_BYTES 4

int recovery_key_new(struct secret **ret)
{
	static const char modhex[] = "cbdefghijklnrtuv";
	_cleanup_(secret_freep) struct secret *random = NULL, *s = NULL;
	uint8_t *b, *p;
	int r;

	r = secret_new(RANDOM_LEN, &random);
	if (r >= 0)
		r = secret_new(RECOVERY_KEY_LEN, &s);
	if (r < 0)
		return r;
	b = secret_bytes(random);
	p = secret_bytes(s);
	/* Up to 256 bytes come whole, and no signal interrupts them. */
	if (getrandom(b, RANDOM_LEN, 0) != RANDOM_LEN)
		return errno ? -errno : -EIO;
	for (unsigned i = 0; i < RANDOM_LEN; i++) {
		if (i > 0 && i % GROUP_BYTES == 0)
			*p++ = '-';
		*p++ = (uint8_t)modhex[b[i] >> 4];
		*p++ = (uint8_t)modhex[b[i] & 15];
	}
	*ret = TAKE_PTR(s);
	return 0;
}

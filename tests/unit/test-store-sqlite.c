/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/store-engine.h"

#include <cmocka.h>

static char dir[64], address[128];

int main(void)
{
	char cmd[128];
	int failed;

	/* A container's /tmp may be an overlay, which the store refuses. */
	strcpy(dir, access("/dev/shm", W_OK) == 0 ? "/dev/shm/test-store.XXXXXX" :
						    "/tmp/test-store.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(address, sizeof(address), "sqlite:%s/store", dir);
	failed = store_engine_run("an engine", address, NULL, /* again= */ 1);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", dir);
	return system(cmd) != 0 || failed;
}

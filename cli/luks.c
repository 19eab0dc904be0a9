/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/luks.h"

#include "base/log.h"
#include "cli/passphrase.h"
#include "cli/status.h"

int luks_protect(void)
{
	int r = secret_protect_process();

	if (r >= 0)
		return 0;
	log_error_errno(r, "Failed to keep this process out of core dumps: %m");
	return STATUS_FAILED;
}

bool luks_has_passphrase(const struct args_luks *a)
{
	return a->passphrase_fd.given || a->unlock_key_file;
}

int luks_passphrase(const struct args_luks *a, const char *prompt, struct secret **ret)
{
	if (a->passphrase_fd.given)
		return passphrase_of_fd((int)a->passphrase_fd.value, ret);
	if (a->unlock_key_file)
		return passphrase_of_file(a->unlock_key_file, ret);
	return passphrase_ask(prompt, ret);
}

void luks_log_wrong(const char *device, const struct secret *s)
{
	size_t len = secret_len(s);

	log_error("Nothing was changed on '%s': the passphrase does not open it%s", device,
		  len > 0 && secret_data(s)[len - 1] == '\n' ?
			  "; it ends with a newline, which is part of it" :
			  "");
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/verb-launch.h"

enum status verb_check_launch(const struct launch_input *in, const struct secret *tik,
			      const struct measured *what,
			      const uint8_t blob[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	char hint[LAUNCH_HINT_MAX];
	enum status status;
	struct cause why;

	status = give_up_if(launch_check_measurement(in, tik, what, blob, hint, &why), &why);
	if (status == STATUS_GOOD)
		log_info("The launch measurement is the expected one");
	else if (hint[0])
		log_notice("%s", hint);
	return status;
}

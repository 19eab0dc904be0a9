/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/tdx_guest: a TDREPORT.  Only the machine that made a TDREPORT can check its MAC, so it
 * proves nothing to anybody else.  A quote comes through configfs-tsm.
 * Source: the kernel's Documentation/virt/coco/tdx-guest.rst.
 */
#include <sys/ioctl.h>

#include "attest/gather/provider.h"
#include "base/io.h"
#include "wire/bytes.h"

#define DEVICE "/dev/tdx_guest"

struct report_request {
	uint8_t reportdata[64];
	uint8_t tdreport[1024];
};

#define TDX_CMD_GET_REPORT0 _IOWR('T', 1, struct report_request)
static_assert(TDX_CMD_GET_REPORT0 == 0xc4405401, "TDX_CMD_GET_REPORT0");

static int tdx_probe(const struct attest_request *q, struct cause *why)
{
	return provider_probe_device(q, DEVICE, why);
}

static int add_all(const struct report_request *x, struct bundle *ret, struct cause *why)
{
	struct bytes all = { x->tdreport, sizeof(x->tdreport) };
	int r;

	if (bytes_all_zero(&all))
		return cause_set(why, -EBADMSG, "the TDREPORT is empty");
	r = bundle_add_text(ret, BUNDLE_TYPE, "tdreport");
	if (r >= 0)
		r = bundle_add_text(ret, BUNDLE_PROVIDER, "tdx-guest");
	if (r >= 0)
		r = bundle_add(ret, BUNDLE_TDREPORT, x->tdreport, sizeof(x->tdreport));
	if (r >= 0)
		r = bundle_add_text(
			ret, BUNDLE_NOTE,
			"quote: absent, it comes through configfs-tsm (Linux 6.7) only; "
			"a TDREPORT proves nothing outside this machine");
	return r;
}

static int tdx_report(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	_cleanup_(closep) int fd = provider_open_device(q, DEVICE, why);
	struct report_request x = { 0 };

	if (fd < 0)
		return fd;
	if (q->service || q->privlevel >= 0)
		return cause_set(why, -EOPNOTSUPP,
				 "a TDX guest has neither privilege levels nor services");
	memcpy(x.reportdata, q->nonce, sizeof(x.reportdata));
	for (unsigned n = 1; ioctl(fd, TDX_CMD_GET_REPORT0, &x) < 0; n++) {
		if (errno == ENOTTY)
			return cause_set(why, -ENOTTY, DEVICE " is another device");
		if ((errno != EBUSY && errno != EINTR && errno != EAGAIN) || !provider_pause(q, n))
			return cause_set(why, -errno, "the TDX module makes no report: %s",
					 strerror(errno));
	}
	return add_all(&x, ret, why);
}

const struct attest_provider attest_tdx_guest = {
	.name = "tdx-guest",
	.probe = tdx_probe,
	.report = tdx_report,
};

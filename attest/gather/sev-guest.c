/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/sev-guest, for kernels before configfs-tsm: an SNP report and the host's certificates.
 * Source: the kernel's Documentation/virt/coco/sev-guest.rst.  The structures are written out
 * here because the member with the errors has another name in newer kernel headers.
 */
#include <sys/ioctl.h>

#include "attest/gather/provider.h"
#include "base/io.h"
#include "wire/bytes.h"

#define DEVICE "/dev/sev-guest"
#define REPORT_LEN 1184
#define CERTS_FIRST (16 * 4096u)
#define CERTS_MAX (64 * 4096u)
#define VMM_BUFFER_SMALL 1
#define VMM_BUSY 2

struct guest_request {
	uint8_t msg_version;
	uint64_t req_data, resp_data;
	uint32_t fw_error, vmm_error;
};
static_assert(sizeof(struct guest_request) == 32, "struct snp_guest_request_ioctl");

struct ext_report_request {
	uint8_t user_data[64];
	uint32_t vmpl;
	uint8_t reserved[28];
	uint64_t certs_address;		/* page-aligned */
	uint32_t certs_len;
};
static_assert(sizeof(struct ext_report_request) == 112, "struct snp_ext_report_req");

/* u32 status, u32 size, 24 reserved bytes, the report */
#define RESPONSE_LEN 4000
#define RESPONSE_REPORT 32

#define SNP_GET_EXT_REPORT _IOWR('S', 2, struct guest_request)
static_assert(SNP_GET_EXT_REPORT == 0xc0205302, "SNP_GET_EXT_REPORT");

static int sev_probe(const struct attest_request *q, struct cause *why)
{
	return provider_probe_device(q, DEVICE, why);
}

struct extended {
	struct ext_report_request req;
	uint8_t response[RESPONSE_LEN];
	uint8_t *certs;		/* whole pages, req.certs_len bytes */
};

/*
 * Returns 0; -ENOBUFS if more room is needed, and x->req.certs_len then says how much; -EAGAIN if
 * host or firmware are busy; another errno.
 */
static int ask_once(int fd, struct extended *x, struct cause *why)
{
	struct guest_request g = {
		.msg_version = 1,
		.req_data = (uint64_t)(uintptr_t)&x->req,
		.resp_data = (uint64_t)(uintptr_t)x->response,
	};
	int e;

	memset(x->response, 0, sizeof(x->response));
	if (ioctl(fd, SNP_GET_EXT_REPORT, &g) == 0)
		return 0;
	e = errno;
	if (g.vmm_error == VMM_BUFFER_SMALL)
		return -ENOBUFS;
	if (g.vmm_error == VMM_BUSY || e == EBUSY || e == EINTR || e == EAGAIN)
		return cause_set(why, -EAGAIN, "the host says that it is busy");
	if (e == ENOTTY)
		return cause_set(why, -ENOTTY, DEVICE " is another device");
	return cause_set(why, -e, "the firmware refuses a report: %s (firmware %#x, host %#x)",
			 strerror(e), g.fw_error, g.vmm_error);
}

static int grow(struct extended *x, struct cause *why)
{
	uint32_t len = x->req.certs_len;

	/* The host says how much room it wants; the kernel takes only whole pages. */
	if (len == 0 || len % 4096 || len > CERTS_MAX)
		return cause_set(why, -EMSGSIZE, "the host wants %u bytes for certificates", len);
	free(x->certs);
	x->certs = NULL;
	if (posix_memalign((void **)&x->certs, 4096, len) != 0)
		return -ENOMEM;
	memset(x->certs, 0, len);
	x->req.certs_address = (uint64_t)(uintptr_t)x->certs;
	return 0;
}

static int ask(const struct attest_request *q, int fd, struct extended *x, struct cause *why)
{
	bool grown = false;
	unsigned n = 1;
	int r = grow(x, why);

	while (r >= 0) {
		r = ask_once(fd, x, why);
		if (r == -ENOBUFS && !grown) {
			grown = true;
			r = grow(x, why);
		} else if (r == -ENOBUFS)
			return cause_set(why, -EBADMSG,
					 "the host wants more room for certificates each time");
		else if (r == -EAGAIN && provider_pause(q, n++))
			r = 0;
		else
			break;
	}
	return r;
}

/* The host fills as much of the room as it likes.  Zeros at the end are padding. */
static int add_certs(const struct extended *x, struct bundle *ret)
{
	size_t len = x->req.certs_len;

	while (len > 0 && x->certs[len - 1] == 0)
		len--;
	if (len == 0)
		return bundle_add_text(ret, BUNDLE_NOTE,
				       "cert-table: absent, the host gave no certificates");
	/* The entry that ends the list is 24 zeros as well. */
	return bundle_add(ret, BUNDLE_CERT_TABLE, x->certs,
			  MIN(len + 24, (size_t)x->req.certs_len));
}

static int add_all(const struct extended *x, struct bundle *ret, struct cause *why)
{
	uint32_t status = get_u32le(x->response), size = get_u32le(x->response + 4);
	int r;

	if (status != 0)
		return cause_set(why, -EIO, "the firmware made no report, status %#x", status);
	if (size < REPORT_LEN || size > RESPONSE_LEN - RESPONSE_REPORT)
		return cause_set(why, -EBADMSG, "the report has %u bytes, %d are needed", size,
				 REPORT_LEN);
	r = bundle_add_text(ret, BUNDLE_TYPE, "snp");
	if (r >= 0)
		r = bundle_add_text(ret, BUNDLE_PROVIDER, "sev-guest");
	if (r >= 0)
		r = bundle_add(ret, BUNDLE_REPORT, x->response + RESPONSE_REPORT, size);
	return r < 0 ? r : add_certs(x, ret);
}

static int sev_report(const struct attest_request *q, struct bundle *ret, struct cause *why)
{
	_cleanup_(closep) int fd = provider_open_device(q, DEVICE, why);
	struct extended x = {
		.req = {
			.vmpl = q->privlevel >= 0 ? (uint32_t)q->privlevel : 0,
			.certs_len = CERTS_FIRST,
		},
	};
	int r;

	if (fd < 0)
		return fd;
	if (q->service)
		return cause_set(why, -EOPNOTSUPP,
				 "services of an SVSM can be asked through configfs-tsm only");
	memcpy(x.req.user_data, q->nonce, sizeof(x.req.user_data));
	r = ask(q, fd, &x, why);
	if (r >= 0)
		r = add_all(&x, ret, why);
	free(x.certs);
	return r;
}

const struct attest_provider attest_sev_guest = {
	.name = "sev-guest",
	.probe = sev_probe,
	.report = sev_report,
};

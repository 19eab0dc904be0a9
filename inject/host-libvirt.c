/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest of libvirt's, started paused (virsh create --paused).  The library is loaded when it
 * is asked for: it is large, and an owner who works on files or on a plain QEMU need not have
 * it.
 */
#include "inject/host.h"

#ifdef HAVE_LIBVIRT

#include <stdio.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/base64.h"
#include "base/text.h"
#include "net/library.h"

#define LIBRARY "libvirt.so.0"
#define FUNCTIONS(X)                                                                                                             \
	X(virConnectOpen) X(virConnectClose) X(virDomainLookupByName) X(virDomainLookupByUUIDString) X(virDomainFree) X(virDomainGetState) \
	X(virDomainGetLaunchSecurityInfo) X(virDomainSetLaunchSecurityState) X(virDomainResume) X(virTypedParamsAddString)           \
	X(virTypedParamsAddULLong) X(virTypedParamsGetString) X(virTypedParamsGetUInt) X(virTypedParamsFree) X(virGetLastErrorMessage) \
	X(virSetErrorFunc)

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

struct host_libvirt {
	struct host host;
	virConnectPtr connection;
	virDomainPtr domain;
};

static struct host_libvirt *libvirt_of(struct host *h)
{
	return (struct host_libvirt *)h;
}

static enum status load(void)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	char error[256];

	if (library_load(LIBRARY, &lib, functions, error, sizeof(error)) < 0)
		return give_up(STATUS_USAGE, "--libvirt needs libvirt's library, 8.0 or newer: %s",
			       error);
	return STATUS_GOOD;
}

/* libvirt's words, which may be the host's: printable, one line. */
static const char *last_error(void)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s", lib.virGetLastErrorMessage_());
	make_printable(text);
	return text;
}

/* It would print each error itself. */
static void ignore_error(void *data, virErrorPtr error)
{
}

struct params {
	virTypedParameterPtr p;
	int n;
};

static void params_done(struct params *params)
{
	if (params->p)
		lib.virTypedParamsFree_(params->p, params->n);
}

static enum status check_paused(struct host *h)
{
	struct host_libvirt *v = libvirt_of(h);
	int state, why;

	if (lib.virDomainGetState_(v->domain, &state, &why, 0) < 0)
		return give_up(STATUS_UNDECIDED, "libvirt does not tell the guest's state: %s",
			       last_error());
	if (state != VIR_DOMAIN_PAUSED)
		return give_up(STATUS_CHECK,
			       "The guest is not stopped before its start; start it with 'virsh start --paused'");
	return STATUS_GOOD;
}

static enum status get_info(struct host_libvirt *v, struct params *ret)
{
	*ret = (struct params){ NULL };
	if (lib.virDomainGetLaunchSecurityInfo_(v->domain, &ret->p, &ret->n, 0) < 0)
		return give_up(STATUS_CHECK,
			       "libvirt has no launch measurement of the guest, is it protected by SEV? %s",
			       last_error());
	return STATUS_GOOD;
}

static bool get_number(const struct params *params, const char *name, unsigned max, unsigned *ret)
{
	unsigned n;

	if (lib.virTypedParamsGetUInt_(params->p, params->n, name, &n) != 1 || n > max)
		return false;
	*ret = n;
	return true;
}

static enum status check_sev(struct host *h, struct host_launch *ret)
{
	_cleanup_(params_done) struct params params = { NULL };
	unsigned policy = 0, major = 0, minor = 0, build = 0;
	enum status status;

	status = get_info(libvirt_of(h), &params);
	if (status != STATUS_GOOD)
		return status;
	*ret = (struct host_launch){ .has_policy = get_number(&params, VIR_DOMAIN_LAUNCH_SECURITY_SEV_POLICY, UINT32_MAX, &policy) };
	ret->has_version = get_number(&params, VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MAJOR, UINT8_MAX,
				      &major) &&
			   get_number(&params, VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MINOR, UINT8_MAX,
				      &minor) &&
			   get_number(&params, VIR_DOMAIN_LAUNCH_SECURITY_SEV_BUILD_ID, UINT8_MAX,
				      &build);
	ret->measured = (struct measured){ (uint8_t)major, (uint8_t)minor, (uint8_t)build, policy };
	return STATUS_GOOD;
}

static enum status get_measurement(struct host *h,
				   uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN])
{
	_cleanup_(params_done) struct params params = { NULL };
	struct host_libvirt *v = libvirt_of(h);
	const char *text = NULL;
	enum status status;

	status = get_info(v, &params);
	if (status != STATUS_GOOD)
		return status;
	if (lib.virTypedParamsGetString_(params.p, params.n,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_MEASUREMENT, &text) != 1)
		return give_up(STATUS_CHECK,
			       "libvirt has no launch measurement of the guest; a guest with SEV-SNP has none");
	return host_decode_measurement("libvirt's", text, ret);
}

static enum status send(struct host *h, const struct packet *p, const uint64_t *gpa)
{
	_cleanup_(params_done) struct params params = { NULL };
	_cleanup_(freep) char *header = NULL, *payload = NULL;
	struct host_libvirt *v = libvirt_of(h);
	int max = 0;

	if (base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0 ||
	    lib.virTypedParamsAddString_(&params.p, &params.n, &max,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER, header) < 0 ||
	    lib.virTypedParamsAddString_(&params.p, &params.n, &max,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET, payload) < 0 ||
	    (gpa && lib.virTypedParamsAddULLong_(&params.p, &params.n, &max,
						 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS,
						 *gpa) < 0)) {
		log_oom();
		return STATUS_IO;
	}
	if (lib.virDomainSetLaunchSecurityState_(v->domain, params.p, params.n, 0) < 0) {
		const char *desc = last_error();

		return give_up(STATUS_CHECK, "The secrets are refused: %s (%s)", desc,
			       host_firmware_hint(desc));
	}
	return STATUS_GOOD;
}

static enum status start(struct host *h)
{
	struct host_libvirt *v = libvirt_of(h);

	if (lib.virDomainResume_(v->domain) < 0)
		return give_up(STATUS_UNDECIDED,
			       "The secrets are in the guest, but libvirt does not let it run: %s",
			       last_error());
	return STATUS_GOOD;
}

/* The library stays: it has threads and exit handlers of its own. */
static struct host *free_host(struct host *h)
{
	struct host_libvirt *v = libvirt_of(h);

	if (v->domain)
		(void) lib.virDomainFree_(v->domain);
	if (v->connection)
		(void) lib.virConnectClose_(v->connection);
	free(v);
	return NULL;
}

static const struct host_ops libvirt_ops = { check_paused, check_sev, get_measurement, send, start, free_host };

enum status host_open_libvirt(const char *uri, const char *domain, struct host **ret)
{
	_cleanup_(host_freep) struct host *h = calloc(1, sizeof(struct host_libvirt));
	struct host_libvirt *v = libvirt_of(h);
	enum status status;

	if (!h) {
		log_oom();
		return STATUS_IO;
	}
	h->ops = &libvirt_ops;
	status = load();
	if (status != STATUS_GOOD)
		return status;
	lib.virSetErrorFunc_(NULL, ignore_error);
	v->connection = lib.virConnectOpen_(uri);
	if (!v->connection)
		return give_up(STATUS_UNDECIDED, "No connection to libvirt%s%s: %s", uri ? " at " : "", uri ? uri : "", last_error());
	v->domain = lib.virDomainLookupByName_(v->connection, domain);
	if (!v->domain)
		v->domain = lib.virDomainLookupByUUIDString_(v->connection, domain);
	if (!v->domain)
		return give_up(STATUS_UNDECIDED, "libvirt knows no guest '%s': %s", domain,
			       last_error());
	*ret = TAKE_PTR(h);
	return STATUS_GOOD;
}

#else

enum status host_open_libvirt(const char *uri, const char *domain, struct host **ret)
{
	return give_up(STATUS_USAGE,
		       "This coco-inject was built without libvirt; take --qmp, or its packet verb with virsh domsetlaunchsecstate");
}

#endif

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A guest of libvirt's, started paused (virsh create --paused).  The library is loaded when it
 * is asked for: it is large, and an owner who works on files or on a plain QEMU need not have
 * it.
 */
#include "inject/host/host.h"

#ifdef HAVE_LIBVIRT

#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/base64.h"
#include "base/library.h"
#include "base/log.h"
#include "base/text.h"

#define LIBRARY "libvirt.so.0"
#define FUNCTIONS(X)						\
	X(virConnectOpen) X(virConnectClose)			\
	X(virConnectIsAlive)					\
	X(virDomainLookupByName) X(virDomainLookupByUUIDString)	\
	X(virDomainFree) X(virDomainGetState)			\
	X(virDomainIsActive) X(virDomainGetXMLDesc)		\
	X(virDomainGetLaunchSecurityInfo)			\
	X(virDomainSetLaunchSecurityState)			\
	X(virDomainResume)					\
	X(virTypedParamsAddString) X(virTypedParamsAddULLong)	\
	X(virTypedParamsGetString) X(virTypedParamsGetUInt)	\
	X(virTypedParamsFree)					\
	X(virGetLastErrorMessage) X(virGetLastErrorCode)	\
	X(virSetErrorFunc)

LIBRARY_NOTE(LIBRARY, "libvirt", "suggested", "Guests that libvirt manages");

static struct {
	FUNCTIONS(LIBRARY_MEMBER)
} lib;

struct host_libvirt {
	struct host host;
	uint64_t timeout_usec;
	virConnectPtr connection;
	virDomainPtr domain;
	bool lost;		/* it is still busy with a call that we have given up */
};

static struct host_libvirt *libvirt_of(struct host *h)
{
	return (struct host_libvirt *)h;
}

static int load(struct cause *why)
{
	static const struct library_function functions[] = { FUNCTIONS(LIBRARY_ROW) { NULL } };
	char error[256];

	if (library_load(LIBRARY, &lib, functions, error, sizeof(error)) < 0)
		return cause_set(why, -EINVAL,
				 "--libvirt needs libvirt's library, 8.0 or newer: %s", error);
	return 0;
}

/* ---- a call, with a deadline ---- */

/*
 * A call of libvirt's takes as long as the other side wants.  So each call has a thread of its own,
 * and is waited for no longer than --timeout.  A late call is left behind, with all that it has,
 * until the program ends.
 */
struct call {
	int (*make)(struct call *c);	/* < 0: an error of libvirt's */
	struct host_libvirt *host;
	const char *uri, *name;		/* of the connection, of the guest */
	virConnectPtr connection;
	virDomainPtr domain;
	virTypedParameterPtr params;
	int n_params;
	int state;
	char *xml;
	int r;
	int code;			/* of an error */
	bool is_gone;			/* libvirt or the guest has left: an error is no answer */
	bool is_over, is_late;		/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t over;
	char error[512];		/* libvirt's words, or the host's: printable, one line */
};

static struct call *late_call;	/* at most one: after it nothing more is asked */

static void *call_main(void *arg)
{
	struct call *c = arg;

	c->r = c->make(c);
	/* The library keeps an error for each thread, the last one. */
	if (c->r < 0) {
		c->code = lib.virGetLastErrorCode_();
		snprintf(c->error, sizeof(c->error), "%s", lib.virGetLastErrorMessage_());
		make_printable(c->error);
		c->is_gone = (c->connection && lib.virConnectIsAlive_(c->connection) != 1) ||
			     (c->domain && lib.virDomainIsActive_(c->domain) == 0);
	}
	(void) pthread_mutex_lock(&c->lock);
	c->is_over = true;
	(void) pthread_cond_signal(&c->over);
	(void) pthread_mutex_unlock(&c->lock);
	return NULL;
}

static int call_new(struct host_libvirt *v, int (*make)(struct call *), struct call **ret)
{
	struct call *c = calloc(1, sizeof(*c));
	pthread_condattr_t clock;

	if (!c)
		return -ENOMEM;
	c->host = v;
	c->make = make;
	c->connection = v->connection;
	c->domain = v->domain;
	(void) pthread_mutex_init(&c->lock, NULL);
	(void) pthread_condattr_init(&clock);
	(void) pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&c->over, &clock);
	(void) pthread_condattr_destroy(&clock);
	*ret = c;
	return 0;
}

/* A late call is not freed: its thread still uses it. */
static struct call *call_free(struct call *c)
{
	if (!c || c->is_late)
		return NULL;
	if (c->params)
		lib.virTypedParamsFree_(c->params, c->n_params);
	free(c->xml);
	(void) pthread_cond_destroy(&c->over);
	(void) pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}
DEFINE_CLEANUP(struct call *, call_free)

static void deadline_of(uint64_t timeout_usec, struct timespec *ret)
{
	uint64_t sec = MIN(timeout_usec / 1000000, (uint64_t)INT32_MAX);

	(void) clock_gettime(CLOCK_MONOTONIC, ret);
	ret->tv_sec += (time_t)sec;
	ret->tv_nsec += (long)(timeout_usec % 1000000 * 1000);
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_nsec -= 1000000000;
		ret->tv_sec++;
	}
}

/* Returns 0 if the call was made, with its result in @c; -ETIMEDOUT; another negative errno. */
static int call_run(struct call *c)
{
	struct timespec deadline;
	pthread_t thread;
	int r;

	if (c->host->lost)
		return -ETIMEDOUT;
	deadline_of(c->host->timeout_usec, &deadline);
	r = pthread_create(&thread, NULL, call_main, c);
	if (r != 0)
		return -r;
	(void) pthread_mutex_lock(&c->lock);
	while (!c->is_over && r == 0)
		r = pthread_cond_timedwait(&c->over, &c->lock, &deadline);
	if (!c->is_over) {
		c->is_late = c->host->lost = true;
		late_call = c;
	}
	(void) pthread_mutex_unlock(&c->lock);
	if (c->is_late) {
		(void) pthread_detach(thread);
		return -ETIMEDOUT;
	}
	return -pthread_join(thread, NULL);
}

/* Make the call @c.  Returns 0 when libvirt answered, with an error of its own perhaps. */
static int run(struct call *c, const char *what, struct cause *why)
{
	int r = call_run(c);

	if (r == -ETIMEDOUT)
		return cause_set(why, -ENODATA, "%s: no answer from libvirt in time, see --timeout",
				 what);
	if (r < 0)
		return cause_set_io(why, r, "Failed to ask libvirt: %m");
	return 0;
}

static int begin(struct host_libvirt *v, int (*make)(struct call *), struct call **ret,
		 struct cause *why)
{
	if (call_new(v, make, ret) == 0)
		return 0;
	return cause_set_oom(why);
}

/* What an error of libvirt's means: it refuses, or it has gone and nobody knows. */
static int error_of(const struct call *c)
{
	return c->is_gone ? -ENODATA : -EPERM;
}

/* Without this, libvirt prints each error itself. */
static void ignore_error(void *data, virErrorPtr error)
{
}

static int call_state(struct call *c)
{
	int why;

	return lib.virDomainGetState_(c->domain, &c->state, &why, 0);
}

static int check_paused(struct host *h, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	int r = begin(libvirt_of(h), call_state, &c, why);

	if (r == 0)
		r = run(c, "The guest's state is not known", why);
	if (r < 0)
		return r;
	if (c->r < 0)
		return cause_set(why, error_of(c), "libvirt does not tell the guest's state: %s",
				 c->error);
	if (c->state != VIR_DOMAIN_PAUSED)
		return cause_set(why, -EPERM,
				 "The guest is not stopped before its start; start it with 'virsh "
				 "start --paused'");
	return 0;
}

static int call_info(struct call *c)
{
	return lib.virDomainGetLaunchSecurityInfo_(c->domain, &c->params, &c->n_params, 0);
}

static int call_xml(struct call *c)
{
	c->xml = lib.virDomainGetXMLDesc_(c->domain, 0);
	return c->xml ? 0 : -1;
}

/*
 * The kind of protection that the guest's XML names, of those that take no launch secret; NULL
 * for another.  It is for a message only, so no reader of XML is needed.
 */
static const struct host_kind *kind_of_xml(const char *xml)
{
	const char *tag = strstr(xml, "<launchSecurity ");
	const char *type = tag ? strstr(tag, "type=") : NULL;
	char word[32];
	size_t len;

	if (!type || type > tag + strcspn(tag, ">") || (type[5] != '\'' && type[5] != '"'))
		return NULL;
	type += 6;
	len = strcspn(type, "'\"");
	if (len >= sizeof(word))
		return NULL;
	memcpy(word, type, len);
	word[len] = '\0';
	return host_kind_of_word(word);
}

/* Why the guest has no measurement: the kind of its protection, or else what @error says. */
static int refuse_guest(struct host_libvirt *v, const char *error, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	const struct host_kind *kind = NULL;

	if (begin(v, call_xml, &c, why) == 0 && call_run(c) == 0 && c->r == 0)
		kind = kind_of_xml(c->xml);
	if (kind)
		return host_refuse_kind(kind, why);
	return cause_set(why, -EOPNOTSUPP,
			 "libvirt has no launch measurement of the guest, is it protected by SEV? "
			 "%s",
			 error);
}

/* What libvirt knows of the launch, in the call's parameters. */
static int get_info(struct host_libvirt *v, struct call **ret, const char **ret_measurement,
		    struct cause *why)
{
	int r = begin(v, call_info, ret, why);
	struct call *c = *ret;

	*ret_measurement = NULL;
	if (r == 0)
		r = run(c, "The launch measurement is not known", why);
	if (r < 0)
		return r;
	if (c->r < 0 && c->is_gone)
		return cause_set(why, -ENODATA, "The launch measurement is not known: %s",
				 c->error);
	if (c->r < 0)
		return refuse_guest(v, c->error, why);
	if (lib.virTypedParamsGetString_(c->params, c->n_params,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_MEASUREMENT,
					 ret_measurement) != 1)
		return refuse_guest(v, "It tells none", why);
	return 0;
}

static bool get_number(const struct call *c, const char *name, unsigned max, unsigned *ret)
{
	unsigned n;

	if (lib.virTypedParamsGetUInt_(c->params, c->n_params, name, &n) != 1 || n > max)
		return false;
	*ret = n;
	return true;
}

static int check_sev(struct host *h, struct host_launch *ret, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	unsigned policy = 0, major = 0, minor = 0, build = 0;
	const char *measurement;
	int r;

	r = get_info(libvirt_of(h), &c, &measurement, why);
	if (r < 0)
		return r;
	*ret = (struct host_launch){ .has_policy = false };
	ret->has_policy = get_number(c, VIR_DOMAIN_LAUNCH_SECURITY_SEV_POLICY, UINT32_MAX, &policy);
	ret->has_version =
		get_number(c, VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MAJOR, UINT8_MAX, &major) &&
		get_number(c, VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MINOR, UINT8_MAX, &minor) &&
		get_number(c, VIR_DOMAIN_LAUNCH_SECURITY_SEV_BUILD_ID, UINT8_MAX, &build);
	ret->measured = (struct measured){ (uint8_t)major, (uint8_t)minor, (uint8_t)build, policy };
	return 0;
}

static int get_measurement(struct host *h, uint8_t ret[static SEV_MEASURE_LEN + SEV_NONCE_LEN],
			   struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	const char *text = NULL;
	int r;

	r = get_info(libvirt_of(h), &c, &text, why);
	if (r < 0)
		return r;
	return host_decode_measurement("libvirt's", text, ret, why);
}

static int call_send(struct call *c)
{
	return lib.virDomainSetLaunchSecurityState_(c->domain, c->params, c->n_params, 0);
}

static int send(struct host *h, const struct packet *p, const uint64_t *gpa, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	_cleanup_(freep) char *header = NULL, *payload = NULL;
	int max = 0;
	int r;

	r = begin(libvirt_of(h), call_send, &c, why);
	if (r < 0)
		return r;
	if (base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0 ||
	    lib.virTypedParamsAddString_(&c->params, &c->n_params, &max,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER,
					 header) < 0 ||
	    lib.virTypedParamsAddString_(&c->params, &c->n_params, &max,
					 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET, payload) < 0 ||
	    (gpa && lib.virTypedParamsAddULLong_(&c->params, &c->n_params, &max,
						 VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS,
						 *gpa) < 0))
		return cause_set_oom(why);
	r = run(c, "Whether the secrets are in the guest is not known", why);
	if (r < 0)
		return r;
	if (c->r < 0 && c->is_gone)
		return cause_set(why, -ENODATA,
				 "Whether the secrets are in the guest is not known: %s", c->error);
	if (c->r < 0)
		return cause_set(why, -EPERM, "The secrets are refused: %s (%s)", c->error,
				 host_firmware_hint(c->error));
	return 0;
}

static int call_resume(struct call *c)
{
	return lib.virDomainResume_(c->domain);
}

static int start(struct host *h, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	int r = begin(libvirt_of(h), call_resume, &c, why);

	if (r == 0)
		r = run(c, "The secrets are in the guest, and whether it runs is not known", why);
	if (r < 0)
		return r;
	if (c->r < 0)
		return cause_set(why, -ENODATA,
				 "The secrets are in the guest, but libvirt does not let it run: "
				 "%s",
				 c->error);
	return 0;
}

static int call_close(struct call *c)
{
	if (c->domain)
		(void) lib.virDomainFree_(c->domain);
	if (c->connection)
		(void) lib.virConnectClose_(c->connection);
	return 0;
}

/* The library stays loaded: it has threads and exit handlers of its own. */
static struct host *free_host(struct host *h)
{
	_cleanup_(call_freep) struct call *c = NULL;
	struct host_libvirt *v = libvirt_of(h);

	/* If it does not end, there is nothing more to say. */
	if (!v->lost && call_new(v, call_close, &c) == 0)
		(void) call_run(c);
	if (!v->lost)
		free(v);
	return NULL;
}

static const struct host_ops libvirt_ops = {
	.check_paused = check_paused,
	.check_sev = check_sev,
	.get_measurement = get_measurement,
	.send = send,
	.start = start,
	.free = free_host,
};

static int call_open(struct call *c)
{
	c->connection = lib.virConnectOpen_(c->uri);
	return c->connection ? 0 : -1;
}

static int call_lookup(struct call *c)
{
	c->domain = lib.virDomainLookupByName_(c->connection, c->name);
	if (!c->domain)
		c->domain = lib.virDomainLookupByUUIDString_(c->connection, c->name);
	return c->domain ? 0 : -1;
}

static int open_connection(struct host_libvirt *v, const char *uri, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	int r = begin(v, call_open, &c, why);

	if (r < 0)
		return r;
	c->uri = uri;
	r = run(c, "No connection to libvirt", why);
	if (r < 0)
		return r;
	if (c->r < 0)
		/* A broken connection decides nothing; that there is none concerns this machine. */
		return cause_set(why, c->code == VIR_ERR_RPC ? -ENODATA : -EIO,
				 "No connection to libvirt%s%s: %s", uri ? " at " : "",
				 uri ? uri : "", c->error);
	v->connection = c->connection;
	return 0;
}

static int find_domain(struct host_libvirt *v, const char *name, struct cause *why)
{
	_cleanup_(call_freep) struct call *c = NULL;
	int r = begin(v, call_lookup, &c, why);

	if (r < 0)
		return r;
	c->name = name;
	r = run(c, "The guest is not found", why);
	if (r < 0)
		return r;
	if (c->r < 0)
		return cause_set(why, c->is_gone ? -ENODATA : -EIO,
				 "libvirt knows no guest '%s': %s", name, c->error);
	v->domain = c->domain;
	return 0;
}

int host_open_libvirt(const char *uri, const char *domain, uint64_t timeout_usec, struct host **ret,
		      struct cause *why)
{
	_cleanup_(host_freep) struct host *h = calloc(1, sizeof(struct host_libvirt));
	struct host_libvirt *v = libvirt_of(h);
	int r;

	if (!h)
		return cause_set_oom(why);
	h->ops = &libvirt_ops;
	v->timeout_usec = timeout_usec;
	r = load(why);
	if (r < 0) {
		/* There is nothing to close, and nothing to close it with. */
		free(TAKE_PTR(h));
		return r;
	}
	lib.virSetErrorFunc_(NULL, ignore_error);
	r = open_connection(v, uri, why);
	if (r == 0)
		r = find_domain(v, domain, why);
	if (r == 0)
		*ret = TAKE_PTR(h);
	return r;
}

#else

int host_open_libvirt(const char *uri, const char *domain, uint64_t timeout_usec, struct host **ret,
		      struct cause *why)
{
	return cause_set(why, -EINVAL,
			 "This coco-inject was built without libvirt; take --qmp, or its packet "
			 "verb with virsh domsetlaunchsecstate");
}

#endif

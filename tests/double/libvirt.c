/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A test double of libvirt's library: the few functions that coco-inject calls, for one guest
 * named "vm" behind the monitor double:SOCKET (tests/double/security-processor).  For tests only:
 * it believes everything and stops at the first surprise.
 *
 * It is loaded as libvirt.so.0 through LD_LIBRARY_PATH, and shares no code with what it tests.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

struct _virConnect {
	int monitor;	/* not a FILE: exit() would wait for a FILE that another thread reads */
	bool is_gone;
};
struct _virDomain {
	virConnectPtr connection;
};

static char last[512] = "no error";
static int last_code;

static int fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(int code, const char *format, ...)
{
	va_list ap;

	last_code = code;
	va_start(ap, format);
	vsnprintf(last, sizeof(last), format, ap);
	va_end(ap);
	return -1;
}

const char *virGetLastErrorMessage(void)
{
	return last;
}

int virGetLastErrorCode(void)
{
	return last_code;
}

int virConnectIsAlive(virConnectPtr c)
{
	return !c->is_gone;
}

void virSetErrorFunc(void *data, virErrorFunc handler)
{
}

static bool read_line(virConnectPtr c, char *line, size_t size)
{
	for (size_t n = 0; n + 1 < size && read(c->monitor, &line[n], 1) == 1; n++)
		if (line[n] == '\n') {
			line[n + 1] = '\0';
			return true;
		}
	c->is_gone = true;
	return false;
}

/* Send one command.  Returns the value of "return" in the answer; NULL after an error. */
static struct json_object *ask(virConnectPtr c, const char *command, const char *arguments)
{
	struct json_object *o, *v;
	char line[65536];

	dprintf(c->monitor, "{\"execute\":\"%s\"%s%s}\n", command,
		arguments ? ",\"arguments\":" : "", arguments ? arguments : "");
	for (;;) {
		if (!read_line(c, line, sizeof(line))) {
			fail(VIR_ERR_INTERNAL_ERROR, "internal error: the monitor is gone");
			return NULL;
		}
		o = json_tokener_parse(line);
		if (json_object_object_get_ex(o, "return", &v))
			return json_object_get(v);
		if (json_object_object_get_ex(o, "error", &v)) {
			json_object_object_get_ex(v, "desc", &v);
			fail(VIR_ERR_INTERNAL_ERROR,
			     "internal error: unable to execute QEMU command '%s': %s", command,
			     json_object_get_string(v));
			return NULL;
		}
	}
}

virConnectPtr virConnectOpen(const char *uri)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	virConnectPtr c = calloc(1, sizeof(*c));
	char greeting[4096];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (!uri || strncmp(uri, "double:", 7) != 0 || !c) {
		fail(VIR_ERR_NO_CONNECT, "no connection driver available for %s",
		     uri ? uri : "the default");
		return NULL;
	}
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", uri + 7);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		fail(VIR_ERR_SYSTEM_ERROR, "Failed to connect socket to '%s': %m", sa.sun_path);
		return NULL;
	}
	c->monitor = fd;
	if (!read_line(c, greeting, sizeof(greeting)) || !ask(c, "qmp_capabilities", NULL)) {
		last_code = VIR_ERR_RPC;
		return NULL;
	}
	return c;
}

int virConnectClose(virConnectPtr c)
{
	return close(c->monitor);
}

virDomainPtr virDomainLookupByName(virConnectPtr c, const char *name)
{
	virDomainPtr d = calloc(1, sizeof(*d));

	if (!d || strcmp(name, "vm") != 0) {
		fail(VIR_ERR_NO_DOMAIN, "Domain not found: no domain with matching name '%s'",
		     name);
		free(d);
		return NULL;
	}
	d->connection = c;
	return d;
}

virDomainPtr virDomainLookupByUUIDString(virConnectPtr c, const char *uuid)
{
	return strcmp(uuid, "5ca1ab1e-0000-4000-8000-000000000001") == 0 ?
		       virDomainLookupByName(c, "vm") :
		       NULL;
}

/* The guest ends with its monitor. */
int virDomainIsActive(virDomainPtr d)
{
	return virConnectIsAlive(d->connection);
}

int virDomainFree(virDomainPtr d)
{
	free(d);
	return 0;
}

int virDomainGetState(virDomainPtr d, int *state, int *reason, unsigned int flags)
{
	struct json_object *o = ask(d->connection, "query-status", NULL), *v;

	if (!o)
		return -1;
	json_object_object_get_ex(o, "running", &v);
	*state = json_object_get_boolean(v) ? VIR_DOMAIN_RUNNING : VIR_DOMAIN_PAUSED;
	*reason = 0;
	return 0;
}

static virTypedParameterPtr add(virTypedParameterPtr *params, int *n, const char *name, int type)
{
	virTypedParameterPtr p;

	*params = realloc(*params, (size_t)(*n + 1) * sizeof(**params));
	p = &(*params)[(*n)++];
	memset(p, 0, sizeof(*p));
	snprintf(p->field, sizeof(p->field), "%s", name);
	p->type = type;
	return p;
}

int virTypedParamsAddString(virTypedParameterPtr *params, int *n, int *max, const char *name,
			    const char *value)
{
	add(params, n, name, VIR_TYPED_PARAM_STRING)->value.s = strdup(value);
	return 0;
}

int virTypedParamsAddULLong(virTypedParameterPtr *params, int *n, int *max, const char *name,
			    unsigned long long value)
{
	add(params, n, name, VIR_TYPED_PARAM_ULLONG)->value.ul = value;
	return 0;
}

static virTypedParameterPtr find(virTypedParameterPtr params, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(params[i].field, name) == 0)
			return &params[i];
	return NULL;
}

int virTypedParamsGetString(virTypedParameterPtr params, int n, const char *name,
			    const char **value)
{
	virTypedParameterPtr p = find(params, n, name);

	if (p)
		*value = p->value.s;
	return p ? 1 : 0;
}

int virTypedParamsGetUInt(virTypedParameterPtr params, int n, const char *name, unsigned int *value)
{
	virTypedParameterPtr p = find(params, n, name);

	if (p)
		*value = p->value.ui;
	return p ? 1 : 0;
}

void virTypedParamsFree(virTypedParameterPtr params, int n)
{
	for (int i = 0; i < n; i++)
		if (params[i].type == VIR_TYPED_PARAM_STRING)
			free(params[i].value.s);
	free(params);
}

int virDomainGetLaunchSecurityInfo(virDomainPtr d, virTypedParameterPtr *params, int *n,
				   unsigned int flags)
{
	static const struct {
		const char *theirs, *qmp;
	} numbers[] = {
		{ VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MAJOR, "api-major" },
		{ VIR_DOMAIN_LAUNCH_SECURITY_SEV_API_MINOR, "api-minor" },
		{ VIR_DOMAIN_LAUNCH_SECURITY_SEV_BUILD_ID, "build-id" },
		{ VIR_DOMAIN_LAUNCH_SECURITY_SEV_POLICY, "policy" },
	};
	struct json_object *sev = ask(d->connection, "query-sev", NULL), *measure, *v;
	int max = 0;

	if (!sev || !json_object_object_get_ex(sev, "enabled", &v) || !json_object_get_boolean(v))
		return fail(VIR_ERR_NO_SUPPORT,
			    "this function is not supported by the connection driver");
	/* Like libvirt 10.5 and later: an SNP guest has a policy, but no measurement. */
	if (json_object_object_get_ex(sev, "sev-type", &v) &&
	    strcmp(json_object_get_string(v), "sev-snp") == 0) {
		json_object_object_get_ex(sev, "snp-policy", &v);
		add(params, n, "sev-snp-policy", VIR_TYPED_PARAM_ULLONG)->value.ul =
			json_object_get_uint64(v);
		return 0;
	}
	measure = ask(d->connection, "query-sev-launch-measure", NULL);
	if (!measure)
		return -1;
	json_object_object_get_ex(measure, "data", &v);
	virTypedParamsAddString(params, n, &max, VIR_DOMAIN_LAUNCH_SECURITY_SEV_MEASUREMENT,
				json_object_get_string(v));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		/* Like libvirt before 8.0, which gave the measurement alone. */
		if (getenv("DOUBLE_OLD_LIBVIRT"))
			break;
		json_object_object_get_ex(sev, numbers[i].qmp, &v);
		add(params, n, numbers[i].theirs, VIR_TYPED_PARAM_UINT)->value.ui = (unsigned)
			json_object_get_int64(v);
	}
	return 0;
}

/* The XML in the file DOUBLE_XML, as if it were the guest's. */
char *virDomainGetXMLDesc(virDomainPtr d, unsigned int flags)
{
	const char *path = getenv("DOUBLE_XML");
	FILE *f = path ? fopen(path, "r") : NULL;
	char *xml = calloc(1, 65536);

	if (f && fread(xml, 1, 65535, f) > 0)
		fclose(f);
	else
		snprintf(xml, 65536, "<domain type='kvm'><name>vm</name></domain>");
	return xml;
}

int virDomainSetLaunchSecurityState(virDomainPtr d, virTypedParameterPtr params, int n,
				    unsigned int flags)
{
	virTypedParameterPtr gpa = find(params, n,
					VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_SET_ADDRESS);
	char address[64] = "", *arguments;

	if (gpa)
		snprintf(address, sizeof(address), ",\"gpa\":%llu", gpa->value.ul);
	if (asprintf(&arguments, "{\"packet-header\":\"%s\",\"secret\":\"%s\"%s}",
		     find(params, n, VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET_HEADER)->value.s,
		     find(params, n, VIR_DOMAIN_LAUNCH_SECURITY_SEV_SECRET)->value.s, address) < 0)
		return -1;
	return ask(d->connection, "sev-inject-launch-secret", arguments) ? 0 : -1;
}

int virDomainResume(virDomainPtr d)
{
	return ask(d->connection, "cont", NULL) ? 0 : -1;
}

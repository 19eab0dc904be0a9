/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "agent/net/refusal.h"

#include <stdio.h>

#include "agent/net/rcar.h"
#include "base/text.h"
#include "wire/jspan.h"

#define DETAIL_MAX 4096		/* bytes of a text that is read at all */
#define QUOTED_MAX 150		/* bytes of it that are shown */
#define MISMATCH "Protocol Version Mismatch: expect "
#define VERSION_CHARACTERS "0123456789.abcdefghijklmnopqrstuvwxyz-+"
#define ID_CHARACTERS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"

/* What a name means at each step.  A name that is not here is NET_REFUSED. */
static const struct {
	const char *name;
	uint8_t errors[_REFUSAL_STEP_MAX];	/* enum net_error */
} meanings[] = {
	{ "PolicyDeny", { NET_REFUSED, NET_POLICY, NET_POLICY, NET_REFUSED } },
	{ "AttestationError", { NET_REFUSED, NET_EVIDENCE, NET_SESSION, NET_SESSION } },
	{ "TokenNotFound", { NET_SESSION, NET_SESSION, NET_SESSION, NET_SESSION } },
	{ "TokenVerifierError", { NET_SESSION, NET_SESSION, NET_SESSION, NET_SESSION } },
	/* Trustee says so also when it has no such resource. */
	{ "PluginInternalError", { NET_REFUSED, NET_REFUSED, NET_ABSENT, NET_REFUSED } },
	/* Only our own broker takes a confirmation. */
	{ "PluginNotFound", { NET_PROTOCOL, NET_PROTOCOL, NET_ABSENT, NET_UNSUPPORTED } },
	{ "InvalidRequestPath", { NET_PROTOCOL, NET_PROTOCOL, NET_ABSENT, NET_UNSUPPORTED } },
	/* These are our own broker's. */
	{ "Released", { NET_REFUSED, NET_REFUSED, NET_RELEASED, NET_REFUSED } },
	{ "Rebooted", { NET_REFUSED, NET_REFUSED, NET_REBOOTED, NET_REFUSED } },
	{ "Approval", { NET_REFUSED, NET_APPROVAL, NET_APPROVAL, NET_REFUSED } },
};

struct refusal {
	char name[DETAIL_MAX], detail[DETAIL_MAX];
	char id[sizeof(((struct net_result *)NULL)->id)];
};

/* A member of @object; "" if it is not there, too long, or not a text. */
static void read_text(struct bytes object, const char *name, char ret[static DETAIL_MAX])
{
	if (jspan_member_string(object, name, ret, DETAIL_MAX) < 0)
		ret[0] = '\0';
}

/* The name is what follows the last '/' of "type". */
static bool read_refusal(struct bytes answer, struct refusal *ret)
{
	struct bytes object;
	char text[DETAIL_MAX];
	const char *slash;

	*ret = (struct refusal){ 0 };
	if (jspan_check(answer, &object) < 0 || jspan_type(object) != JSPAN_OBJECT)
		return false;
	read_text(object, "type", text);
	slash = strrchr(text, '/');
	(void) snprintf(ret->name, sizeof(ret->name), "%s", slash ? slash + 1 : text);
	read_text(object, "detail", ret->detail);
	read_text(object, "id", text);
	if (strlen(text) < sizeof(ret->id) && text[strspn(text, ID_CHARACTERS)] == '\0')
		(void) snprintf(ret->id, sizeof(ret->id), "%.*s", (int)sizeof(ret->id) - 1, text);
	return ret->name[0] != '\0';
}

/* The version that a broker wants, out of "...Mismatch: expect =0.5.0 while the request is ...". */
static bool read_version(const char *detail, char *ret, size_t size)
{
	const char *p = strstr(detail, MISMATCH);
	size_t len;

	if (!p)
		return false;
	p += strlen(MISMATCH);
	p += strspn(p, "=^~<> ");
	len = strspn(p, VERSION_CHARACTERS);
	if (len == 0 || len >= size)
		return false;
	memcpy(ret, p, len);
	ret[len] = '\0';
	return true;
}

static unsigned error_of(enum refusal_step step, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (streq(name, meanings[i].name))
			return meanings[i].errors[step];
	return NET_REFUSED;
}

/* Not the broker itself has answered, but the web server in it, or one in front of it. */
static unsigned error_without_name(int status)
{
	switch (status) {
	case 401:
	case 403:
	case 413:
		return NET_REFUSED;
	default:
		return NET_PROTOCOL;
	}
}

/* A gateway in front of the broker answers 502 or 504 while the broker is down. */
static bool is_busy(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static void set_text(struct net_result *ret, int status, const char *name, const char *detail)
{
	char quoted[QUOTED_MAX + 1], named[64];

	(void) snprintf(quoted, sizeof(quoted), "%.*s", QUOTED_MAX,
			detail[0] ? detail : name);
	(void) snprintf(named, sizeof(named), "%.*s", (int)sizeof(named) - 1, name);
	make_printable(quoted);
	make_printable(named);
	if (!quoted[0])
		(void) snprintf(ret->text, sizeof(ret->text), "HTTP status %d", status);
	else if (ret->error == NET_REFUSED && detail[0] && named[0])
		(void) snprintf(ret->text, sizeof(ret->text), "HTTP status %d, %s: \"%s\"", status,
				named, quoted);
	else
		(void) snprintf(ret->text, sizeof(ret->text), "HTTP status %d, \"%s\"", status,
				quoted);
}

void refusal_read(enum refusal_step step, int status, uint32_t retry_sec, struct bytes answer,
		  struct net_result *ret)
{
	struct refusal f;
	bool named = read_refusal(answer, &f);
	char version[24];
	uint32_t url = ret->url;

	*ret = (struct net_result){ .url = url,
				    .status = status > 0 ? (uint32_t)status : 0,
				    .retry_sec = retry_sec };
	memcpy(ret->id, f.id, sizeof(ret->id));
	if (is_busy(status))
		ret->error = NET_BUSY;
	else if (named && read_version(f.detail, version, sizeof(version))) {
		ret->error = NET_VERSION;
		(void) snprintf(ret->text, sizeof(ret->text),
				"it expects version %s, and cocod speaks " RCAR_VERSION, version);
		return;
	} else
		ret->error = named ? error_of(step, f.name) : error_without_name(status);
	set_text(ret, status, f.name, f.detail);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <time.h>

#include "broker/serve/kbs-call.h"

/* All that this server does.  A path that ends in '/' stands for what is below it. */
static const struct route {
	const char *method, *path;
	enum metric count;
	void (*handle)(struct kbs_call *c);
} routes[] = {
	{ "POST", KBS_PREFIX "auth", METRIC_REQUESTS_AUTH, kbs_auth },
	{ "POST", KBS_PREFIX "attest", METRIC_REQUESTS_ATTEST, kbs_attest },
	{ "GET", KBS_PREFIX "resource/", METRIC_REQUESTS_RESOURCE, kbs_resource },
	{ "POST", KBS_PREFIX "coco/confirm", METRIC_REQUESTS_CONFIRM, kbs_confirm },
	{ "POST", KBS_PREFIX "resource/", METRIC_REQUESTS_ADMIN, kbs_admin_set },
	{ "DELETE", KBS_PREFIX "resource/", METRIC_REQUESTS_ADMIN, kbs_admin_remove },
	{ "POST", KBS_PREFIX "attestation-policy", METRIC_REQUESTS_ADMIN, kbs_admin_rego },
	{ "POST", KBS_PREFIX "resource-policy", METRIC_REQUESTS_ADMIN, kbs_admin_rego },
	{ "GET", KBS_PREFIX "resource-policy", METRIC_REQUESTS_ADMIN, kbs_admin_policies },
	{ "POST", KBS_PREFIX "reference-value", METRIC_REQUESTS_ADMIN, kbs_admin_reference },
	{ "GET", KBS_PREFIX "reference-value/", METRIC_REQUESTS_ADMIN, kbs_admin_reference },
	{ "GET", "/healthz", METRIC_REQUESTS_OTHER, kbs_healthz },
	{ "GET", "/readyz", METRIC_REQUESTS_OTHER, kbs_readyz },
	{ "GET", "/metrics", METRIC_REQUESTS_OTHER, kbs_metrics },
};

static bool is_at(const struct route *r, const struct http_request *q)
{
	size_t len = strlen(r->path);

	if (!streq(r->method, q->method))
		return false;
	if (r->path[len - 1] == '/')
		return strncmp(q->path, r->path, len) == 0;
	return streq(q->path, r->path);
}

/* What Trustee says where it has a plugin of another name, and where it has nothing. */
static void refuse_unknown(struct kbs_call *c)
{
	const char *words = startswith(c->q->path, KBS_PREFIX);
	size_t len = words ? strcspn(words, "/") : 0;
	char detail[160];

	if (len > 0 && words[len] == '/') {
		(void) snprintf(detail, sizeof(detail), "Plugin %.*s not found",
				(int)MIN(len, 100), words);
		kbs_refuse(c, 404, "PluginNotFound", detail, NULL);
	} else {
		(void) snprintf(detail, sizeof(detail), "Request path %.100s is invalid",
				c->q->path);
		kbs_refuse(c, 404, "InvalidRequestPath", detail, NULL);
	}
}

void service_handle(void *userdata, const struct http_request *q, struct http_reply *ret)
{
	struct kbs_call c = {
		.service = userdata,
		.q = q,
		.ret = ret,
		.now = (int64_t)time(NULL),
	};
	const struct route *r = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(routes) && !r; i++)
		if (is_at(&routes[i], q))
			r = &routes[i];
	metrics_count(c.service->metrics, r ? r->count : METRIC_REQUESTS_OTHER);
	if (r)
		r->handle(&c);
	else
		refuse_unknown(&c);
}

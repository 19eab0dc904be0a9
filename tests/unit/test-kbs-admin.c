/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trustee's REST for administrators, /healthz and its like, and what is at no path. */
#include "base/base64.h"
#include "broker/core/evidence-read.h"
#include "broker/serve/refresh.h"
#include "tests/unit/kbs-fixture.h"

/* ---- doubles ---- */

int evidence_read(struct json_object *o, enum broker_tee tee, struct bundle *ret,
		  struct cause *why)
{
	fail();
	return -EIO;
}

static bool has_expired;

bool refresher_is_good(struct refresher *r, int64_t now)
{
	assert_true(now > 0);
	return !has_expired;
}

int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict)
{
	fail();
	return -EIO;
}

int service_release(struct service *s, const struct release_request *q,
		    struct release_answer *ret)
{
	fail();
	return -EIO;
}

static struct {
	unsigned n_set, n_removed;
	char path[BROKER_PATH_LEN], who[80];
	uint8_t value[64];
	size_t len;
	int r;
} change;

int service_secret_set(struct service *s, const struct secret_change *c, uint64_t *ret_version,
		       struct cause *why)
{
	change.n_set++;
	/* A policy is never made here. */
	assert_true(!c->policy && !c->create && c->replace);
	(void) snprintf(change.path, sizeof(change.path), "%s", c->path);
	(void) snprintf(change.who, sizeof(change.who), "%s", c->who);
	change.len = secret_len(c->value);
	memcpy(change.value, secret_data(c->value), MIN(change.len, sizeof(change.value)));
	*ret_version = 2;
	return change.r < 0 ? cause_set(why, change.r, "because of this") : 0;
}

int service_secret_remove(struct service *s, const char *path, const char *who, struct cause *why)
{
	change.n_removed++;
	(void) snprintf(change.path, sizeof(change.path), "%s", path);
	return change.r;
}

void denials_note(struct denials *d, const struct denial *what, char ret_id[static DENIAL_ID_LEN])
{
	fail();
}

void watchers_tell(struct watchers *w, const char *line)
{
	fail();
}

/* ---- an administrator ---- */

static EVP_PKEY *admin, *stranger;

static int begin(void **state)
{
	admin = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	stranger = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return open_service(state);
}

static int end(void **state)
{
	EVP_PKEY_free(admin);
	EVP_PKEY_free(stranger);
	return close_service(state);
}

static int reset(void **state)
{
	memset(&change, 0, sizeof(change));
	service.admin_key = admin;
	return 0;
}

static const char *token(EVP_PKEY *key, int64_t expiry)
{
	static char text[512];
	char claims[128], *h, *c, *s;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sig[64];
	size_t len = sizeof(sig);

	(void) snprintf(claims, sizeof(claims), "{\"exp\":%lld,\"sub\":\"alice\"}",
			(long long)expiry);
	assert_int_equal(base64url_encode((const uint8_t *)"{\"alg\":\"EdDSA\"}", 15, &h), 0);
	assert_int_equal(base64url_encode((const uint8_t *)claims, strlen(claims), &c), 0);
	(void) snprintf(text, sizeof(text), "%s.%s", h, c);
	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, (uint8_t *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	assert_int_equal(base64url_encode(sig, len, &s), 0);
	(void) snprintf(text, sizeof(text), "Bearer %s.%s.%s", h, c, s);
	free(h);
	free(c);
	free(s);
	return text;
}

static const char *good(void)
{
	return token(admin, time(NULL) + 60);
}

static void test_set(void **state)
{
	ask("POST", KBS_PREFIX "resource/a/b/c", "sesame", NULL, good());
	answer_is(200, NULL);
	assert_string_equal(reply.body, "");
	assert_int_equal(change.n_set, 1);
	assert_string_equal(change.path, "a/b/c");
	assert_string_equal(change.who, "token alice");
	assert_int_equal(change.len, 6);
	assert_memory_equal(change.value, "sesame", 6);
	ask("DELETE", KBS_PREFIX "resource/a/b/c", NULL, NULL, good());
	answer_is(200, NULL);
	assert_int_equal(change.n_removed, 1);
}

static void test_set_refused(void **state)
{
	static const struct {
		int error, status;
		const char *says;
	} cases[] = {
		{ -ENOENT, 401, "coco-broker secret add --policy=FILE" },
		{ -EBADMSG, 401, "because of this" },
		{ -EPERM, 401, "because of this" },
		{ -EAGAIN, 503, "ask again" },
		{ -ENOSPC, 503, "ask again" },
		{ -ENOMEM, 503, "ask again" },
	};
	struct http_request q = { .method = "POST", .path = KBS_PREFIX "resource/a/b/c",
				  .peer = "x" };
	static uint8_t large[JWE_CIPHERTEXT_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		change.r = cases[i].error;
		ask("POST", KBS_PREFIX "resource/a/b/c", "sesame", NULL, good());
		answer_is(cases[i].status, NULL);
		answer_says(cases[i].says);
	}
	change.n_set = 0;
	ask("POST", KBS_PREFIX "resource/a/b/c", "", NULL, good());
	answer_is(401, "PluginInternalError");
	q.body = (struct bytes){ large, sizeof(large) };
	q.authorization = good();
	ask_with(&q);
	answer_is(401, "PluginInternalError");
	ask("POST", KBS_PREFIX "resource/a/b", "sesame", NULL, good());
	answer_is(404, "InvalidRequestPath");
	ask("POST", KBS_PREFIX "resource/+a/b", "sesame", NULL, good());
	answer_is(404, "InvalidRequestPath");
	ask("DELETE", KBS_PREFIX "resource/", NULL, NULL, good());
	answer_is(404, "InvalidRequestPath");
	q = (struct http_request){ .method = "DELETE", .path = KBS_PREFIX "resource/a/b/c",
				   .query = "d", .peer = "x", .authorization = good() };
	ask_with(&q);
	answer_is(404, "InvalidRequestPath");
	assert_int_equal(change.n_set + change.n_removed, 0);
}

static const struct {
	const char *method, *path;
} orders[] = {
	{ "POST", KBS_PREFIX "resource/a/b/c" },
	{ "DELETE", KBS_PREFIX "resource/a/b/c" },
	{ "POST", KBS_PREFIX "resource/" },
	{ "POST", KBS_PREFIX "attestation-policy" },
	{ "POST", KBS_PREFIX "resource-policy" },
	{ "GET", KBS_PREFIX "resource-policy" },
	{ "POST", KBS_PREFIX "reference-value" },
	{ "GET", KBS_PREFIX "reference-value/x" },
};

static void refused_all(const char *authorization)
{
	for (size_t i = 0; i < ARRAY_SIZE(orders); i++) {
		ask(orders[i].method, orders[i].path, "sesame", NULL, authorization);
		answer_is(401, "AdminAuthAccess");
	}
	assert_int_equal(change.n_set + change.n_removed, 0);
}

static void test_who(void **state)
{
	refused_all(NULL);
	refused_all("");
	refused_all("Bearer");
	refused_all("Bearer ");
	refused_all("Basic YTpi");
	refused_all(good() + strlen("Bearer "));
	refused_all(token(stranger, time(NULL) + 60));
	refused_all(token(admin, time(NULL) - 61));
	/* Without TokenKey= nobody may. */
	service.admin_key = NULL;
	refused_all(good());
}

static void test_policies(void **state)
{
	ask("GET", KBS_PREFIX "resource-policy", NULL, NULL, good());
	answer_is(200, NULL);
	assert_string_equal(reply.body, "[]");
	ask("POST", KBS_PREFIX "resource-policy", "{\"policy\":\"x\"}", NULL, good());
	answer_is(401, NULL);
	answer_says("does not evaluate Rego");
	ask("POST", KBS_PREFIX "attestation-policy", "{}", NULL, good());
	answer_is(401, NULL);
	answer_says("does not evaluate Rego");
	ask("POST", KBS_PREFIX "reference-value", "{}", NULL, good());
	answer_is(401, NULL);
	answer_says("policy set");
}

/* ---- what monitors ask ---- */

static void test_health(void **state)
{
	ask("GET", "/healthz", NULL, NULL, NULL);
	answer_is(200, NULL);
	ask("GET", "/readyz", NULL, NULL, NULL);
	answer_is(200, NULL);
	ask("GET", "/metrics", NULL, NULL, NULL);
	answer_is(200, NULL);
	assert_string_equal(reply.type, METRICS_TYPE);
	answer_says("# EOF");
}

static unsigned looks;
static int look_says;

static int double_look(struct store *s, struct store_state *ret, struct cause *why)
{
	looks++;
	*ret = (struct store_state){ .bytes = 1 };
	return look_says;
}

static unsigned counts;

static int double_count(struct store *s, const char *prefix, uint64_t *ret, struct cause *why)
{
	assert_string_equal(prefix, "coco/claim/");
	*ret = 1234 + counts++;
	return 0;
}

/* It is looked at once a second, however many ask. */
static void test_ready(void **state)
{
	static struct store_engine engine;
	struct store *const real = service.store;
	struct store failing = { .engine = &engine };

	engine = *store->engine;
	engine.look = double_look;
	engine.count = double_count;
	service.store = &failing;
	service.look.at_usec = 0;
	look_says = -EAGAIN;
	for (unsigned i = 0; i < 100; i++) {
		ask("GET", "/readyz", NULL, NULL, NULL);
		answer_is(503, NULL);
		ask("GET", "/healthz", NULL, NULL, NULL);
		answer_is(200, NULL);
	}
	assert_true(looks >= 1 && looks < 50);
	look_says = 0;
	service.look.at_usec = service.look.counted_usec = 0;
	ask("GET", "/readyz", NULL, NULL, NULL);
	answer_is(200, NULL);
	/* Claims are counted less often, for there may be many. */
	for (unsigned i = 0; i < 3; i++) {
		service.look.at_usec = 0;
		ask("GET", "/metrics", NULL, NULL, NULL);
		answer_says("\ncoco_broker_claims 1234\n");
	}
	service.look.at_usec = 0;
	service.look.counted_usec -= 601 * UINT64_C(1000000);
	ask("GET", "/metrics", NULL, NULL, NULL);
	answer_says("\ncoco_broker_claims 1235\n");
	/* While somebody looks, the others have what was seen before. */
	service.look.at_usec = 0;
	service.look.busy = true;
	looks = 0;
	ask("GET", "/readyz", NULL, NULL, NULL);
	answer_is(200, NULL);
	assert_int_equal(looks, 0);
	service.look.busy = false;
	has_expired = true;
	ask("GET", "/readyz", NULL, NULL, NULL);
	answer_is(503, NULL);
	answer_says("collateral that is in use has expired");
	has_expired = false;
	service.store = real;
}

/* ---- nothing ---- */

static void test_unknown(void **state)
{
	static const struct {
		const char *method, *path, *name;
	} cases[] = {
		{ "GET", "/", "InvalidRequestPath" },
		{ "GET", "", "InvalidRequestPath" },
		{ "GET", "/kbs/v0/", "InvalidRequestPath" },
		{ "GET", "/kbs/v0/auth", "InvalidRequestPath" },
		{ "GET", "/kbs/v0/attest", "InvalidRequestPath" },
		{ "PUT", "/kbs/v0/auth", "InvalidRequestPath" },
		{ "post", "/kbs/v0/auth", "InvalidRequestPath" },
		{ "POST", "/kbs/v0/auth/", "PluginNotFound" },
		{ "POST", "/kbs/v0//auth", "InvalidRequestPath" },
		{ "POST", "/KBS/v0/auth", "InvalidRequestPath" },
		{ "POST", "/kbs/v1/auth", "InvalidRequestPath" },
		{ "GET", "/kbs/v0/nosuch/x", "PluginNotFound" },
		{ "GET", "/kbs/v0/coco/confirm", "PluginNotFound" },
		{ "PUT", "/kbs/v0/resource/a/b/c", "PluginNotFound" },
		{ "POST", "/healthz", "InvalidRequestPath" },
		{ "GET", "/healthz/", "InvalidRequestPath" },
	};
	char long_path[4096];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ask(cases[i].method, cases[i].path, "{}", NULL, good());
		answer_is(404, cases[i].name);
	}
	ask("GET", "/kbs/v0/nosuch/x", NULL, NULL, NULL);
	answer_says("\"detail\":\"Plugin nosuch not found\"");
	ask("GET", "x", NULL, NULL, NULL);
	answer_says("\"detail\":\"Request path x is invalid\"");
	memset(long_path, 'a', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	ask("GET", long_path, NULL, NULL, NULL);
	answer_is(404, "InvalidRequestPath");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, reset)
	const struct CMUnitTest tests[] = {
		T(test_set),	T(test_set_refused), T(test_who),     T(test_policies),
		T(test_health), T(test_ready),	     T(test_unknown),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

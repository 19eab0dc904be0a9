/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The protocol, endpoint by endpoint, with a real store.  What is decided elsewhere comes from
 * doubles of those functions: whether evidence is authentic, and whether a secret is released.
 */
#include <openssl/evp.h>

#include "base/base64.h"
#include "base/parse.h"
#include "broker/core/evidence-read.h"
#include "broker/core/record-mac.h"
#include "broker/core/token.h"
#include "broker/serve/refresh.h"
#include "tests/unit/kbs-fixture.h"

#define REQUEST(more) "{\"version\":\"0.4.0\",\"tee\":\"snp\",\"extra-params\":" more "}"
#define BOOT "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OTHER_BOOT "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define COCO(boot, uri) "{\"v\":1,\"boot\":\"" boot "\",\"uris\":[\"" uri "\"]}"
#define OURS COCO(BOOT, "kbs:///a/b/c")
#define INIT_DATA "version = \\\"0.1.0\\\"\\nalgorithm = \\\"sha256\\\"\\n"

/* ---- doubles ---- */

static struct {
	int read, judge;		/* what they return */
	struct judged judged;
	uint8_t rd[48];			/* what the evidence had to be over */
	enum broker_tee tee;
	unsigned n;
} evidence;

int evidence_read(struct json_object *o, enum broker_tee tee, struct bundle *ret,
		  struct cause *why)
{
	evidence.tee = tee;
	if (evidence.read < 0)
		return cause_set(why, evidence.read, "a member is missing");
	return bundle_add(ret, BUNDLE_REPORT, "report", 6);
}

/* There is no judge here. */
bool refresher_is_good(struct refresher *r, int64_t now)
{
	return true;
}

int judge_evidence(struct judge *j, enum broker_tee tee, const struct bundle *b,
		   const uint8_t rd[static 48], const char *policy, int64_t now,
		   struct judged *ret, struct verdict **ret_verdict)
{
	assert_null(policy);
	assert_int_equal(tee, evidence.tee);
	assert_non_null(bundle_find(b, BUNDLE_REPORT, 0));
	memcpy(evidence.rd, rd, sizeof(evidence.rd));
	evidence.n++;
	*ret = evidence.judged;
	return evidence.judge;
}

static struct {
	struct release_answer answer;
	int r;
	bool bearer;
	char path[BROKER_PATH_LEN];
	uint8_t rd[48];
	unsigned n;
} released;

int service_release(struct service *s, const struct release_request *q,
		    struct release_answer *ret)
{
	released.n++;
	released.bearer = q->bearer;
	memcpy(released.rd, q->session->rd, sizeof(released.rd));
	(void) snprintf(released.path, sizeof(released.path), "%s", q->path);
	*ret = released.answer;
	if (ret->result == RELEASE_GOOD) {
		ret->body = strdup("{\"protected\":\"\"}");
		ret->header = strdup("1.1.x");
	}
	return released.r;
}

int service_secret_set(struct service *s, const struct secret_change *c, uint64_t *ret_version,
		       struct cause *why)
{
	return -ENOENT;
}

int service_secret_remove(struct service *s, const char *path, const char *who, struct cause *why)
{
	return -ENOENT;
}

static struct denial denied;

void denials_note(struct denials *d, const struct denial *what, char ret_id[static DENIAL_ID_LEN])
{
	denied = *what;
	strcpy(ret_id, "7f3a-21c0");
}

void watchers_tell(struct watchers *w, const char *line)
{
	fail();		/* there are none */
}

/* ---- a guest ---- */

static EVP_PKEY *guest_key, *other_key;
static char cookie[64], nonce[64];

static int begin(void **state)
{
	guest_key = EVP_EC_gen("P-256");
	other_key = EVP_EC_gen("P-256");
	return open_service(state);
}

static int end(void **state)
{
	EVP_PKEY_free(guest_key);
	EVP_PKEY_free(other_key);
	return close_service(state);
}

static int reset(void **state)
{
	static const struct judged good = { .result = JUDGED_GOOD, .code = "OK",
					    .launch = { .known = true, .id = { 1, 2, 3 } },
					    .chip = "c0ffee", .measurement = "abcd" };

	memset(&evidence, 0, sizeof(evidence));
	memset(&released, 0, sizeof(released));
	memset(&denied, 0, sizeof(denied));
	evidence.judged = good;
	return 0;
}

static void member_of(const char *name, char ret[static 64])
{
	struct json_object *o = json_tokener_parse(reply.body), *v;

	assert_true(json_object_object_get_ex(o, name, &v));
	assert_true(snprintf(ret, 64, "%s", json_object_get_string(v)) < 64);
	json_object_put(o);
}

/* POST /auth, as a guest; @coco is the object, or NULL. */
static void auth(const char *coco)
{
	char body[512];

	(void) snprintf(body, sizeof(body),
			coco ? REQUEST("{\"supported-hash-algorithms\":[\"sha384\"],\"coco\":%s}") :
			       REQUEST("\"\""),
			coco);
	ask("POST", KBS_PREFIX "auth", body, NULL, NULL);
	answer_is(200, NULL);
	member_of("nonce", nonce);
	assert_int_equal(strcspn(reply.set_cookie, ";"), 47);
	(void) snprintf(cookie, sizeof(cookie), "%.47s", reply.set_cookie);
}

static void coordinate(EVP_PKEY *key, const char *name, char ret[static 64])
{
	BIGNUM *n = NULL;
	uint8_t bytes[32];
	char *text;

	assert_int_equal(EVP_PKEY_get_bn_param(key, name, &n), 1);
	assert_int_equal(BN_bn2binpad(n, bytes, sizeof(bytes)), 32);
	BN_free(n);
	assert_int_equal(base64url_encode(bytes, sizeof(bytes), &text), 0);
	assert_true(snprintf(ret, 64, "%s", text) < 64);
	free(text);
}

/* The body of POST /attest.  @rd gets the digest that the evidence must be over. */
static void attestation(EVP_PKEY *key, const char *with_nonce, const char *coco,
			const char *init_data, char ret[static 2048], uint8_t rd[static 48])
{
	char x[64], y[64], runtime[512];

	coordinate(key, "qx", x);
	coordinate(key, "qy", y);
	(void) snprintf(runtime, sizeof(runtime),
			"{\"additional-evidence\":\"\",\"nonce\":\"%s\",\"tee-pubkey\":{\"alg\":"
			"\"ECDH-ES+A256KW\",\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\","
			"\"y\":\"%s\"}}",
			with_nonce, x, y);
	assert_int_equal(EVP_Digest(runtime, strlen(runtime), rd, NULL, EVP_sha384(), NULL), 1);
	(void) snprintf(ret, 2048,
			"{\"init-data\":%s,\"runtime-data\":{\"nonce\":\"%s\",\"tee-pubkey\":"
			"{\"kty\":\"EC\",\"crv\":\"P-256\",\"alg\":\"ECDH-ES+A256KW\",\"x\":\"%s\","
			"\"y\":\"%s\"}},%s%s%s\"tee-evidence\":{\"primary_evidence\":{\"a\":1},"
			"\"additional_evidence\":\"\"}}",
			init_data ?: "null", with_nonce, x, y, coco ? "\"coco\":" : "", coco ?: "",
			coco ? "," : "");
}

static void attest_with(EVP_PKEY *key, const char *with_nonce, const char *coco,
			const char *with_cookie)
{
	char body[2048];
	uint8_t rd[48];

	attestation(key, with_nonce, coco, NULL, body, rd);
	ask("POST", KBS_PREFIX "attest", body, with_cookie, NULL);
	if (reply.status == 200)
		assert_memory_equal(evidence.rd, rd, sizeof(rd));
	else if (reply.body && strstr(reply.body, nonce))
		fail_msg("a refusal shows the nonce: %s", reply.body);
}

/* A session of the guest. */
static void attest(void)
{
	auth(OURS);
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(200, NULL);
}

/* ---- POST /auth ---- */

static void test_auth(void **state)
{
	struct net_auth asked = { .tee = "snp" };
	uint8_t is_salt[32], is_nonce[32];
	struct cookie c;
	char *text;

	auth(NULL);
	answer_says("\"extra-params\":\"\"");
	assert_int_equal(kbs_read_cookie(cookie, &c), 0);
	assert_true(c.expiry >= time(NULL) + COOKIE_LIFE_SEC - 5);
	assert_non_null(strstr(reply.set_cookie, "; Expires="));
	assert_non_null(strstr(reply.set_cookie, " GMT; Max-Age=300"));
	assert_int_equal(challenge_make(keys, &c, &asked, is_salt, is_nonce), 0);
	assert_int_equal(base64_encode(is_nonce, 32, &text), 0);
	assert_string_equal(text, nonce);
	free(text);
	auth(OURS);
	answer_says("\"coco\":{\"v\":1,\"salt\":\"");
}

static void test_auth_refused(void **state)
{
	static const struct {
		const char *body, *says, *code;
	} cases[] = {
		{ "{\"version\":\"0.1.1\",\"tee\":\"snp\",\"extra-params\":\"\"}",
		  "Attestation error: RCAR handshake Auth failed: KBS Client Protocol Version "
		  "Mismatch: expect =0.4.0 while the request is 0.1.1",
		  "VERSION" },
		{ "{\"version\":\"0.4.0\",\"tee\":\"sample\",\"extra-params\":\"\"}", "Auth failed",
		  "TEE" },
		{ "{\"version\":\"0.4.0\",\"tee\":\"\",\"extra-params\":\"\"}", "Auth failed",
		  "TEE" },
		{ "{", "Auth failed", "REQUEST" },
		{ "", "Auth failed", "REQUEST" },
		{ REQUEST("{\"coco\":{\"v\":2}}"), "Auth failed", "REQUEST" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ask("POST", KBS_PREFIX "auth", cases[i].body, NULL, NULL);
		answer_is(401, "AttestationError");
		answer_says(cases[i].says);
		answer_says("\"id\":\"7f3a-21c0\"");
		assert_string_equal(denied.step, "auth");
		assert_string_equal(denied.code, cases[i].code);
		assert_string_equal(denied.peer, "192.0.2.1");
		assert_string_equal(reply.set_cookie, "");
	}
}

/* ---- POST /attest ---- */

static void test_attest(void **state)
{
	struct session_record s = { 0 };
	struct store_value v;
	struct cause why;
	struct cookie c;
	char key[RECORD_KEY_LEN];
	size_t len;

	attest();
	answer_says("{\"token\":\"ey");
	assert_non_null(strstr(reply.set_cookie, cookie));
	assert_int_equal(evidence.tee, BROKER_TEE_SNP);
	assert_int_equal(kbs_read_cookie(cookie, &c), 0);
	key_session(&c, key);
	assert_int_equal(store_get(store, key, &v, &why), 0);
	assert_int_equal(record_verify(keys, key, v.data, v.len, &len), 0);
	assert_int_equal(session_record_parse(v.data, len, &s), 0);
	assert_int_equal(s.expiry, c.expiry);
	assert_int_equal(s.tee, BROKER_TEE_SNP);
	assert_string_equal(s.coco.tee, "snp");
	assert_int_equal(s.coco.n_paths, 1);
	assert_string_equal(s.coco.paths[0], "a/b/c");
	assert_memory_equal(s.rd, evidence.rd, sizeof(s.rd));
	assert_true(s.launch.known && s.launch.id[2] == 3);
	session_record_done(&s);
	store_value_done(&v);
	/* The reply may have been lost. */
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(200, NULL);
	/* Another key over the same nonce is somebody else's. */
	attest_with(other_key, nonce, OURS, cookie);
	answer_is(401, "AttestationError");
	assert_string_equal(denied.code, "SESSION_TAKEN");
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(200, NULL);
}

/* What Trustee's clients send. */
static void test_attest_without_coco(void **state)
{
	auth(NULL);
	attest_with(guest_key, nonce, NULL, cookie);
	answer_is(200, NULL);
	/* What was not asked with the challenge cannot be added. */
	auth(NULL);
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(401, "AttestationError");
	assert_string_equal(denied.code, "NONCE");
}

static void test_attest_challenge(void **state)
{
	char first_cookie[64], first_nonce[64];

	auth(OURS);
	strcpy(first_cookie, cookie);
	strcpy(first_nonce, nonce);
	auth(OURS);
	const struct {
		const char *nonce, *coco, *cookie;
	} cases[] = {
		{ first_nonce, OURS, cookie },
		{ nonce, OURS, first_cookie },
		{ nonce, NULL, cookie },
		{ nonce, COCO(OTHER_BOOT, "kbs:///a/b/c"), cookie },
		{ nonce, COCO(BOOT, "kbs:///a/b/d"), cookie },
		{ nonce, "{\"v\":1,\"boot\":\"" BOOT "\"}", cookie },
		{ BOOT, OURS, cookie },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		attest_with(guest_key, cases[i].nonce, cases[i].coco, cases[i].cookie);
		answer_is(401, "AttestationError");
		assert_string_equal(denied.code, "NONCE");
	}
	/* Nobody looked at the evidence of any of them. */
	assert_int_equal(evidence.n, 0);
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(200, NULL);
}

/* A cookie with another expiry. */
static void cookie_at(int64_t expiry, char ret[static 64])
{
	struct cookie c;
	char text[COOKIE_TEXT_LEN];

	assert_int_equal(cookie_new(time(NULL), &c), 0);
	c.expiry = (uint32_t)expiry;
	cookie_format(&c, text);
	(void) snprintf(ret, 64, "kbs-session-id=%s", text);
}

static void test_attest_cookie(void **state)
{
	char past[64], future[64], twice[160], in_upper_case[64];
	int64_t now = time(NULL);

	auth(OURS);
	cookie_at(now - COOKIE_EARLY_SEC - 1, past);
	cookie_at(now + COOKIE_LIFE_SEC + COOKIE_EARLY_SEC + 5, future);
	(void) snprintf(twice, sizeof(twice), "%s; %s", cookie, cookie);
	strcpy(in_upper_case, cookie);
	in_upper_case[0] = 'K';
	const char *const cases[] = { NULL,	 "",	  past,
				      future,	 twice,	  in_upper_case,
				      "a=b",	 "kbs-session-id=",
				      "kbs-session-id=00", "kbs-session-id" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		attest_with(guest_key, nonce, OURS, cases[i]);
		answer_is(401, "TokenNotFound");
	}
	assert_int_equal(evidence.n, 0);
	/* Those of others beside it do not matter. */
	(void) snprintf(twice, sizeof(twice), "a=b;%s ;xkbs-session-id=1; c=d", cookie);
	attest_with(guest_key, nonce, OURS, twice);
	answer_is(200, NULL);
}

static void test_attest_evidence(void **state)
{
	auth(OURS);
	evidence.read = -EBADMSG;
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(401, "AttestationError");
	assert_string_equal(denied.code, "EVIDENCE_FORMAT");
	evidence.read = -ENOMEM;
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(503, "Busy");
	evidence.read = 0;
	evidence.judged.result = JUDGED_EVIDENCE;
	strcpy(evidence.judged.code, "NONCE");
	strcpy(evidence.judged.reason, "the report is over \x1b something else");
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(401, "AttestationError");
	assert_string_equal(denied.step, "attest");
	assert_string_equal(denied.tee, "snp");
	assert_string_equal(denied.chip, "c0ffee");
	assert_string_equal(denied.measurement, "abcd");
	assert_string_equal(denied.reason, "the report is over ? something else");
	/* What the owner is told, the guest is not. */
	assert_null(strstr(reply.body, "something else"));
	/* Who is put off for ever is put off for a reason that the owner sees. */
	evidence.judged.result = JUDGED_LATER;
	strcpy(evidence.judged.code, "NO_VEK");
	strcpy(evidence.judged.reason, "no certificate \x1b of the chip");
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(503, "Busy");
	assert_string_equal(denied.step, "attest");
	assert_string_equal(denied.code, "NO_VEK");
	assert_string_equal(denied.reason, "no certificate ? of the chip");
	assert_null(strstr(reply.body, "certificate"));
	evidence.judged.result = JUDGED_GOOD;
	evidence.judge = -ENOMEM;
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(503, "Busy");
	evidence.judge = 0;
	/* None of it made a session. */
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cookie, NULL);
	answer_is(401, "TokenNotFound");
	attest_with(guest_key, nonce, OURS, cookie);
	answer_is(200, NULL);
}

static void test_attest_body(void **state)
{
	static const char *const cases[] = { "", "{", "null", "{}", "[]" };

	auth(OURS);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ask("POST", KBS_PREFIX "attest", cases[i], cookie, NULL);
		answer_is(401, "AttestationError");
		assert_string_equal(denied.code, "REQUEST");
	}
}

static void attest_init_data(const char *document)
{
	char body[2048], member[256];
	uint8_t rd[48];

	auth(OURS);
	(void) snprintf(member, sizeof(member), "{\"format\":\"toml\",\"body\":\"%s\"}", document);
	attestation(guest_key, nonce, OURS, member, body, rd);
	ask("POST", KBS_PREFIX "attest", body, cookie, NULL);
}

static void test_attest_init_data(void **state)
{
	static const char document[] = "version = \"0.1.0\"\nalgorithm = \"sha256\"\n";

	evidence.judged.launch.has_host_data = true;
	attest_init_data(INIT_DATA);
	answer_is(401, "AttestationError");
	assert_string_equal(denied.code, "INIT_DATA");
	assert_int_equal(EVP_Digest(document, strlen(document), evidence.judged.launch.host_data,
				    NULL, EVP_sha256(), NULL),
			 1);
	attest_init_data(INIT_DATA);
	answer_is(200, NULL);
	attest_init_data("hello");
	answer_is(401, "AttestationError");
}

/* ---- GET /resource ---- */

static void test_resource(void **state)
{
	static const struct {
		enum release_result result;
		int status;
		const char *name;
	} cases[] = {
		{ RELEASE_ABSENT, 401, "PluginInternalError" },
		{ RELEASE_POLICY, 401, "PolicyDeny" },
		{ RELEASE_NOT_LISTED, 401, "PolicyDeny" },
		{ RELEASE_DONE, 401, "Released" },
		{ RELEASE_REBOOTED, 401, "Rebooted" },
		{ RELEASE_NEEDS_APPROVAL, 401, "Approval" },
		{ RELEASE_LATER, 503, "Busy" },
		{ (enum release_result)77, 503, "Busy" },
	};

	attest();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		released.answer = (struct release_answer){ .result = cases[i].result,
							   .id = "0000-1111", .retry_sec = 7 };
		ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cookie, NULL);
		answer_is(cases[i].status, cases[i].name);
		if (cases[i].status == 401)
			answer_says("\"id\":\"0000-1111\"");
		else
			assert_int_equal(reply.retry_sec, 7);
		assert_string_equal(released.path, "a/b/c");
		assert_false(released.bearer);
		assert_memory_equal(released.rd, evidence.rd, sizeof(released.rd));
	}
	released.answer = (struct release_answer){ .result = RELEASE_GOOD };
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cookie, NULL);
	answer_is(200, NULL);
	assert_string_equal(reply.body, "{\"protected\":\"\"}");
	assert_string_equal(reply.release, "1.1.x");
	/* What failed is not an answer, whatever it left. */
	released.r = -ENOMEM;
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cookie, NULL);
	answer_is(503, "Busy");
	assert_null(strstr(reply.body, "protected"));
}

static void test_resource_session(void **state)
{
	char other[64], past[64], nobody[64];
	struct cookie c;

	attest();
	strcpy(other, cookie);
	/* One that has a challenge and nothing else. */
	auth(OURS);
	cookie_at(time(NULL) - COOKIE_EARLY_SEC - 1, past);
	cookie_at(time(NULL) + 100, nobody);
	const char *const cases[] = { NULL, "", cookie, past, nobody, "kbs-session-id=x" };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cases[i], NULL);
		answer_is(401, "TokenNotFound");
	}
	assert_int_equal(released.n, 0);
	/* The record of one session where another's should be. */
	assert_int_equal(kbs_read_cookie(nobody, &c), 0);
	{
		char from[RECORD_KEY_LEN], to[RECORD_KEY_LEN];
		struct cookie first;
		struct store_value v;
		struct cause why;
		struct store_member m = { .n_changes = 1 };

		assert_int_equal(kbs_read_cookie(other, &first), 0);
		key_session(&first, from);
		key_session(&c, to);
		assert_int_equal(store_get(store, from, &v, &why), 0);
		m.changes[0] = (struct store_change){ to, v.data, v.len, 60 };
		assert_int_equal(writer_commit(service.writer, &m, NULL, 5000000, &why), 0);
		store_value_done(&v);
	}
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, nobody, NULL);
	answer_is(503, "Busy");
	assert_int_equal(released.n, 0);
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, other, NULL);
	assert_int_equal(released.n, 1);
}

/* The token of the answer to /attest. */
static void read_token(char ret[static 4096])
{
	struct json_object *o = json_tokener_parse(reply.body), *v;

	assert_true(json_object_object_get_ex(o, "token", &v));
	assert_true(snprintf(ret, 4096, "Bearer %s", json_object_get_string(v)) < 4096);
	json_object_put(o);
}

static void test_resource_bearer(void **state)
{
	char token[4096], past[64];
	uint8_t rd[48];

	released.answer = (struct release_answer){ .result = RELEASE_GOOD };
	attest();
	read_token(token);
	memcpy(rd, evidence.rd, sizeof(rd));
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, NULL, token);
	answer_is(200, NULL);
	assert_true(released.bearer);
	assert_memory_equal(released.rd, rd, sizeof(rd));
	/* With a cookie of a session it is that session's request. */
	attest();
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, cookie, token);
	assert_false(released.bearer);
	assert_memory_equal(released.rd, evidence.rd, sizeof(rd));
	cookie_at(time(NULL) - COOKIE_EARLY_SEC - 1, past);
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, past, token);
	assert_true(released.bearer);
	released.n = 0;
	token[strlen(token) - 5] ^= 1;
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, NULL, token);
	answer_is(401, "TokenNotFound");
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, NULL, "Bearer ");
	answer_is(401, "TokenNotFound");
	ask("GET", KBS_PREFIX "resource/a/b/c", NULL, NULL, "Basic YTpi");
	answer_is(401, "TokenNotFound");
	assert_int_equal(released.n, 0);
}

static void test_resource_path(void **state)
{
	static const char *const cases[] = { "", "a", "a/b", "a/b/", "a/b/c/d", "a//c", "../b/c",
					     "a/./c", "a/b/.c", "+plugin/a/b", "a/b/%63",
					     "a/b/c " };
	struct http_request q = { .method = "GET", .path = KBS_PREFIX "resource/a/b/c",
				  .query = "d=e", .peer = "x" };
	char path[128];

	attest();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		(void) snprintf(path, sizeof(path), KBS_PREFIX "resource/%s", cases[i]);
		ask("GET", path, NULL, cookie, NULL);
		answer_is(404, "InvalidRequestPath");
	}
	assert_int_equal(released.n, 0);
	/* A query is a part of the name. */
	q.cookie = cookie;
	ask_with(&q);
	assert_string_equal(released.path, "a/b/c?d=e");
}

/* ---- POST /coco/confirm ---- */

#define POLICY(release) \
	"[Release]\n" release "\n[snp]\nmeasurement=" \
	"111111111111111111111111111111111111111111111111111111111111111111111111111111111111" \
	"111111111111\ncovers=kernel,initrd,cmdline\n"

static void put_bytes(const char *key, const void *data, size_t len)
{
	struct store_member m = { .n_changes = 1 };
	struct cause why;

	m.changes[0] = (struct store_change){ key, data, len, 0 };
	assert_int_equal(writer_commit(service.writer, &m, NULL, 5000000, &why), 0);
	assert_true(m.done);
}

static void put(const char *key, const char *text)
{
	put_bytes(key, text, strlen(text));
}

static void put_secret(const char *path, const char *policy)
{
	struct secret_record r = { .version = 1, .changed = 1, .policy = (char *)policy,
				   .policy_len = strlen(policy), .sealed = (uint8_t[40]){ 1 },
				   .sealed_len = 40 };
	char key[RECORD_KEY_LEN], *text;

	(void) snprintf(r.path, sizeof(r.path), "%s", path);
	key_secret(path, key);
	assert_int_equal(secret_record_format(&r, &text), 0);
	put(key, text);
	free(text);
}

static void put_claim(const char *path, uint8_t launch, char key[static RECORD_KEY_LEN])
{
	struct claim c = { .has_launch = true, .launch = { launch, 2, 3 },
			   .at = 1, .n = 1, .release = "r-1" };
	char *text, *whole;

	assert_int_equal(key_claim(path, PER_LAUNCH, c.launch, key), 0);
	assert_int_equal(claim_format(&c, &text), 0);
	assert_int_equal(record_sign(keys, key, text, &whole), 0);
	put(key, whole);
	free(text);
	free(whole);
}

static bool is_confirmed(const char *key)
{
	struct store_value v;
	struct cause why;
	struct claim c;
	size_t len;

	assert_int_equal(store_get(store, key, &v, &why), 0);
	assert_int_equal(record_verify(keys, key, v.data, v.len, &len), 0);
	assert_int_equal(claim_parse(v.data, len, &c), 0);
	store_value_done(&v);
	assert_string_equal(c.release, "r-1");
	return c.confirmed;
}

static void confirm(const char *path, const char *with_cookie)
{
	char body[128];

	(void) snprintf(body, sizeof(body), "{\"uri\":\"kbs:///%s\"}", path);
	ask("POST", KBS_PREFIX "coco/confirm", body, with_cookie, NULL);
}

static int count_line(void *userdata, const char *key, const struct store_value *v)
{
	unsigned *n = userdata;

	*n += memmem(v->data, v->len, "\"confirm\"", 9) && memmem(v->data, v->len, "r-1", 3);
	return 0;
}

static unsigned lines(void)
{
	struct cause why;
	unsigned n = 0;

	assert_int_equal(store_walk(store, "coco/audit/", NULL, 0, count_line, &n, &why), 0);
	return n;
}

static void test_confirm(void **state)
{
	char key[RECORD_KEY_LEN], other[RECORD_KEY_LEN];
	unsigned before = lines();

	put_secret("a/b/c", POLICY("Release=once\nPer=launch"));
	put_claim("a/b/c", 1, key);
	put_claim("a/b/c", 9, other);
	attest();
	confirm("a/b/c", cookie);
	answer_is(200, NULL);
	assert_true(is_confirmed(key));
	assert_false(is_confirmed(other));
	assert_int_equal(lines(), before + 1);
	/* Again, and by a session of the same launch after cocod began anew. */
	confirm("a/b/c", cookie);
	answer_is(200, NULL);
	attest();
	confirm("a/b/c", cookie);
	answer_is(200, NULL);
	assert_int_equal(lines(), before + 1);
}

static void test_confirm_refused(void **state)
{
	char key[RECORD_KEY_LEN];

	put_secret("d/e/f", POLICY("Release=once\nPer=launch"));
	put_secret("d/e/always", POLICY("Release=always"));
	attest();
	confirm("d/e/f", cookie);
	answer_is(401, "PluginInternalError");
	assert_string_equal(denied.code, "CLAIM");
	put_claim("d/e/f", 9, key);	/* of another launch */
	confirm("d/e/f", cookie);
	answer_is(401, "PluginInternalError");
	assert_false(is_confirmed(key));
	confirm("d/e/nothing", cookie);
	answer_is(401, "PluginInternalError");
	confirm("d/e/always", cookie);
	answer_is(200, NULL);
	confirm("d/e/f", NULL);
	answer_is(401, "TokenNotFound");
	ask("POST", KBS_PREFIX "coco/confirm", "{}", cookie, NULL);
	answer_is(401, "PluginInternalError");
	assert_string_equal(denied.code, "REQUEST");
	/* Evidence without a launch has no claim either. */
	evidence.judged.launch.known = false;
	attest();
	confirm("d/e/f", cookie);
	answer_is(401, "PluginInternalError");
}

/* What somebody wrote into the store. */
static void test_confirm_store(void **state)
{
	char key[RECORD_KEY_LEN];

	put_secret("g/h/i", POLICY("Release=once\nPer=launch"));
	attest();
	put_claim("g/h/i", 1, key);
	put(key, "{}");
	confirm("g/h/i", cookie);
	answer_is(503, "Busy");
	/* A claim of another secret, which is whole where it was. */
	put_claim("g/h/other", 1, key);
	{
		char here[RECORD_KEY_LEN];
		struct store_value v;
		struct cause why;

		assert_int_equal(store_get(store, key, &v, &why), 0);
		assert_int_equal(key_claim("g/h/i", PER_LAUNCH, (uint8_t[32]){ 1, 2, 3 }, here), 0);
		put_bytes(here, v.data, v.len);
		store_value_done(&v);
	}
	confirm("g/h/i", cookie);
	answer_is(503, "Busy");
	key_secret("g/h/i", key);
	put(key, "hello");
	confirm("g/h/i", cookie);
	answer_is(503, "Busy");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, reset)
	const struct CMUnitTest tests[] = {
		T(test_auth),
		T(test_auth_refused),
		T(test_attest),
		T(test_attest_without_coco),
		T(test_attest_challenge),
		T(test_attest_cookie),
		T(test_attest_evidence),
		T(test_attest_body),
		T(test_attest_init_data),
		T(test_resource),
		T(test_resource_session),
		T(test_resource_bearer),
		T(test_resource_path),
		T(test_confirm),
		T(test_confirm_refused),
		T(test_confirm_store),
	};

	return cmocka_run_group_tests(tests, begin, end);
}

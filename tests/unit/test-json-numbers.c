/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A number in JSON means the same to all that reads JSON here: what is too large for one is too
 * large for all, and nobody takes 1.0 or -0 for a whole number.
 *
 * Policies, trust anchors and settings are no JSON, and AMD's key service has none.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/worker/luks-judge.h"
#include "attest/azure/azure-runtime.h"
#include "attest/gather/imds.h"
#include "attest/tdx/tdx-collateral.h"
#include "base/io.h"
#include "attest/bundle-file.h"
#include "inject/host/host.h"
#include "inject/host/qmp.h"
#include "tests/luks-image.h"
#include "wire/jspan.h"

#include <cmocka.h>

#define USEC (60 * 1000000ULL)
#define HDR_SIZE 16384
#define TEXT_MAX 16384

enum meaning {
	GOOD,
	LARGE, /* refused, and the words or the error say that it is too large */
	NO_NUMBER, /* refused: no whole number */
	REFUSED, /* either: not every reader says which */
	NO_JSON,
};

static const char *const words[] = { "good", "too large", "no whole number", "refused", "no JSON" };

/* What @text is to a reader. */
typedef enum meaning (*read_t)(const char *text);

/* ---- our own, on which most others stand ---- */

static enum meaning read_jspan(const char *text)
{
	struct bytes value;
	uint64_t n;
	int r;

	if (jspan_check((struct bytes){ (const uint8_t *)text, strlen(text) }, &value) < 0)
		return NO_JSON;
	r = jspan_uint(value, 100000, &n);
	return r == 0 ? GOOD : r == -ERANGE ? LARGE : NO_NUMBER;
}

/* ---- bundles of evidence ---- */

static enum meaning read_bundle(const char *text)
{
	struct bundle b;
	const char *problem = "";
	int r = bundle_parse(text, strlen(text), &b, &problem);

	if (r == 0)
		bundle_done(&b);
	if (strstr(problem, "is no JSON"))
		return NO_JSON;
	/* A version of 64 bits is a number, but not ours. */
	return r == 0 ? GOOD : r == -ERANGE ? LARGE : REFUSED;
}

/* ---- LUKS2 ---- */

static enum meaning read_luks(const char *text)
{
	uint8_t *image = luks_image_new(text, strlen(text), HDR_SIZE);
	_cleanup_(closep) int fd = memfd_create("luks", MFD_CLOEXEC);
	struct luks_verdict v;

	assert_int_equal(write_full(fd, image, 2 * HDR_SIZE), 0);
	assert_int_equal(ftruncate(fd, 64 << 20), 0);
	free(image);
	luks_judge(fd, &(struct luks_question){ "" }, &v);
	if (strstr(v.reason, "the JSON text is malformed"))
		return NO_JSON;
	return v.error == 0				      ? GOOD :
	       strstr(v.reason, "a number that is too large") ? LARGE :
								REFUSED;
}

/* ---- Intel's collateral ---- */

static enum meaning meaning_of(int r, const char *problem)
{
	return r == 0 ? GOOD : strstr(problem, "is no JSON") ? NO_JSON : REFUSED;
}

static enum meaning read_tcb_info(const char *text)
{
	static struct tdx_tcb_info info;
	const char *problem = "";
	int r = tdx_tcb_info_read((struct bytes){ (const uint8_t *)text, strlen(text) }, &info,
				  &problem);

	return meaning_of(r, problem);
}

static enum meaning read_qe_identity(const char *text)
{
	static struct tdx_qe_identity qe;
	const char *problem = "";
	int r = tdx_qe_identity_read((struct bytes){ (const uint8_t *)text, strlen(text) }, &qe,
				     &problem);

	return meaning_of(r, problem);
}

/* ---- Azure: what the paravisor says, and the metadata service ---- */

static enum meaning read_runtime(const char *text)
{
	struct azure_runtime rt;
	const char *problem = "";
	int r = azure_runtime_read((struct bytes){ (const uint8_t *)text, strlen(text) }, &rt,
				   &problem);

	if (r == 0 && azure_runtime_flag(&rt, "secure-boot") == -EBADMSG)
		return REFUSED;
	return r == 0 ? GOOD : NO_JSON;
}

static enum meaning read_certification(const char *text)
{
	static char vcek[IMDS_PEM_MAX], chain[IMDS_PEM_MAX];

	return imds_read_certification((struct bytes){ (const uint8_t *)text, strlen(text) }, vcek,
				       chain) == 0 ?
		       GOOD :
		       NO_JSON;
}

static enum meaning read_quote(const char *text)
{
	static uint8_t quote[IMDS_QUOTE_MAX];
	size_t len;

	return imds_read_quote((struct bytes){ (const uint8_t *)text, strlen(text) }, quote,
			       &len) == 0 ?
		       GOOD :
		       NO_JSON;
}

/* ---- QEMU's monitor ---- */

#define HELLO "{\"QMP\": {}}\n{\"return\": {}, \"id\": \"coco-1\"}\n"

static enum meaning read_greeting(const char *text)
{
	struct qmp *q;
	int fds[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(write_full(fds[1], text, strlen(text)), 0);
	r = qmp_new(fds[0], USEC, &q);
	(void)close(fds[1]);
	if (r == 0)
		qmp_free(q);
	else
		(void)close(fds[0]);
	return r == 0 ? GOOD : r == -ERANGE ? LARGE : NO_JSON;
}

/* A monitor at @path that says @text to whoever comes, and hears it out. */
static pid_t serve(const char *path, const char *text)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), peer;
	char buf[512];
	pid_t pid;

	strcpy(sa.sun_path, path);
	assert_int_equal(bind(fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(fd, 1), 0);
	pid = fork();
	if (pid == 0) {
		/* Nobody may come: the test has failed. */
		(void)alarm(60);
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		peer = accept(fd, NULL, NULL);
		(void)write_full(peer, text, strlen(text));
		while (read(peer, buf, sizeof(buf)) > 0)
			;
		_exit(0);
	}
	(void)close(fd);
	return pid;
}

/* The guest's policy, as the owner's side asks for it. */
static enum meaning read_launch(const char *text)
{
	char folder[] = "/tmp/test-json-numbers.XXXXXX", path[sizeof(folder) + 4];
	struct host_launch launch;
	struct cause why = { "" };
	struct host *h = NULL;
	pid_t pid;
	int r;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/qmp", folder);
	pid = serve(path, text);
	assert_true(pid > 0);
	assert_int_equal(host_open_qmp(path, USEC, &h, &why), 0);
	r = h->ops->check_sev(h, &launch, &why);
	host_free(h);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)unlink(path);
	(void)rmdir(folder);
	if (r >= 0)
		return GOOD;
	return strstr(why.text, "too large")	? LARGE :
	       strstr(why.text, "is not a number") ? NO_NUMBER :
						  REFUSED;
}

/* ---- all of them ---- */

/* @text has one %s, for the number; NULL: @from of a text that LUKS's judge passes becomes @to. */
static const struct reader {
	const char *name;
	read_t read;
	const char *text, *from, *to;
	const char *good; /* a number that is good there */
	bool unread; /* nobody reads the number: all are good that are JSON */
	bool by_json_c; /* which makes other numbers of some: these are refused everywhere */
} readers[] = {
	{ "a number", read_jspan, "%s", .good = "1" },
	{ "a bundle's version", read_bundle,
	  "{\"format\":\"coco-evidence\",\"version\":%s,\"items\":[]}", .good = "1" },
	{ "a bundle's other members", read_bundle,
	  "{\"format\":\"coco-evidence\",\"version\":1,\"items\":[],\"x\":%s}", .good = "1",
	  .unread = true },
	{ "an item's other members", read_bundle,
	  "{\"format\":\"coco-evidence\",\"version\":1,\"items\":[{\"kind\":\"report\",\"data\":"
	  "\"AAAA\",\"x\":%s}]}",
	  .good = "1", .unread = true },
	{ "a keyslot's key_size", read_luks, NULL, "\"type\":\"luks2\",\"key_size\":64",
	  "\"type\":\"luks2\",\"key_size\":%s", .good = "64" },
	{ "a keyslot area's key_size", read_luks, NULL,
	  "\"encryption\":\"aes-xts-plain64\",\"key_size\":64",
	  "\"encryption\":\"aes-xts-plain64\",\"key_size\":%s", .good = "64" },
	{ "a keyslot's stripes", read_luks, NULL, "\"stripes\":4000", "\"stripes\":%s",
	  .good = "4000" },
	{ "a keyslot's priority", read_luks, NULL, "\"keyslots\":{\"0\":{",
	  "\"keyslots\":{\"0\":{\"priority\":%s,", .good = "1" },
	{ "Argon2's time", read_luks, NULL, "\"time\":4", "\"time\":%s", .good = "4" },
	{ "Argon2's memory", read_luks, NULL, "\"memory\":1048576", "\"memory\":%s",
	  .good = "1048576" },
	{ "Argon2's lanes", read_luks, NULL, "\"cpus\":4", "\"cpus\":%s", .good = "4" },
	{ "a segment's sector_size", read_luks, NULL, "\"sector_size\":4096", "\"sector_size\":%s",
	  .good = "512" },
	{ "a digest's iterations", read_luks, NULL, "\"iterations\":1000", "\"iterations\":%s",
	  .good = "1000" },
	{ "a token's other members", read_luks, NULL, "\"tokens\":{}",
	  "\"tokens\":{\"0\":{\"type\":\"coco\",\"keyslots\":[],\"x\":%s}}", .good = "1",
	  .unread = true },
#define QE_WITH(version, evaluation, isvprodid, isvsvn, more)                                  \
	"{\"enclaveIdentity\":{\"id\":\"TD_QE\",\"version\":" version                          \
	",\"issueDate\":\"2026-01-10T00:00:00Z\","                                             \
	"\"nextUpdate\":\"2026-02-09T00:00:00Z\",\"tcbEvaluationDataNumber\":" evaluation      \
	",\"miscselect\":\"00000000\","                                                        \
	"\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\"," \
	"\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","                             \
	"\"mrsigner\":\"DCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDC\","   \
	"\"isvprodid\":" isvprodid more ",\"tcbLevels\":[{\"tcb\":{\"isvsvn\":" isvsvn         \
	"},\"tcbDate\":\"2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]}," SIGNATURE "}"
#define ZEROS_32 "00000000000000000000000000000000"
#define SIGNATURE "\"signature\":\"" ZEROS_32 ZEROS_32 ZEROS_32 ZEROS_32 "\""
	{ "a QE identity's version", read_qe_identity, QE_WITH("%s", "18", "2", "4", ""),
	  .good = "2" },
	{ "a QE identity's evaluation", read_qe_identity, QE_WITH("2", "%s", "2", "4", ""),
	  .good = "18" },
	{ "a QE identity's isvprodid", read_qe_identity, QE_WITH("2", "18", "%s", "4", ""),
	  .good = "2" },
	{ "a QE identity's isvsvn", read_qe_identity, QE_WITH("2", "18", "2", "%s", ""),
	  .good = "4" },
	{ "a QE identity's other members", read_qe_identity,
	  QE_WITH("2", "18", "2", "4", ",\"x\":%s"), .good = "1", .unread = true },
#define SVN(n) "{\"svn\":" n "},"
#define SVNS_15                                                                                   \
	SVN("1")                                                                                  \
	SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") SVN("1") \
		SVN("1") SVN("1") SVN("1") SVN("1")
#define TCB_WITH(type, sgx, tdx, pcesvn, more)                                               \
	"{\"tcbInfo\":{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"2026-01-10T00:00:00Z\"," \
	"\"nextUpdate\":\"2026-02-09T00:00:00Z\","                                           \
	"\"fmspc\":\"90C06F000000\",\"pceId\":\"0000\",\"tcbType\":" type                    \
	",\"tcbEvaluationDataNumber\":18" more                                               \
	",\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":[" SVNS_15 "{\"svn\":" sgx           \
	"}],\"pcesvn\":" pcesvn ",\"tdxtcbcomponents\":[" SVNS_15 "{\"svn\":" tdx            \
	"}]},\"tcbDate\":\"2024-11-13T00:00:00Z\",\"tcbStatus\":\"UpToDate\"}]}," SIGNATURE "}"
	{ "a TCB info's type", read_tcb_info, TCB_WITH("%s", "1", "1", "13", ""), .good = "0" },
	{ "an SVN of SGX", read_tcb_info, TCB_WITH("0", "%s", "1", "13", ""), .good = "255" },
	{ "an SVN of TDX", read_tcb_info, TCB_WITH("0", "1", "%s", "13", ""), .good = "255" },
	{ "a PCE's SVN", read_tcb_info, TCB_WITH("0", "1", "1", "%s", ""), .good = "65535" },
	{ "a TCB info's other members", read_tcb_info, TCB_WITH("0", "1", "1", "13", ",\"x\":%s"),
	  .good = "1", .unread = true },
#define AK                                                                                       \
	"{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"AQAB\"}],\"vm-" \
	"configuration\":"
	{ "an Azure VM's configuration", read_runtime, AK "{\"x\":%s}}", .good = "1",
	  .unread = true },
	{ "an Azure VM's other members", read_runtime, AK "{},\"x\":%s}", .good = "1",
	  .unread = true },
	{ "an Azure VM's VCEK", read_certification,
	  "{\"vcekCert\":\"a\",\"certificateChain\":\"b\",\"x\":%s}", .good = "1", .unread = true },
	{ "an Azure VM's quote", read_quote, "{\"quote\":\"AAAA\",\"x\":%s}", .good = "1",
	  .unread = true },
	{ "QEMU's greeting", read_greeting,
	  "{\"QMP\": {\"x\": %s}}\n{\"return\": {}, \"id\": \"coco-1\"}\n", .good = "1",
	  .unread = true, .by_json_c = true },
#define QUERY_SEV(policy, api)                                                   \
	HELLO "{\"id\": \"coco-2\", \"return\": {\"enabled\": true, \"state\": " \
	      "\"launch-secret\", \"api-major\": " api ", \"policy\": " policy "}}\n"
	{ "QEMU's policy", read_launch, QUERY_SEV("%s", "1"), .good = "4294967295" },
	{ "QEMU's version of the interface", read_launch, QUERY_SEV("3", "%s"), .good = "255" },
};

static const struct {
	const char *number;
	/* where it is read, and the largest good number has fewer than 64 bits */
	enum meaning meaning;
	bool json_c_changes;
} numbers[] = {
	{ "9223372036854775807", REFUSED },
	{ "9223372036854775808", REFUSED },
	{ "18446744073709551615", REFUSED },
	{ "18446744073709551616", LARGE, true },
	{ "100000000000000000000000000000000000000000000000000", LARGE, true },
	{ "-1", NO_NUMBER },
	{ "-0", NO_NUMBER, true },
	{ "-9223372036854775808", NO_NUMBER },
	{ "1e400", NO_NUMBER },
	{ "1e0", NO_NUMBER },
	{ "1E+2", NO_NUMBER },
	{ "1.0", NO_NUMBER },
	{ "0.0", NO_NUMBER },
	{ "01", NO_JSON },
	{ "00", NO_JSON },
	{ "-01", NO_JSON },
	{ "+1", NO_JSON },
	{ "0x1", NO_JSON },
	{ "1.", NO_JSON },
	{ ".5", NO_JSON },
	{ "1e", NO_JSON },
	{ "NaN", NO_JSON },
	{ "Infinity", NO_JSON },
};

static void make_text(const struct reader *reader, const char *number, char text[static TEXT_MAX])
{
	const char *place, *format = reader->text;
	char head[TEXT_MAX];

	if (!format) {
		place = strstr(luks_image_json, reader->from);
		assert_non_null(place);
		snprintf(head, sizeof(head), "%.*s%s%s", (int)(place - luks_image_json),
			 luks_image_json, reader->to, place + strlen(reader->from));
		format = head;
	}
	place = strstr(format, "%s");
	assert_non_null(place);
	snprintf(text, TEXT_MAX, "%.*s%s%s", (int)(place - format), format, number, place + 2);
}

static void expect(const struct reader *reader, const char *number, enum meaning want)
{
	char text[TEXT_MAX];
	enum meaning got;

	make_text(reader, number, text);
	got = reader->read(text);
	/* Who only refuses does not say why, and who does may say more than is asked for. */
	if (got == want || (got == REFUSED && want != GOOD) ||
	    (want == REFUSED && got != GOOD && got != NO_JSON))
		return;
	fail_msg("%s: %s is %s, and should be %s", reader->name, number, words[got], words[want]);
}

static void test_numbers(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		const struct reader *r = &readers[i];

		expect(r, r->good, GOOD);
		for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
			enum meaning want = numbers[k].meaning;

			if (r->unread && want != NO_JSON)
				want = GOOD;
			if (r->by_json_c && numbers[k].json_c_changes) {
				char text[TEXT_MAX];

				make_text(r, numbers[k].number, text);
				assert_int_not_equal(r->read(text), GOOD);
				continue;
			}
			expect(r, numbers[k].number, want);
		}
	}
}

/* A reader that says that a number is too large says it only of those that are. */
static void test_words(void **state)
{
	static const read_t exact[] = { read_jspan, read_bundle, read_luks };

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		for (size_t k = 0; k < ARRAY_SIZE(exact); k++) {
			char text[TEXT_MAX];

			if (readers[i].read != exact[k] || readers[i].unread)
				continue;
			make_text(&readers[i], "18446744073709551616", text);
			assert_int_equal(readers[i].read(text), LARGE);
			make_text(&readers[i], "1.0", text);
			assert_int_not_equal(readers[i].read(text), LARGE);
		}
}

/* Where a flag should be, no number is one. */
static void test_flags(void **state)
{
	for (size_t k = 0; k < ARRAY_SIZE(numbers); k++) {
		char text[TEXT_MAX];

		snprintf(text, sizeof(text), AK "{\"secure-boot\":%s}}", numbers[k].number);
		assert_int_not_equal(read_runtime(text), GOOD);
	}
	assert_int_equal(read_runtime(AK "{\"secure-boot\":true}}"), GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

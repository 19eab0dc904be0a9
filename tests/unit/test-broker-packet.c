/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What coco-inject makes of a broker's answers, whatever they are.  The broker is the test's. */
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/io.h"
#include "base/text.h"
#include "inject/broker-packet.h"
#include "ipc/admin-client.h"
#include "ipc/frame.h"

#include <cmocka.h>

enum how { ANSWER, HANG_UP, NO_FILE, OTHER_FRAME, ERROR };

static char path[] = "/tmp/test-broker-packet-XXXXXX", address[sizeof(path) + 8];
static int listener = -EBADF;
static struct secret *tek, *tik;

struct broker {
	enum how how;
	const char *text;
	int error;
	char asked[4096];
	uint8_t keys[64];
	ssize_t n_keys;
	int over;		/* readable when nobody will come any more */
};

static void take(struct broker *b, int fd)
{
	_cleanup_(freep) char *text = NULL;
	_cleanup_(closep) int request = -EBADF, keys = -EBADF;
	struct msg_header h;

	assert(frame_recv(fd, &h, NULL, 0, &request) == 1 && h.type == ADMIN_REQUEST);
	assert(lseek(request, 0, SEEK_SET) == 0 &&
	       read_file_fd(request, sizeof(b->asked) - 1, &text, NULL) == 0);
	strcpy(b->asked, text);
	assert(frame_recv(fd, &h, NULL, 0, &keys) == 1 && h.type == ADMIN_SECRET);
	b->n_keys = read_full(keys, b->keys, sizeof(b->keys));
}

static void *serve(void *userdata)
{
	struct broker *b = userdata;
	struct pollfd p[] = { { .fd = listener, .events = POLLIN },
			      { .fd = b->over, .events = POLLIN } };
	_cleanup_(closep) int fd = -EBADF, file = -EBADF;

	/* Nobody comes who had no memory. */
	if (poll(p, 2, -1) < 1 || !p[0].revents)
		return NULL;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	take(b, fd);
	if (b->how == HANG_UP)
		return NULL;
	assert(memfd_new_sealed("answer", b->text, strlen(b->text), &file) == 0);
	(void) frame_send(fd, b->how == OTHER_FRAME ? ADMIN_DATA : ADMIN_ANSWER, b->error, NULL, 0,
			  b->how == NO_FILE || b->how == ERROR ? -EBADF : file);
	return NULL;
}

static const char *secrets[] = { "luks:kbs:///default/disk/key" };

static int ask(struct broker *b, struct packet *ret, struct cause *why)
{
	struct args a = { .broker = address,
			  .secrets = { .items = secrets, .n = 1 } };
	struct broker_launch l = { .tek = tek, .tik = tik,
				   .measured = { .api_major = 1, .api_minor = 55, .build = 24,
						 .policy = 0x80000003 }, .room = 64 };
	pthread_t thread;
	int r;

	l.digest[0] = 0xd1;
	l.blob[0] = 0xb1;
	*why = (struct cause){ "" };
	b->over = eventfd(0, EFD_CLOEXEC);
	assert_true(b->over >= 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, b), 0);
	r = broker_packet(&a, &l, ret, why);
	assert_int_equal(eventfd_write(b->over, 1), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void) close(b->over);
	assert_int_equal(why->text[0] == '\0', r == 0);
	return r;
}

#define HEADER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define PAYLOAD "AAAAAAAAAAAAAAAAAAAAAA=="	/* 16 bytes */

static void test_good(void **state)
{
	struct broker b = { .text = "{\"v\":1,\"ok\":true,\"header\":\"" HEADER
				    "\",\"payload\":\"" PAYLOAD "\"}" };
	struct packet p;
	struct cause why;

	assert_int_equal(ask(&b, &p, &why), 0);
	assert_int_equal(p.len, 16);
	packet_done(&p);
	/* What was asked, and the keys beside it and not in it. */
	assert_non_null(strstr(b.asked, "\"do\":\"launch-packet\",\"api\":\"1.55\",\"build\":24,"
					"\"policy\":2147483651,\"digest\":\"d100"));
	assert_non_null(strstr(b.asked, "\"measurement\":\"b100"));
	assert_non_null(strstr(b.asked, "\"max\":64,\"secrets\":[{\"guid\":"
					"\"736869e5-84f0-4973-92ec-06879ce3da0b\","
					"\"path\":\"default/disk/key\"}]"));
	assert_int_equal(b.n_keys, 32);
	assert_memory_equal(b.keys, secret_data(tek), 16);
	assert_memory_equal(b.keys + 16, secret_data(tik), 16);
}

static void test_answers(void **state)
{
	static const struct {
		struct broker b;
		int r;
		const char *says;
	} cases[] = {
		{ { .how = HANG_UP }, -ENODATA, "does not answer" },
		{ { .how = NO_FILE, .text = "" }, -ENODATA, "does not answer" },
		{ { .how = OTHER_FRAME, .text = "{}" }, -ENODATA, "does not answer" },
		{ { .how = ERROR, .text = "", .error = -EACCES }, -EKEYREJECTED, "be root" },
		{ { .how = ERROR, .text = "", .error = -EBUSY }, -ENODATA, "does not answer" },
		{ { .text = "" }, -ENODATA, "does not answer" },
		{ { .text = "no JSON" }, -ENODATA, "does not answer" },
		{ { .text = "[]" }, -ENODATA, "does not answer" },
		{ { .text = "{}" }, -EKEYREJECTED, "refuses" },
		{ { .text = "{\"ok\":\"true\",\"error\":\"no\"}" }, -EBADMSG, "no packet" },
		{ { .text = "{\"ok\":false,\"errno\":\"EACCES\",\"error\":\"not this one\"}" },
		  -EKEYREJECTED, "refuses: not this one" },
		{ { .text = "{\"ok\":false,\"errno\":\"EAGAIN\",\"error\":\"later\"}" }, -ENODATA,
		  "can be asked again: later" },
		{ { .text = "{\"ok\":false,\"errno\":\"ENOSPC\",\"error\":\"long\"}" }, -ENOSPC,
		  "long" },
		{ { .text = "{\"ok\":true}" }, -EBADMSG, "no packet" },
		{ { .text = "{\"ok\":true,\"header\":1,\"payload\":\"" PAYLOAD "\"}" }, -EBADMSG,
		  "no packet" },
		{ { .text = "{\"ok\":true,\"header\":\"" PAYLOAD "\",\"payload\":\"" PAYLOAD
			    "\"}" }, -EBADMSG, "no packet" },
		{ { .text = "{\"ok\":true,\"header\":\"" HEADER "\",\"payload\":\"\"}" }, -EBADMSG,
		  "no packet" },
		{ { .text = "{\"ok\":true,\"header\":\"" HEADER "\",\"payload\":\"AAAA\"}" },
		  -EBADMSG, "no packet" },
		{ { .text = "{\"ok\":true,\"header\":\"" HEADER "\",\"payload\":\"" PAYLOAD PAYLOAD
			    "\"}" }, -EBADMSG, "no packet" },
		/* 80 bytes, where there is room for 64. */
		{ { .text = "{\"ok\":true,\"header\":\"" HEADER "\",\"payload\":\""
			    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
			    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"}" }, -EBADMSG,
		  "too long" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct broker b = cases[i].b;
		struct packet p = { .payload = NULL };
		struct cause why;
		int r = ask(&b, &p, &why);

		if (r != cases[i].r || !strstr(why.text, cases[i].says))
			fail_msg("%zu: %d: %s", i, r, why.text);
		assert_null(p.payload);
	}
}

/* Nobody is asked. */
static void test_names(void **state)
{
	static const char *const bad[] = { "luks:kbs://example.org/default/disk/key",
				     "luks:kbs:///default/disk", "luks:kbs:",
				     "nobody:kbs:///default/disk/key", "luks:" };
	struct broker_launch l = { .tek = tek, .tik = tik, .room = 64 };
	struct packet p = { .payload = NULL };
	struct cause why;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		const char *items[] = { bad[i] };
		struct args a = { .broker = address, .secrets = { .items = items, .n = 1 } };

		assert_int_equal(broker_packet(&a, &l, &p, &why), -EINVAL);
	}
	struct args a = { .broker = "/nonexistent/admin.sock",
			  .secrets = { .items = secrets, .n = 1 } };
	assert_int_equal(broker_packet(&a, &l, &p, &why), -ENODATA);
	assert_non_null(strstr(why.text, "No broker answers"));
}

static int open_all(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	if (!mkdtemp(path))
		return -1;
	(void) snprintf(address, sizeof(address), "%s/s", path);
	strcpy(at.sun_path, address);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 8) < 0 ||
	    secret_new(16, &tek) < 0 || secret_new(16, &tik) < 0)
		return -1;
	memset(secret_bytes(tek), 1, 16);
	memset(secret_bytes(tik), 2, 16);
	return 0;
}

static int close_all(void **state)
{
	secret_free(tek);
	secret_free(tik);
	(void) close(listener);
	(void) unlink(address);
	return rmdir(path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/broker-url.h"

struct example {
	const char *address;
	int r;
	enum broker_scheme scheme;
	const char *text, *host;
	uint32_t cid, port;
};

#define LABEL "a23456789012345678901234567890123456789012345678901234567890123"
#define NAME_253 \
	LABEL "." LABEL "." LABEL ".a234567890123456789012345678901234567890123456789012345678901"

static const struct example brokers[] = {
	{ "https://kbs.example", 0, BROKER_HTTPS, "https://kbs.example", "kbs.example", 0, 443 },
	{ "https://KBS.Example:443", 0, BROKER_HTTPS, "https://kbs.example", "kbs.example", 0,
	  443 },
	{ "https://kbs:8080", 0, BROKER_HTTPS, "https://kbs:8080", "kbs", 0, 8080 },
	{ "https://a-1.b2:65535", 0, BROKER_HTTPS, "https://a-1.b2:65535", "a-1.b2", 0, 65535 },
	{ "https://127.0.0.1:1", 0, BROKER_HTTPS, "https://127.0.0.1:1", "127.0.0.1", 0, 1 },
	{ "https://[2001:DB8:0::1]", 0, BROKER_HTTPS, "https://[2001:db8::1]", "2001:db8::1", 0,
	  443 },
	{ "https://[::1]:8443", 0, BROKER_HTTPS, "https://[::1]:8443", "::1", 0, 8443 },
	{ "https://" LABEL, 0, BROKER_HTTPS, "https://" LABEL, LABEL, 0, 443 },
	{ "vsock://2:4050", 0, BROKER_VSOCK, "vsock://2:4050", "", 2, 4050 },
	{ "vsock://1:1", 0, BROKER_VSOCK, "vsock://1:1", "", 1, 1 },
	{ "vsock://4294967294:4294967294", 0, BROKER_VSOCK, "vsock://4294967294:4294967294", "",
	  4294967294, 4294967294 },
	{ "http://127.0.0.1:8080", -EPROTONOSUPPORT, 0, NULL, NULL, 0, 0 },
	{ "http://", -EPROTONOSUPPORT, 0, NULL, NULL, 0, 0 },
	{ "https://" NAME_253, -EMSGSIZE, 0, NULL, NULL, 0, 0 },
	{ "https://" NAME_253 "1", -EMSGSIZE, 0, NULL, NULL, 0, 0 },
	{ "https://" NAME_253 "1234567890", -EMSGSIZE, 0, NULL, NULL, 0, 0 },
	{ "vsock://4294967295:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:4294967295", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://4294967298:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://18446744073709551618:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://0:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:0", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://02:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://0x2:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://+2:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:1/", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:1:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://host:1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://:8080", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a:", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a:0", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a:080", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a:65536", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a:1 ", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a/", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a/kbs", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a?b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a#b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://user@a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://user:pw@a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a\\b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://%61", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a_b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://b\xc3\xbc" "cher", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a.", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://.a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a..b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://-a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a-", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://a-.b", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://" LABEL "4", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://2130706433", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://127.1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://0x7f.0.0.1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://0x7f000001", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://127.0.0.0x1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://0177.0.0.1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://1.2.3.4.5", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://1.2.3.256", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://::1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[::1", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[::1]a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[::1]:", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[fe80::1%eth0]", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[127.0.0.1]", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[a]", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://[]", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "HTTPS://a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ " https://a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https:/a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "ftp://a", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "a:443", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "", -EINVAL, 0, NULL, NULL, 0, 0 },
};

static const struct example proxies[] = {
	{ "http://Proxy:3128", 0, BROKER_HTTP, "http://proxy:3128", "proxy", 0, 3128 },
	{ "https://proxy:443", 0, BROKER_HTTPS, "https://proxy:443", "proxy", 0, 443 },
	{ "http://[::1]:80", 0, BROKER_HTTP, "http://[::1]:80", "::1", 0, 80 },
	{ "http://proxy", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "https://proxy", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "http://user@proxy:80", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "http://proxy:80/", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "vsock://2:80", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "socks5://proxy:80", -EINVAL, 0, NULL, NULL, 0, 0 },
	{ "http://" NAME_253 ":80", -EMSGSIZE, 0, NULL, NULL, 0, 0 },
	{ "none", -EINVAL, 0, NULL, NULL, 0, 0 },
};

static void check(int (*parse)(const char *text, struct broker_url *ret), const struct example *e)
{
	struct broker_url u, again, untouched;
	int r;

	memset(&u, 'x', sizeof(u));
	untouched = u;
	r = parse(e->address, &u);
	if (r != e->r)
		fail_msg("'%s': %d, not %d", e->address, r, e->r);
	if (r < 0) {
		assert_memory_equal(&u, &untouched, sizeof(u));
		return;
	}
	assert_int_equal(u.scheme, e->scheme);
	assert_string_equal(u.text, e->text);
	assert_string_equal(u.host, e->host);
	assert_int_equal(u.cid, e->cid);
	assert_int_equal(u.port, e->port);
	assert_int_equal(parse(u.text, &again), 0);
	assert_memory_equal(&u, &again, sizeof(u));
}

static void test_brokers(void **state)
{
	for (size_t i = 0; i < sizeof(brokers) / sizeof(brokers[0]); i++)
		check(broker_url_parse, &brokers[i]);
}

static void test_proxies(void **state)
{
	for (size_t i = 0; i < sizeof(proxies) / sizeof(proxies[0]); i++)
		check(broker_proxy_parse, &proxies[i]);
}

static void test_hosts(void **state)
{
	char host[BROKER_NAME_LEN] = "untouched";

	assert_int_equal(broker_host_parse("", host), -EINVAL);
	assert_int_equal(broker_host_parse("[::1]", host), -EINVAL);
	assert_int_equal(broker_host_parse("*.example", host), -EINVAL);
	assert_int_equal(broker_host_parse(NAME_253 "1", host), -EMSGSIZE);
	assert_string_equal(host, "untouched");
	assert_int_equal(broker_host_parse(NAME_253, host), 0);
	assert_string_equal(host, NAME_253);
	assert_int_equal(broker_host_parse("Kbs.Example", host), 0);
	assert_string_equal(host, "kbs.example");
	assert_int_equal(broker_host_parse("0:0::1", host), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(broker_host_parse("10.0.0.1", host), 0);
	assert_string_equal(host, "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brokers),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

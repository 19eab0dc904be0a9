/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "broker/serve/settings.h"
#include "net/http.h"

#define NAMED "[Broker]\nName=kbs.example.org\nInstance=a\n"

static char folder[64];

static int make_folder(void **state)
{
	(void) snprintf(folder, sizeof(folder), "/tmp/test-settings-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/broker.conf", folder);
	(void) unlink(path);
	(void) snprintf(path, sizeof(path), "%s/master", folder);
	(void) unlink(path);
	return rmdir(folder);
}

static int read_settings(const char *text, size_t len, struct broker_settings *ret,
			 struct cause *why)
{
	char path[128];

	*ret = (struct broker_settings){ 0 };
	(void) snprintf(path, sizeof(path), "%s/broker.conf", folder);
	assert_int_equal(write_file_atomic(path, text, len, 0600, false), 0);
	return broker_settings_read(path, ret, why);
}

static void test_defaults(void **state)
{
	struct broker_settings s;
	struct cause why = { "" };
	char wanted[128];

	assert_int_equal(read_settings(NAMED, strlen(NAMED), &s, &why), 0);
	assert_string_equal(s.names[0], "kbs.example.org");
	assert_null(s.names[1]);
	assert_string_equal(s.store_address, STORE_ADDRESS_DEFAULT);
	assert_string_equal(s.collateral, COLLATERAL_DEFAULT);
	assert_string_equal(s.admin, "/run/coco-broker/admin.sock");
	(void) snprintf(wanted, sizeof(wanted), "%s/master.key", folder);
	assert_string_equal(s.master_key, wanted);
	assert_null(s.trust);
	assert_null(s.token_key);
	assert_null(s.tls[0]);
	assert_int_equal(s.rate, 0);
	broker_settings_done(&s);
}

static void test_collateral(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "Cache=/x\n", "Refresh=" },
		{ "Kds=https://kds.example.org\n", "Refresh=" },
		{ "TimeoutSec=3s\n", "Refresh=" },
		{ "Refresh=0\n", "Refresh=" },
		{ "Refresh=1h\nRefresh=2h\n", "Refresh" },
		{ "Refresh=1h\nPcs=http://pcs.example.org\n", "Pcs=" },
		{ "Refresh=1h\nKds=https://user@kds.example.org\n", "Kds=" },
		{ "Refresh=1h\nCache=" COLLATERAL_DEFAULT "\n", "Cache=" },
		{ "Refresh=1h\nCache=here\n", "Cache=" },
	};
	static const char good[] = NAMED
		"[Collateral]\nRefresh=6h\nKds=https://kds.example.org/a\n";
	struct broker_settings s;
	struct cause why = { "" };
	char text[512];

	assert_int_equal(read_settings(NAMED, strlen(NAMED), &s, &why), 0);
	assert_true(s.refresh_usec == 0 && !s.cache);
	broker_settings_done(&s);
	assert_int_equal(read_settings(good, strlen(good), &s, &why), 0);
	assert_true(s.refresh_usec == UINT64_C(6) * 3600 * 1000000);
	assert_string_equal(s.cache, CACHE_DEFAULT);
	assert_string_equal(s.kds, "https://kds.example.org/a");
	assert_null(s.pcs);
	broker_settings_done(&s);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		/* Without the library no address is looked at, and none is asked. */
		if (strstr(wrong[i].text, "Refresh=1h") && strstr(wrong[i].text, "://") &&
		    http_check_base("no address") == 0)
			continue;
		(void) snprintf(text, sizeof(text), NAMED "[Collateral]\n%s", wrong[i].text);
		assert_int_equal(read_settings(text, strlen(text), &s, &why), -EBADMSG);
		assert_non_null(strstr(why.text, wrong[i].says));
		broker_settings_done(&s);
	}
}

/* A credential of the unit comes before the file beside the configuration. */
static void test_credential(void **state)
{
	struct broker_settings s;
	struct cause why = { "" };
	char path[128];

	(void) snprintf(path, sizeof(path), "%s/master", folder);
	assert_int_equal(write_file_atomic(path, "x", 1, 0600, false), 0);
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", folder, 1), 0);
	assert_int_equal(read_settings(NAMED, strlen(NAMED), &s, &why), 0);
	assert_string_equal(s.master_key, path);
	/* That one is not there. */
	(void) snprintf(path, sizeof(path), "%s/identity.key", folder);
	assert_string_equal(s.identity, path);
	broker_settings_done(&s);
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

static void test_all(void **state)
{
	static const char text[] =
		"[Broker]\nName=kbs.example.org\t192.0.2.1\nInstance=eu-1.a\nMasterKey=/m\n"
		"Identity=/i\nCertificate=/c\nTrust=/t\nCollateral=/d\n"
		"[Store]\nAddress=etcd:https://a:2379\nAuthority=/ca\nCertificate=/sc\nKey=/sk\n"
		"User=coco\nPasswordFile=/pw\nPrefix=x/\nTimeoutSec=500ms\n"
		"[Listen]\nTls=[::]:8443 0.0.0.0:8444\nUnix=/run/a\nPlain=127.0.0.1:8080\n"
		"Admin=/run/b\n[Limits]\nRate=1\nBurst=2\nRateAll=3\nBurstAll=4\nConnections=5\n"
		"Threads=6\nRelay=192.0.2.7\n[Admin]\nUsers=coco\nTokenKey=/tk\n";
	struct broker_settings s;
	struct cause why = { "" };

	assert_int_equal(read_settings(text, strlen(text), &s, &why), 0);
	assert_string_equal(s.names[1], "192.0.2.1");
	assert_string_equal(s.instance, "eu-1.a");
	assert_string_equal(s.store_prefix, "x/");
	assert_int_equal(s.store_timeout_usec, 500000);
	assert_string_equal(s.tls[1], "0.0.0.0:8444");
	assert_int_equal(s.threads, 6);
	assert_string_equal(s.relays[0], "192.0.2.7");
	assert_string_equal(s.token_key, "/tk");
	broker_settings_done(&s);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "Name= is missing" },
		{ "[Broker]\nInstance=a\n", "Name= is missing" },
		{ "[Broker]\nName=a\nName=b\n", ":3:" },
		{ NAMED "Nmae=b\n",
		  ":4: there is no option Nmae= in [Broker]; did you mean Name?" },
		{ NAMED "[Brokers]\n", "there is no section [Brokers]; did you mean Broker?" },
		{ NAMED "[Nothing]\n", "there is no section [Nothing]" },
		/* An option of another section. */
		{ NAMED "Address=sqlite:/x\n", "there is no option Address= in [Broker]" },
		{ "[Broker]\nName=a\nInstance=a/b\n", "Instance= takes" },
		{ "[Broker]\nName=a\nInstance=\n", "Instance= takes" },
		{ "[Broker]\nName=\n", "Name= takes" },
		{ NAMED "MasterKey=key\n", "a path that begins with '/'" },
		{ NAMED "Trust=\n", "Trust= takes" },
		{ NAMED "[Limits]\nRate=0\n", "Rate= takes" },
		{ NAMED "[Limits]\nRate=-1\n", "Rate= takes" },
		{ NAMED "[Limits]\nConnections=1000001\n", "Connections= takes" },
		{ NAMED "[Store]\nTimeoutSec=0\n", "TimeoutSec= takes" },
		{ NAMED "[Store]\nUser=a\n", "need each other" },
		{ NAMED "[Store]\nKey=/k\n", "need each other" },
		{ NAMED "[Listen]\nUnix=/a b\n", "Unix= takes paths" },
		{ NAMED "[Limits]\nRelay=1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n",
		  "takes 16 words at most" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct broker_settings s;
		struct cause why = { "" };

		assert_int_equal(read_settings(cases[i].text, strlen(cases[i].text), &s, &why),
				 -EBADMSG);
		if (!strstr(why.text, cases[i].reason))
			fail_msg("%s: %s", cases[i].text, why.text);
		broker_settings_done(&s);
	}
}

static void test_file(void **state)
{
	struct broker_settings s = { 0 };
	struct cause why = { "" };
	char *large = calloc(1, SETTINGS_FILE_MAX + 1);

	assert_non_null(large);
	assert_int_equal(broker_settings_read("/nonexistent/broker.conf", &s, &why), -ENOENT);
	assert_non_null(strstr(why.text, "coco-broker init"));
	broker_settings_done(&s);
	memset(large, '\n', SETTINGS_FILE_MAX + 1);
	assert_int_equal(read_settings(large, SETTINGS_FILE_MAX + 1, &s, &why), -EMSGSIZE);
	broker_settings_done(&s);
	assert_int_equal(broker_settings_read(folder, &s, &why), -EIO);
	broker_settings_done(&s);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_collateral), cmocka_unit_test(test_credential),
		cmocka_unit_test(test_all), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

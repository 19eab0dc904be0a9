/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* broker.conf, and secrets that a broker has: what is missing or doubtful closes the gate. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/keeper/config.h"
#include "base/io.h"
#include "base/log.h"
#include "base/text.h"
#include "tests/unit/broker-pem.h"

#include <cmocka.h>

static char root[64];

static const char *in_root(const char *path)
{
	static char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s/%s", root, path);
	return full;
}

static void put(const char *path, const char *text)
{
	assert_int_equal(write_file_atomic(in_root(path), text, strlen(text), 0644, false), 0);
}

static void shell(const char *command)
{
	char text[PATH_MAX];

	snprintf(text, sizeof(text), "cd '%s' && %s", root, command);
	assert_int_equal(system(text), 0);
}

#define CONF "etc/cocod/broker.conf"
#define DROP_IN "etc/cocod/broker.conf.d/x.conf"
#define ROOT_CONF "etc/cocod/secrets.d/root.conf"
#define DATA_CONF "etc/cocod/secrets.d/vdata.conf"
#define PEM_FILE "etc/cocod/broker.pem"
#define PIN "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define GUID "0f2e573e-be4d-a7d6-bdc4-908077d7628d"
/* printf 'coco uri\0default/luks/root' | sha256sum, with the bits of version and variant */
#define ROOT_GUID "947b7564-ba1f-83b3-9b2d-e77f5666d784"
#define URL "Url=https://kbs.example\n"
#define IDENTITY "Identity=/" PEM_FILE "\n"
#define GOOD "[Broker]\n" URL IDENTITY
#define SECRET "[Secret]\nUri=kbs:///default/luks/root\nConsumers=cryptsetup:root\n"

static void fill(void)
{
	shell("rm -rf ./* && mkdir -p etc/cocod/broker.conf.d etc/cocod/secrets.d");
	put(CONF, GOOD);
	put(PEM_FILE, BROKER_PEM);
	put(ROOT_CONF, SECRET);
}

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	log_set_max_level(LOG_EMERG);
	snprintf(root, sizeof(root), "%s/coco-broker.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
	shell("rm -rf \"$PWD\"");
	return 0;
}

static struct config *load_good(void)
{
	struct config *c;

	assert_int_equal(config_load(root, &c), 0);
	if (c->errors.n > 0)
		fail_msg("%s", c->errors.first);
	return c;
}

/* There must be an error, and the first must name @path and contain @text. */
static void assert_closed(const char *path, const char *text)
{
	_cleanup_(config_freep) struct config *c = NULL;

	assert_int_equal(config_load(root, &c), 0);
	if (c->errors.n == 0)
		fail_msg("'%s': no error for '%s'", path, text);
	if (!strstr(c->errors.first, in_root(path)) || !strstr(c->errors.first, text))
		fail_msg("'%s', '%s': %s", path, text, c->errors.first);
}

static void test_none(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	static const struct broker_settings none;

	fill();
	shell("rm -r " CONF " " ROOT_CONF);
	c = load_good();
	assert_memory_equal(&c->broker, &none, sizeof(none));
}

static void test_defaults(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const struct broker_settings *b;

	fill();
	c = load_good();
	b = &c->broker;
	assert_true(b->present);
	assert_int_equal(b->trust, BROKER_TRUST_IDENTITY);
	assert_false(broker_is_tls_only(b));
	assert_int_equal(b->n_urls, 1);
	assert_string_equal(b->urls[0], "https://kbs.example");
	assert_string_equal(b->pem_path, "/" PEM_FILE);
	assert_string_equal(b->pem, BROKER_PEM);
	assert_int_equal(b->pem_len, strlen(BROKER_PEM));
	assert_string_equal(b->server_name, "");
	assert_string_equal(b->public_key, "");
	assert_string_equal(b->proxy, "");
	assert_string_equal(b->uri_prefix, "");
	assert_string_equal(b->init_data, "");
	assert_int_equal(b->timeout_usec, 90000000);
	assert_int_equal(b->curve, BROKER_P256);
	assert_false(b->measure_release);
}

static void test_all(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const struct broker_settings *b;

	fill();
	put(CONF, "[Broker]\nUrl=https://other.example\nPublicKey=" PIN "\nCurve=P-256\n");
	put(DROP_IN, "[Broker]\nUrl=  vsock://2:8743\thttps://KBS.example:443  "
		     "https://kbs.example:8443\nServerName=Kbs.Example\n"
		     "UriPrefix=kbs:///default/vm7/\nInitData=smbios\nTimeoutSec=2min\n"
		     "Curve=P-521\nProxy=http://proxy:3128\nMeasureRelease=yes\n");
	put(DATA_CONF, "[Secret]\nUri=init-data\n");
	c = load_good();
	b = &c->broker;
	assert_int_equal(b->trust, BROKER_TRUST_PUBLIC_KEY);
	assert_true(broker_is_tls_only(b));
	assert_string_equal(b->public_key, PIN);
	assert_null(b->pem);
	assert_int_equal(b->n_urls, 3);
	assert_string_equal(b->urls[0], "vsock://2:8743");
	assert_string_equal(b->urls[1], "https://kbs.example");
	assert_string_equal(b->urls[2], "https://kbs.example:8443");
	assert_string_equal(b->server_name, "kbs.example");
	assert_string_equal(b->uri_prefix, "default/vm7/");
	assert_string_equal(b->init_data, "smbios");
	assert_int_equal(b->timeout_usec, 120000000);
	assert_int_equal(b->curve, BROKER_P521);
	assert_string_equal(b->proxy, "http://proxy:3128");
	assert_true(b->measure_release);
	assert_int_equal(c->n_policies, 2);
	assert_string_equal(c->policies[1].path, SECRET_PATH_INIT_DATA);
	assert_true(c->policies[1].init_data);
}

static void test_prefixes(void **state)
{
	static const char *const prefixes[][2] = {
		{ "kbs:///default/", "default/" },
		{ "kbs:///default/vm7/", "default/vm7/" },
		{ "kbs+resource:///a/", "a/" },
		{ "kbs+provisioner:///", "+provisioner/" },
		{ "kbs+provisioner:///default/6f1/x/y/", "+provisioner/default/6f1/x/y/" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		_cleanup_(config_freep) struct config *c = NULL;
		char text[256];

		fill();
		snprintf(text, sizeof(text), GOOD "UriPrefix=%s\n", prefixes[i][0]);
		put(CONF, text);
		c = load_good();
		assert_string_equal(c->broker.uri_prefix, prefixes[i][1]);
	}
}

static void test_bad_options(void **state)
{
	static const char *const bad[][2] = {
		{ "[Broker]\n" URL, "a broker that nobody authenticates is refused" },
		{ "# nothing\n", "a broker that nobody authenticates is refused" },
		{ "[Broker]\n" IDENTITY, "Url= is missing" },
		{ "[Broker]\n" IDENTITY "InitData=none\n", "Url= is missing" },
		{ GOOD "PublicKey=" PIN "\n", "There are both Identity= and PublicKey=" },
		{ GOOD "Authority=/x\n", "There are both Identity= and Authority=" },
		{ "[Broker]\n" URL "PublicKey=" PIN "\nAuthority=/x\n",
		  "There are both PublicKey= and Authority=" },
		{ GOOD IDENTITY, ":4: the option 'Identity' is given twice" },
		{ GOOD URL, ":4: the option 'Url' is given twice" },
		{ GOOD "[Cocod]\nRequire=none\n", ":4: Unknown section [Cocod]" },
		{ GOOD "Identities=/x\n", "Unknown option 'Identities'" },
		{ "[Broker]\n" IDENTITY "Url=http://kbs.example\n",
		  ":3: Url= has 'http://kbs.example': nobody is authenticated over http://" },
		{ "[Broker]\n" IDENTITY "Url=https://kbs.example http://127.0.0.1:8080\n",
		  "nobody is authenticated over http://" },
		{ "[Broker]\n" IDENTITY "Url=\n", ":3: Url= takes addresses" },
		{ "[Broker]\n" IDENTITY "Url=https://kbs.example/kbs\n", "Url= takes addresses" },
		{ "[Broker]\n" IDENTITY "Url=https://a https://b,https://c\n", "Url= takes" },
		{ "[Broker]\n" IDENTITY "Url=https://a:443 https://A\n",
		  "Url= has the address 'https://a' twice" },
		{ "[Broker]\n" IDENTITY "Url=https://a1 https://a2 https://a3 https://a4 "
		  "https://a5 https://a6 https://a7 https://a8 https://a9\n",
		  "Url= has more than 8 addresses" },
		{ GOOD "ServerName=https://a\n", "ServerName= takes" },
		{ GOOD "ServerName=*.example\n", "ServerName= takes" },
		{ "[Broker]\n" URL "Identity=broker.pem\n", "Identity= takes an absolute path" },
		{ "[Broker]\n" URL "Authority=\n", "Authority= takes an absolute path" },
		{ "[Broker]\n" URL "PublicKey=AAAA\n", "PublicKey= takes" },
		{ "[Broker]\n" URL "PublicKey=sha256//AAAA\n", "PublicKey= takes" },
		{ "[Broker]\n" URL "PublicKey=" PIN ";" PIN "\n", "PublicKey= takes" },
		{ "[Broker]\n" URL "PublicKey=sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB="
		  "\n", "PublicKey= takes" },
		{ GOOD "UriPrefix=kbs:///\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=kbs:///default\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=kbs:///default/a/b/\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=kbs://host/default/\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=kbs+p:///a?b/\n", "UriPrefix= takes" },
		{ GOOD "UriPrefix=/default/\n", "UriPrefix= takes" },
		{ GOOD "InitData=dmi\n", "InitData= takes" },
		{ GOOD "TimeoutSec=0\n", "TimeoutSec= takes" },
		{ GOOD "TimeoutSec=3601\n", "TimeoutSec= takes" },
		{ GOOD "TimeoutSec=for ever\n", "TimeoutSec= takes" },
		{ GOOD "Curve=P-384\n", "Curve= takes" },
		{ GOOD "Proxy=proxy\n", "Proxy= takes" },
		{ GOOD "Proxy=\n", "Proxy= takes" },
		{ GOOD "MeasureRelease=perhaps\n", "MeasureRelease= takes" },
		{ "[Broker]\nUrl=https://a vsock://2:1\nAuthority=/" PEM_FILE "\n",
		  "ServerName= is missing: with Authority=" },
		{ "[Broker]\nInitData=smbios\nAuthority=/" PEM_FILE "\n",
		  "and without Url= the init data would choose it" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		put(CONF, bad[i][0]);
		assert_closed(CONF, bad[i][1]);
	}
	fill();
	put(DROP_IN, "\x01\xff garbage");
	assert_closed(DROP_IN, ":1: it has the control character");
	/* Nothing of a broker.conf stays behind that a drop-in could complete. */
	fill();
	put(CONF, "[Broker]\n" IDENTITY);
	put(DROP_IN, "[Broker]\nPublicKey=" PIN "\n" URL);
	assert_closed(DROP_IN, "There are both");
	/* A drop-in alone is a broker too, and as incomplete. */
	fill();
	shell("rm " CONF);
	put(DROP_IN, "[Broker]\nTimeoutSec=1\n");
	assert_closed(DROP_IN, "a broker that nobody authenticates is refused");
}

static void test_lengths(void **state)
{
	char text[1024], word[300];

	memset(word, 'a', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	for (unsigned i = 0; i < 6; i++) {
		static const char *const options[] = { "Url=https://", "Identity=/",
						       "Authority=/", "InitData=/",
						       "UriPrefix=kbs:///", "ServerName=" };

		fill();
		snprintf(text, sizeof(text), "[Broker]\n%s%s%s\n", options[i], word,
			 i == 4 ? "/" : "");
		put(CONF, text);
		assert_closed(CONF, ":2: ");
	}
}

static void test_pem(void **state)
{
	static const char *const bad[][2] = {
		{ "rm " PEM_FILE, "it does not exist or is empty" },
		{ ": >" PEM_FILE, "it does not exist or is empty" },
		{ "ln -sf /dev/null " PEM_FILE, "it does not exist or is empty" },
		{ "ln -sf nowhere " PEM_FILE, "leads nowhere" },
		{ "rm " PEM_FILE "; mkdir " PEM_FILE, "a folder" },
		{ "rm " PEM_FILE "; mkfifo " PEM_FILE, "not a regular file" },
		{ "echo garbage >" PEM_FILE, "it has no certificate" },
		{ "echo -----BEGIN PRIVATE KEY----- >>" PEM_FILE, "it has a private key" },
		{ "echo -----BEGIN EC PRIVATE KEY----- >>" PEM_FILE, "it has a private key" },
		{ "printf '\\0' >>" PEM_FILE, "it is not a text" },
		{ "sed -i '3s/A/B/g' " PEM_FILE, "certificate" },
		{ "sed -i '$d' " PEM_FILE, "certificate" },
		{ "head -c 65537 /dev/zero | tr '\\0' '\\n' >" PEM_FILE, "larger than" },
	};
	_cleanup_(config_freep) struct config *c = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		shell(bad[i][0]);
		assert_closed(PEM_FILE, bad[i][1]);
		put(CONF, "[Broker]\n" URL "Authority=/" PEM_FILE "\n");
		assert_closed(PEM_FILE, bad[i][1]);
	}
	/* The broker's identity is a key of P-256.  An authority may have any key. */
	fill();
	put(PEM_FILE, BROKER_PEM BROKER_PEM_P384);
	assert_closed(PEM_FILE, "P-256");
	put(CONF, "[Broker]\n" URL "Authority=/" PEM_FILE "\n");
	c = load_good();
	assert_int_equal(c->broker.trust, BROKER_TRUST_AUTHORITY);
	assert_true(broker_is_tls_only(&c->broker));
	assert_string_equal(c->broker.pem, BROKER_PEM BROKER_PEM_P384);
}

static void test_secrets(void **state)
{
	_cleanup_(config_freep) struct config *c = NULL;
	const struct secret_policy *p;
	char guid[GUID_TEXT_LEN + 1];

	fill();
	put("etc/cocod/secrets.d/a.conf", "[Secret]\nGuid=" GUID "\nUri=kbs:///a/b/c\n");
	put("etc/cocod/secrets.d/b.conf",
	    "[Secret]\nUri=kbs+p:///x\nGuid=736869e5-84f0-4973-92ec-06879ce3da0b\n");
	c = load_good();
	assert_int_equal(c->n_policies, 3);
	p = &c->policies[0];
	guid_format(&p->guid, guid);
	assert_string_equal(guid, GUID);
	assert_string_equal(p->path, "a/b/c");
	assert_false(p->no_launch);
	assert_false(p->broker_first);
	p = &c->policies[1];
	assert_string_equal(p->path, "+p/x");
	assert_false(p->no_launch);
	assert_true(p->broker_first);
	p = &c->policies[2];
	guid_format(&p->guid, guid);
	assert_string_equal(guid, ROOT_GUID);
	assert_string_equal(p->path, "default/luks/root");
	assert_true(p->no_launch);
	assert_int_equal(p->wipe, WIPE_CONFIRMED);
}

static void test_bad_secrets(void **state)
{
	static const char *const bad[][2] = {
		{ "[Secret]\nConsumers=get\n", "Guid= and Uri= are missing" },
		{ "[Secret]\nUri=\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=default/luks/data\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=kbs:///default/luks\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=kbs:///default/../data\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=kbs://evil.example/default/luks/data\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=https://kbs.example/default/luks/data\n", ":2: Uri= takes" },
		{ "[Secret]\nUri=kbs:///a/b/c\nUri=kbs:///a/b/d\n",
		  ":3: the option 'Uri' is given twice" },
		{ "[Secret]\nUri=kbs:///default/luks/root\n",
		  "Uri= is the same as that of the secret 'root'" },
		{ "[Secret]\nUri=kbs+resource:///default/luks/root\n",
		  "Uri= is the same as that of the secret 'root'" },
		{ "[Secret]\nGuid=" GUID "\nUri=kbs:///default/luks/root\n",
		  "Uri= is the same as that of the secret 'root'" },
		{ "[Secret]\nGuid=" ROOT_GUID "\n",
		  "Guid= is the same as that of the secret 'root'" },
		{ "[Secret]\nUri=kbs:///a/b/c\nName=" ROOT_GUID "\n",
		  "The name '" ROOT_GUID "' is another secret's GUID" },
		{ "[Secret]\nUri=init-data\n", "Uri=init-data needs InitData=" },
		{ "[Secret]\nGuid=" GUID "\nConsumers=cryptsetup:root\n",
		  "The volume 'root' would get a launch secret or one from the broker, as the "
		  "secret 'root' is for it too" },
		{ "[Secret]\nGuid=" GUID "\nUri=kbs:///a/b/c\nConsumers=get cryptsetup:root\n",
		  "The volume 'root' would get" },
	};
	char uri[300] = "[Secret]\nUri=kbs:///a/b/";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		put(DATA_CONF, bad[i][0]);
		assert_closed(DATA_CONF, bad[i][1]);
	}
	fill();
	memset(uri + strlen(uri), 'c', BROKER_PATH_LEN);
	put(DATA_CONF, uri);
	assert_closed(DATA_CONF, ":2: Uri= is too long");
	fill();
	put(CONF, GOOD "InitData=smbios\n");
	put(DATA_CONF, "[Secret]\nUri=init-data\n");
	assert_closed(DATA_CONF, "Uri=init-data needs UriPrefix=");
	put(CONF, GOOD "InitData=smbios\nUriPrefix=kbs:///default/\n");
	put("etc/cocod/secrets.d/w.conf", "[Secret]\nUri=init-data\n");
	assert_closed("etc/cocod/secrets.d/w.conf", "Uri= is the same");
	/* Any volume: neither may come in when the other is wiped. */
	fill();
	put(ROOT_CONF, "[Secret]\nUri=kbs:///a/b/c\nConsumers=cryptsetup\n");
	put(DATA_CONF, "[Secret]\nGuid=" GUID "\nConsumers=cryptsetup\n");
	assert_closed(DATA_CONF, "A volume would get a launch secret or one from the broker");
	fill();
	shell("rm " CONF);
	assert_closed(ROOT_CONF, "there is no broker.conf");
}

/* What one secret has and another may not, whichever of their files is read first. */
static void test_unique(void **state)
{
	static const char first[] = "[Secret]\nGuid=" GUID "\nConsumers=rest:1 cryptsetup:one\n"
				    "RestPath=a/b/c\n",
			  second[] = "[Secret]\nUri=kbs:///d/e/f\n"
				     "Consumers=rest:1 cryptsetup:two\n";
	static const struct {
		const char *text, *error;
	} bad[] = {
		{ "Uri=kbs:///a/b/c\n", "The path 'a/b/c' is that of the secret 'root' too" },
		{ "Uri=kbs:///g/h/i\nRestPath=a/b/c\nConsumers=rest:2\n",
		  "The path 'a/b/c' is that of the secret 'root' too" },
		{ "Uri=kbs:///g/h/i\nRestPath=d/e/f\nConsumers=rest:2\n",
		  "The path 'd/e/f' is that of the secret 'vdata' too" },
		{ "Uri=kbs:///g/h/i\nName=root\n", "The name 'root' is another secret's already" },
		{ "Uri=kbs:///g/h/i\nConsumers=cryptsetup:two cryptsetup:one\n",
		  "The volume 'one' would get a launch secret or one from the broker, as the "
		  "secret 'root' is for it too" },
		{ "Guid=00000000-2222-3333-4444-555555555555\nConsumers=cryptsetup:two\n",
		  "The volume 'two' would get a launch secret or one from the broker, as the "
		  "secret 'vdata' is for it too" },
	};
	_cleanup_(config_freep) struct config *c = NULL;
	char text[512];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		fill();
		put(ROOT_CONF, first);
		put(DATA_CONF, second);
		snprintf(text, sizeof(text), "[Secret]\n%s", bad[i].text);
		put("etc/cocod/secrets.d/w.conf", text);
		assert_closed("etc/cocod/secrets.d/w.conf", bad[i].error);
	}
	/* The same of the same kind is no mistake: two keys for one volume. */
	put("etc/cocod/secrets.d/w.conf",
	    "[Secret]\nUri=kbs:///g/h/i\nConsumers=rest:1 cryptsetup:two\n");
	c = load_good();
	assert_int_equal(c->n_policies, 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none),	    cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all),	    cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_bad_options), cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_pem),	    cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_bad_secrets), cmocka_unit_test(test_unique),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}

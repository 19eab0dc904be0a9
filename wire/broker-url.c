/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/broker-url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define HEX DIGITS "abcdef"
#define ALNUM DIGITS "abcdefghijklmnopqrstuvwxyz"
#define DNS_NAME_MAX 253
#define DNS_LABEL_MAX 63
#define HTTPS_PORT 443
/* The highest number of each kind means "any": VMADDR_CID_ANY, VMADDR_PORT_ANY. */
#define VSOCK_MAX (UINT32_MAX - 1)

static const char *const schemes[_BROKER_SCHEME_MAX] = {
	[BROKER_HTTPS] = "https://",
	[BROKER_VSOCK] = "vsock://",
	[BROKER_HTTP] = "http://",
};

/* Read all of @text, a number from 1 to @max. */
static int parse_number(const char *text, uint32_t max, uint32_t *ret)
{
	size_t n = strspn(text, DIGITS);
	uint64_t v = 0;

	if (n == 0 || n > 10 || text[n] || text[0] == '0')
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		v = 10 * v + (uint64_t)(text[i] - '0');
	if (v > max)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

/* ---- hosts ---- */

/* True if the last word of @host is a number: "1.2.3.4", but also "2130706433" and "a.0x7f". */
static bool ends_in_number(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	if (last[strspn(last, DIGITS)] == '\0')
		return true;
	return strncmp(last, "0x", 2) == 0 && last[2 + strspn(last + 2, HEX)] == '\0';
}

static bool is_dns_name(const char *host)
{
	for (;;) {
		size_t n = strspn(host, ALNUM "-");

		if (n == 0 || n > DNS_LABEL_MAX || host[0] == '-' || host[n - 1] == '-')
			return false;
		host += n;
		if (!*host)
			return true;
		if (*host++ != '.')
			return false;
	}
}

/* Returns true when @text is an address of @family, spelled anew in @ret. */
static bool parse_ip(int family, const char *text, char ret[static BROKER_NAME_LEN])
{
	struct in6_addr address;	/* has room for an IPv4 address */

	return inet_pton(family, text, &address) == 1 &&
	       inet_ntop(family, &address, ret, BROKER_NAME_LEN);
}

int broker_host_parse(const char *text, char ret[static BROKER_NAME_LEN])
{
	char lower[BROKER_NAME_LEN] = "", host[BROKER_NAME_LEN] = "";
	size_t len = strlen(text);
	bool good;

	if (len > DNS_NAME_MAX)
		return -EMSGSIZE;
	for (size_t i = 0; i < len; i++)
		lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 'a' - 'A') : text[i];
	if (strchr(lower, ':'))
		good = parse_ip(AF_INET6, lower, host);
	else if (ends_in_number(lower))
		good = parse_ip(AF_INET, lower, host);
	else
		good = is_dns_name(memcpy(host, lower, sizeof(host)));
	if (!good)
		return -EINVAL;
	memcpy(ret, host, sizeof(host));
	return 0;
}

/* ---- addresses ---- */

/* @text is CID:PORT. */
static int parse_vsock(const char *text, struct broker_url *u)
{
	char cid[16] = "";
	size_t n = strcspn(text, ":");
	int r;

	if (!text[n] || n >= sizeof(cid))
		return -EINVAL;
	memcpy(cid, text, n);
	r = parse_number(cid, VSOCK_MAX, &u->cid);
	if (r == 0)
		r = parse_number(text + n + 1, VSOCK_MAX, &u->port);
	if (r < 0)
		return r;
	(void) snprintf(u->text, sizeof(u->text), "%s%u:%u", schemes[BROKER_VSOCK], u->cid,
			u->port);
	return 0;
}

/* @text is HOST, HOST:PORT, [HOST] or [HOST]:PORT.  Without a port it is 0. */
static int split_host(const char *text, struct broker_url *u)
{
	bool brackets = text[0] == '[';
	const char *host = text + brackets, *rest;
	size_t n = strcspn(host, brackets ? "]" : ":");
	char name[BROKER_NAME_LEN] = "";
	int r;

	if (n >= sizeof(name))
		return -EMSGSIZE;
	if (brackets && !host[n])
		return -EINVAL;
	memcpy(name, host, n);
	rest = host + n + brackets;
	r = broker_host_parse(name, u->host);
	if (r < 0)
		return r;
	/* Only an IPv6 address has brackets. */
	if (brackets != !!strchr(u->host, ':'))
		return -EINVAL;
	if (!*rest)
		return 0;
	return *rest == ':' ? parse_number(rest + 1, UINT16_MAX, &u->port) : -EINVAL;
}

static int format_host(struct broker_url *u, bool with_port)
{
	bool brackets = strchr(u->host, ':') != NULL;
	char port[16] = "";
	int n;

	if (with_port)
		(void) snprintf(port, sizeof(port), ":%u", u->port);
	n = snprintf(u->text, sizeof(u->text), "%s%s%s%s%s", schemes[u->scheme],
		     brackets ? "[" : "", u->host, brackets ? "]" : "", port);
	return n < 0 || (size_t)n >= sizeof(u->text) ? -EMSGSIZE : 0;
}

static int find_scheme(const char *text, enum broker_scheme *ret)
{
	for (unsigned i = 0; i < _BROKER_SCHEME_MAX; i++)
		if (strncmp(text, schemes[i], strlen(schemes[i])) == 0) {
			*ret = (enum broker_scheme)i;
			return 0;
		}
	return -EINVAL;
}

int broker_url_parse(const char *text, struct broker_url *ret)
{
	struct broker_url u = { 0 };
	int r;

	r = find_scheme(text, &u.scheme);
	if (r < 0)
		return r;
	if (u.scheme == BROKER_HTTP)
		return -EPROTONOSUPPORT;
	text += strlen(schemes[u.scheme]);
	if (u.scheme == BROKER_VSOCK) {
		r = parse_vsock(text, &u);
	} else {
		r = split_host(text, &u);
		if (u.port == 0)
			u.port = HTTPS_PORT;
		if (r == 0)
			r = format_host(&u, u.port != HTTPS_PORT);
	}
	if (r == 0)
		*ret = u;
	return r;
}

int broker_proxy_parse(const char *text, struct broker_url *ret)
{
	struct broker_url u = { 0 };
	int r;

	r = find_scheme(text, &u.scheme);
	if (r == 0 && u.scheme == BROKER_VSOCK)
		r = -EINVAL;
	if (r == 0)
		r = split_host(text + strlen(schemes[u.scheme]), &u);
	if (r == 0)
		r = u.port ? format_host(&u, true) : -EINVAL;
	if (r == 0)
		*ret = u;
	return r;
}

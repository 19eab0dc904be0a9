/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/kbs-uri.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define NAME LETTERS DIGITS "_-"
#define WORD NAME "."
#define HOST NAME ".:[]"
#define SCHEME "kbs"
#define RESOURCE "resource"

/* One word of @text and what ends it.  Returns its length, or 0 if it is not a word. */
static size_t word_len(const char *text)
{
	size_t n = strspn(text, WORD);

	return n > 0 && text[0] != '.' ? n : 0;
}

static bool query_is_valid(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}#", *text))
			return false;
	return true;
}

/* @text is "a/b/c" or "a/b/c?query"; it has @exactly that many words, or with 0 any number. */
static bool words_are_valid(const char *text, unsigned exactly)
{
	unsigned n = 0;

	do {
		size_t len = word_len(text + (n > 0));

		text += (n > 0) + len;
		if (len == 0)
			return false;
		n++;
	} while (*text == '/');
	if (exactly && n != exactly)
		return false;
	return *text == '\0' || (*text == '?' && text[1] && query_is_valid(text + 1));
}

bool kbs_path_is_valid(const char *path)
{
	size_t plugin;

	if (strlen(path) >= BROKER_PATH_LEN)
		return false;
	if (path[0] != '+')
		return words_are_valid(path, 3);
	plugin = strspn(path + 1, NAME);
	/* Two names for one secret would be two secrets to everybody who compares them. */
	if (plugin == 0 || (plugin == strlen(RESOURCE) && strncmp(path + 1, RESOURCE, plugin) == 0))
		return false;
	return path[1 + plugin] == '/' && words_are_valid(path + 2 + plugin, 0);
}

int kbs_uri_parse(const char *text, struct kbs_uri *ret)
{
	struct kbs_uri uri = { "", "" };
	const char *plugin = RESOURCE, *host;
	size_t plugin_len = strlen(RESOURCE), host_len;
	bool resource;
	int n;

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return -EINVAL;
	text += strlen(SCHEME);
	if (*text == '+') {
		plugin = text + 1;
		plugin_len = strspn(plugin, NAME);
		text = plugin + plugin_len;
	}
	if (plugin_len == 0 || strncmp(text, "://", 3) != 0)
		return -EINVAL;
	host = text + 3;
	host_len = strspn(host, HOST);
	if (host[host_len] != '/')
		return -EINVAL;
	if (host_len >= sizeof(uri.host))
		return -EMSGSIZE;
	memcpy(uri.host, host, host_len);
	resource = plugin_len == strlen(RESOURCE) && strncmp(plugin, RESOURCE, plugin_len) == 0;
	if (resource)
		n = snprintf(uri.path, sizeof(uri.path), "%s", host + host_len + 1);
	else
		n = snprintf(uri.path, sizeof(uri.path), "+%.*s/%s", (int)plugin_len, plugin,
			     host + host_len + 1);
	if (n < 0 || (size_t)n >= sizeof(uri.path))
		return -EMSGSIZE;
	if (!kbs_path_is_valid(uri.path))
		return -EINVAL;
	*ret = uri;
	return 0;
}

void kbs_path_format(const char *path, char *ret, size_t size)
{
	size_t plugin = path[0] == '+' ? strcspn(path, "/") : 0;

	(void) snprintf(ret, size, SCHEME "%.*s://%s%s", (int)plugin, path,
			plugin ? "" : "/", path + plugin);
}

void kbs_path_request(const char *path, char *ret, size_t size)
{
	(void) snprintf(ret, size, "%s%s", path[0] == '+' ? "" : RESOURCE "/",
			path + (path[0] == '+'));
}

bool kbs_path_is_below(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	if (n == 0)
		return false;
	if (strcmp(path, prefix) == 0)
		return true;
	return prefix[n - 1] == '/' && strncmp(path, prefix, n) == 0;
}

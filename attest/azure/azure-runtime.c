/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/azure/azure-runtime.h"

#include "base/base64.h"
#include "wire/jspan.h"

static int problem(const char **ret, int error, const char *text)
{
	*ret = text;
	return error;
}

struct key {
	struct bytes kid, kty, e, n;
};

static const struct jspan_field key_fields[] = {
	{ "kid", jspan_read_text, offsetof(struct key, kid) },
	{ "kty", jspan_read_text, offsetof(struct key, kty), .optional = true },
	{ "e", jspan_read_text, offsetof(struct key, e), .optional = true },
	{ "n", jspan_read_text, offsetof(struct key, n), .optional = true },
	{ NULL },
};

static bool is(struct bytes text, const char *s)
{
	return text.len == strlen(s) && memcmp(text.p, s, text.len) == 0;
}

static int read_ak(const struct key *key, struct azure_runtime *rt, const char **ret_problem)
{
	ssize_t n;

	if (!is(key->kty, "RSA"))
		return problem(ret_problem, -ENOKEY, "HCLAkPub is not an RSA key");
	if (!is(key->e, "AQAB"))
		return problem(ret_problem, -ENOKEY, "HCLAkPub has another exponent than 65537");
	n = base64url_decode((const char *)key->n.p, key->n.len, rt->ak_n, sizeof(rt->ak_n));
	if (n <= 0)
		return problem(ret_problem, -ENOKEY, "HCLAkPub has a modulus that cannot be read");
	rt->ak_n_len = (size_t)n;
	return 0;
}

static int read_keys(struct bytes keys, struct azure_runtime *rt, const char **ret_problem)
{
	struct bytes element;
	unsigned n_aks = 0;
	int r;

	if (jspan_type(keys) != JSPAN_ARRAY)
		return problem(ret_problem, -EBADMSG, "its keys are not a list");
	while ((r = jspan_next_element(&keys, &element)) > 0) {
		struct key key = { 0 };

		if (jspan_object_read(element, key_fields, /* closed= */ false, &key, NULL) < 0)
			return problem(ret_problem, -EBADMSG,
				       "one of its keys has no kid, or a member of another type");
		if (!is(key.kid, "HCLAkPub"))
			continue;
		if (n_aks++ > 0)
			return problem(ret_problem, -ENOKEY, "it has more than one HCLAkPub");
		r = read_ak(&key, rt, ret_problem);
		if (r < 0)
			return r;
	}
	return n_aks == 1 ? 0 : problem(ret_problem, -ENOKEY, "it has no HCLAkPub");
}

struct outer {
	struct bytes keys, configuration, user_data;
};

static const struct jspan_field outer_fields[] = {
	{ "keys", jspan_read_value, offsetof(struct outer, keys) },
	{ "vm-configuration", jspan_read_value, offsetof(struct outer, configuration),
	  .optional = true },
	{ "user-data", jspan_read_value, offsetof(struct outer, user_data), .optional = true },
	{ NULL },
};

int azure_runtime_read(struct bytes json, struct azure_runtime *ret, const char **ret_problem)
{
	struct outer outer = { 0 };
	struct bytes object;
	int r;

	memset(ret, 0, sizeof(*ret));
	r = jspan_check(json, &object);
	if (r < 0)
		return problem(
			ret_problem, r,
			"it is not JSON, or a member stands twice, or it is nested too deep");
	if (jspan_object_read(object, outer_fields, /* closed= */ false, &outer, NULL) < 0)
		return problem(ret_problem, -EBADMSG, "it is not an object with keys");
	if (outer.configuration.len > 0 && jspan_type(outer.configuration) != JSPAN_OBJECT)
		return problem(ret_problem, -EBADMSG, "its vm-configuration is not an object");
	if (outer.user_data.len > 0 &&
	    jspan_hex(outer.user_data, ret->user_data, sizeof(ret->user_data)) < 0)
		return problem(ret_problem, -EBADMSG,
			       "its user-data are not 128 hexadecimal digits");
	ret->has_user_data = outer.user_data.len > 0;
	ret->configuration = outer.configuration;
	return read_keys(outer.keys, ret, ret_problem);
}

int azure_runtime_flag(const struct azure_runtime *rt, const char *name)
{
	struct bytes value;

	if (rt->configuration.len == 0 || jspan_member(rt->configuration, name, &value) < 0)
		return -ENOENT;
	switch (jspan_type(value)) {
	case JSPAN_TRUE:
		return 1;
	case JSPAN_FALSE:
		return 0;
	default:
		return -EBADMSG;
	}
}

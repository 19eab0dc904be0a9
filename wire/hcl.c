/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/hcl.h"

#include <string.h>

#define REQUEST_ATTESTATION 2
#define DATA_HEADER_LEN 20

static int problem(const char **ret, int error, const char *text)
{
	*ret = text;
	return error;
}

static int parse_header(struct bytes *b, size_t len, const char **ret_problem)
{
	struct bytes magic, reserved;
	uint32_t version, size, request, status;

	if (bytes_take(b, 4, &magic) < 0 || memcmp(magic.p, "HCLA", 4) != 0)
		return problem(ret_problem, -EBADMSG, "it does not begin with 'HCLA'");
	if (bytes_u32le(b, &version) < 0 || bytes_u32le(b, &size) < 0 ||
	    bytes_u32le(b, &request) < 0 || bytes_u32le(b, &status) < 0 ||
	    bytes_take(b, 12, &reserved) < 0)
		return problem(ret_problem, -EBADMSG, "it ends inside its header");
	if (version != 1 && version != 2)
		return problem(ret_problem, -EOPNOTSUPP, "its version is neither 1 nor 2");
	if (size > len)
		return problem(ret_problem, -EBADMSG, "it is shorter than it says");
	if (request != REQUEST_ATTESTATION)
		return problem(ret_problem, -EOPNOTSUPP,
			       "it does not answer a request for attestation");
	return 0;
}

static int parse_data(struct bytes *b, struct hcl_report *hcl, const char **ret_problem)
{
	uint32_t data_len, version, json_len;

	if (bytes_u32le(b, &data_len) < 0 || bytes_u32le(b, &version) < 0 ||
	    bytes_u32le(b, &hcl->kind) < 0 || bytes_u32le(b, &hcl->hash) < 0 ||
	    bytes_u32le(b, &json_len) < 0)
		return problem(ret_problem, -EBADMSG, "it ends before its runtime data");
	if (data_len < DATA_HEADER_LEN || data_len - DATA_HEADER_LEN != json_len)
		return problem(ret_problem, -EBADMSG,
			       "the two lengths of its runtime data contradict each other");
	if (bytes_take(b, json_len, &hcl->runtime_json) < 0)
		return problem(ret_problem, -EBADMSG, "its runtime data run past its end");
	return 0;
}

int hcl_parse(const uint8_t *data, size_t len, struct hcl_report *ret, const char **ret_problem)
{
	struct bytes b = { data, len };
	struct hcl_report hcl = { 0 };
	int r;

	if (len > HCL_MAX)
		return problem(ret_problem, -EMSGSIZE, "it is longer than 64 KiB");
	r = parse_header(&b, len, ret_problem);
	if (r < 0)
		return r;
	if (bytes_take(&b, HCL_HW_REPORT_LEN, &hcl.hw_report) < 0)
		return problem(ret_problem, -EBADMSG, "it ends inside its hardware report");
	r = parse_data(&b, &hcl, ret_problem);
	if (r < 0)
		return r;
	*ret = hcl;
	return 0;
}

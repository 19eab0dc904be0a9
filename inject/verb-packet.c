/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>

#include "base/base64.h"
#include "inject/input.h"
#include "inject/output.h"

static enum status write_base64(const struct args *a, const char *path, const uint8_t *data, size_t len)
{
	_cleanup_(freep) char *text = NULL;

	if (base64_encode(data, len, &text) < 0) {
		log_oom();
		return STATUS_IO;
	}
	return output_file(a, path, text, strlen(text));
}

/* Both files or none: half a packet is of no use to anybody. */
static enum status write_packet(const struct args *a, const struct packet *p)
{
	const char *header = a->value[ARG_HEADER], *payload = a->value[ARG_PAYLOAD];
	enum status status;

	if (streq(header, payload))
		return give_up(STATUS_USAGE, "--header and --payload are the same file");
	status = write_base64(a, payload, p->payload, p->len);
	if (status != STATUS_GOOD)
		return status;
	status = write_base64(a, header, p->header, sizeof(p->header));
	if (status != STATUS_GOOD)
		(void) unlink(payload);
	return status;
}

static enum status print_result(const struct args *a, size_t len)
{
	_cleanup_(json_putp) struct json_object *o = NULL;

	log_info("Wrote a packet of %zu secret%s, %zu bytes, to '%s' and '%s'", a->n_secrets, a->n_secrets == 1 ? "" : "s", len,
		 a->value[ARG_HEADER], a->value[ARG_PAYLOAD]);
	if (!a->value[ARG_JSON])
		return STATUS_GOOD;
	o = json_object_new_object();
	if (!o || json_object_object_add(o, "header", json_object_new_string(a->value[ARG_HEADER])) < 0 ||
	    json_object_object_add(o, "payload", json_object_new_string(a->value[ARG_PAYLOAD])) < 0 ||
	    json_object_object_add(o, "secrets", json_object_new_uint64(a->n_secrets)) < 0 ||
	    json_object_object_add(o, "size", json_object_new_uint64(len)) < 0)
		return output_json(NULL);
	return output_json(o);
}

static enum status run(const struct args *a)
{
	_cleanup_(secret_freep) struct secret *tek = NULL, *tik = NULL, *table = NULL;
	_cleanup_(packet_done) struct packet p = { .payload = NULL };
	struct measurement expected;
	enum status status;
	struct area area;

	status = input_area(a, /* measured= */ false, &area);
	if (status == STATUS_GOOD)
		status = input_measurement(a, &expected);
	if (status == STATUS_GOOD)
		status = input_keys(a, &tek, &tik);
	if (status == STATUS_GOOD)
		status = input_table(a, PACKET_MAX_LEN, &table);
	if (status == STATUS_GOOD)
		status = input_check_size(a, &area, secret_len(table));
	if (status == STATUS_GOOD)
		status = input_packet(tek, tik, expected.bytes, table, &p);
	if (status == STATUS_GOOD)
		status = write_packet(a, &p);
	if (status == STATUS_GOOD)
		status = print_result(a, p.len);
	return status;
}

const struct verb verb_packet = {
	.name = "packet",
	.summary = "encrypt secrets for one measured launch, for another tool to inject",
	.needs = ARG(TEK) | ARG(TIK) | ARG(MEASUREMENT) | ARG(SECRET) | ARG(HEADER) | ARG(PAYLOAD),
	.takes = ARG(STRIP_NEWLINE) | ARG(FIRMWARE) | ARG(AREA_SIZE) | ARG(HUGE_PAGES) | ARG(FORCE) | ARG(JSON),
	.run = run,
};

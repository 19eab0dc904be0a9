/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/base64.h"
#include "inject/broker-packet.h"
#include "inject/input.h"
#include "inject/output.h"
#include "inject/verb-launch.h"

/* Write both files or none: half a packet is useless. */
static enum status write_packet(const struct args *a, const struct packet *p)
{
	_cleanup_(freep) char *header = NULL, *payload = NULL;
	struct cause why;

	if (streq(a->header, a->payload))
		return give_up(STATUS_USAGE, "--header and --payload are the same file");
	if (base64_encode(p->header, sizeof(p->header), &header) < 0 ||
	    base64_encode(p->payload, p->len, &payload) < 0) {
		log_oom();
		return STATUS_IO;
	}
	const struct output files[] = {
		{ a->header, header, strlen(header), 0600 },
		{ a->payload, payload, strlen(payload), 0600 },
	};

	return give_up_if(output_files(a, files, ARRAY_SIZE(files), &why), &why);
}

static const struct option_row options[] = {
	ROWS_SECRETS(", or kbs:///..."),
	ROW_BROKER,
	ROW_TEK,
	ROW_TIK(.required = true),
	ROW_MEASUREMENT(.required = true),
	{ "header", "FILE", "where the packet's header goes, in base64", OPTION_PATH(header),
	  .also = "secret-header", .required = true },
	{ "payload", "FILE", "where the packet's encrypted secrets go, in base64",
	  OPTION_PATH(payload), .also = "secret-payload", .required = true },
	ROW_FIRMWARE,
	{ "area-size", "SIZE", "size in bytes of the area for secrets",
	  OPTION_NUMBER(area_size, 0, UINT64_MAX), .wrong = "is not a number of bytes" },
	ROW_HUGE_PAGES,
	ROW_SECRET_TECH,
	ROWS_LAUNCH,
	ROW_LAUNCH_DIGEST(.excludes = LAUNCH_NAMES, .because = "it is of the whole launch"),
	ROW_POLICY(),
	ROW_API(),
	ROW_BUILD(),
	ROW_FORCE,
	ROW_JSON,
	{ NULL },
};

/* True if an option describes the launch.  --firmware may be there for its area only. */
static bool is_checked(const struct args *a)
{
	return option_first_given(options, LAUNCH_NAMES " launch-digest tech policy api build", a);
}

/* If the owner describes the launch, check that --measurement is its measurement. */
static enum status check_measurement(const struct args *a, const struct measurement *shown,
				     const struct secret *tik, struct launch_input *in,
				     struct measured *ret)
{
	char missing[OPTION_LIST_TEXT_MAX];
	struct measured what = { 0 };
	enum tech tech = TECH_SEV;
	enum status status;
	struct cause why;

	if (option_list_missing(options, "policy api build", a, missing) > 0)
		return give_up(STATUS_USAGE, "To check the measurement it needs %s", missing);
	if (shown->len != sizeof(shown->bytes))
		return give_up(STATUS_USAGE, "To check the measurement its nonce is needed");
	status = give_up_if(input_tech_policy(a, &tech, &what.policy, &why), &why);
	if (status == STATUS_GOOD)
		status = give_up_if(input_version(a, &what, &why), &why);
	if (status == STATUS_GOOD)
		status = give_up_if(launch_input_read(a, tech, /* list= */ false, in, &why), &why);
	*ret = what;
	return status == STATUS_GOOD ? verb_check_launch(in, tik, &what, shown->bytes) : status;
}

/* The area for secrets: from the firmware that was measured, or from the options. */
static enum status read_area(const struct args *a, const struct launch_input *in, struct area *ret)
{
	struct cause why;

	if (in->firmware && !a->area_size.given)
		return give_up_if(input_area_of_image(a->firmware, in->firmware,
						      in->launch.firmware.len, ret, &why),
				  &why);
	return give_up_if(input_area(a, in->firmware != NULL, ret, &why), &why);
}

static enum status print_result(const struct args *a, size_t len)
{
	_cleanup_(json_putp) struct json_object *o = NULL;

	log_info("Wrote a packet of %zu secret%s, %zu bytes, to '%s' and '%s'", a->secrets.n,
		 a->secrets.n == 1 ? "" : "s", len, a->header, a->payload);
	if (!a->json)
		return STATUS_GOOD;
	o = json_document("packet");
	if (!o || json_add_text(o, "header", a->header) < 0 ||
	    json_add_text(o, "payload", a->payload) < 0 ||
	    json_add_unsigned(o, "secrets", a->secrets.n) < 0 ||
	    json_add_unsigned(o, "size", len) < 0)
		return output_json(NULL);
	return output_json(o);
}

struct packing {
	struct secret *tek, *tik;
	struct launch_input in;
	struct measurement expected;
	struct measured measured;	/* if the launch was described */
	struct area area;
	struct packet packet;
};

static void packing_done(struct packing *p)
{
	secret_freep(&p->tek);
	secret_freep(&p->tik);
	launch_input_done(&p->in);
	packet_done(&p->packet);
}

static enum status pack_files(const struct args *a, struct packing *p)
{
	_cleanup_(secret_freep) struct secret *table = NULL;
	struct cause why;
	int r;

	r = input_table(a, PACKET_MAX_LEN, &table, &why);
	if (r == 0)
		r = input_check_size(a, &p->area, secret_len(table), &why);
	if (r == 0)
		r = input_packet(p->tek, p->tik, p->expected.bytes, table, &p->packet, &why);
	return give_up_if(r, &why);
}

static enum status ask_broker(const struct args *a, struct packing *p)
{
	struct broker_launch l = { .tek = p->tek, .tik = p->tik, .measured = p->measured,
				   .room = input_room(a, &p->area) };
	struct cause why;
	int r;

	memcpy(l.digest, p->in.digest, sizeof(l.digest));
	memcpy(l.blob, p->expected.bytes, sizeof(l.blob));
	r = broker_packet(a, &l, &p->packet, &why);
	if (r == 0)
		r = input_check_size(a, &p->area, p->packet.len, &why);
	return give_up_if(r, &why);
}

static int run(struct args *a)
{
	_cleanup_(packing_done) struct packing p = { .tek = NULL };
	bool brokers = false;
	enum status status;
	struct cause why;

	status = give_up_if(input_is_from_broker(a, &brokers, &why), &why);
	if (status == STATUS_GOOD && brokers && !is_checked(a))
		status = give_up(STATUS_USAGE,
				 "A broker judges the launch: describe it, with --launch-digest or "
				 "--firmware, and with --policy, --api and --build");
	if (status == STATUS_GOOD)
		status = give_up_if(input_measurement(a, &p.expected, &why), &why);
	if (status == STATUS_GOOD)
		status = give_up_if(input_keys(a, &p.tek, &p.tik, &why), &why);
	if (status == STATUS_GOOD && is_checked(a))
		status = check_measurement(a, &p.expected, p.tik, &p.in, &p.measured);
	if (status == STATUS_GOOD)
		status = read_area(a, &p.in, &p.area);
	if (status == STATUS_GOOD)
		status = brokers ? ask_broker(a, &p) : pack_files(a, &p);
	if (status == STATUS_GOOD)
		status = write_packet(a, &p.packet);
	if (status == STATUS_GOOD)
		status = print_result(a, p.packet.len);
	return status;
}

const struct verb verb_packet = {
	.name = "packet",
	.help = "Encrypt secrets for one measured launch, for another tool to inject",
	.example = "--secret=luks:passphrase --tek=vm_tek.bin --tik=vm_tik.bin "
		   "--measurement=$MEASUREMENT --header=header.b64 --payload=payload.b64",
	.options = options,
	.run = run,
};

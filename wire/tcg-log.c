/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "wire/tcg-log.h"

#include <string.h>

static const uint8_t signature[16] = "Spec ID Event03";

static const struct {
	uint16_t id, len;
} known_algs[] = {
	{ TCG_ALG_SHA1, 20 },
	{ TCG_ALG_SHA256, 32 },
	{ TCG_ALG_SHA384, 48 },
	{ TCG_ALG_SHA512, 64 },
	{ TCG_ALG_SM3, 32 },
};

/* TCG PC Client Platform Firmware Profile, table of event types. */
static const struct {
	uint32_t type;
	const char *name;
} type_names[] = {
	{ 0x00000000, "EV_PREBOOT_CERT" },
	{ 0x00000001, "EV_POST_CODE" },
	{ 0x00000003, "EV_NO_ACTION" },
	{ 0x00000004, "EV_SEPARATOR" },
	{ 0x00000005, "EV_ACTION" },
	{ 0x00000006, "EV_EVENT_TAG" },
	{ 0x00000007, "EV_S_CRTM_CONTENTS" },
	{ 0x00000008, "EV_S_CRTM_VERSION" },
	{ 0x00000009, "EV_CPU_MICROCODE" },
	{ 0x0000000a, "EV_PLATFORM_CONFIG_FLAGS" },
	{ 0x0000000b, "EV_TABLE_OF_DEVICES" },
	{ 0x0000000c, "EV_COMPACT_HASH" },
	{ 0x0000000d, "EV_IPL" },
	{ 0x0000000e, "EV_IPL_PARTITION_DATA" },
	{ 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
	{ 0x80000002, "EV_EFI_VARIABLE_BOOT" },
	{ 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
	{ 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
	{ 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
	{ 0x80000006, "EV_EFI_GPT_EVENT" },
	{ 0x80000007, "EV_EFI_ACTION" },
	{ 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
	{ 0x80000009, "EV_EFI_HANDOFF_TABLES" },
	{ 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
	{ 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
	{ 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
	{ 0x80000010, "EV_EFI_HCRTM_EVENT" },
	{ 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
	{ 0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB" },
	{ 0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG" },
};

const char *tcg_event_type(uint32_t type)
{
	for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return NULL;
}

static int alg_find(const struct tcg_log *log, uint16_t id)
{
	for (unsigned i = 0; i < log->n_algs; i++)
		if (log->algs[i].id == id)
			return (int)i;
	return -1;
}

static int alg_add(struct tcg_log *log, uint16_t id, uint16_t len)
{
	if (log->n_algs == TCG_LOG_ALGS)
		return -EMSGSIZE;
	/* With an algorithm whose digests are empty, events could be next to nothing. */
	if (alg_find(log, id) >= 0 || len == 0)
		return -EPROTO;
	for (size_t i = 0; i < sizeof(known_algs) / sizeof(known_algs[0]); i++)
		if (known_algs[i].id == id && known_algs[i].len != len)
			return -EPROTO;
	log->algs[log->n_algs].id = id;
	log->algs[log->n_algs].len = len;
	log->n_algs++;
	return 0;
}

static int parse_spec_id(struct bytes data, struct tcg_log *log)
{
	uint16_t id, len;
	uint32_t n;
	int r;

	if (data.len < sizeof(signature) || memcmp(data.p, signature, sizeof(signature)) != 0)
		return -EPROTO;
	/* The signature, the platform's class, and four bytes of versions. */
	if (bytes_skip(&data, sizeof(signature) + 4 + 4) < 0 || bytes_u32le(&data, &n) < 0)
		return -EPROTO;
	if (n == 0 || n > data.len / 4)
		return -EPROTO;
	for (uint32_t i = 0; i < n; i++) {
		if (bytes_u16le(&data, &id) < 0 || bytes_u16le(&data, &len) < 0)
			return -EPROTO;
		r = alg_add(log, id, len);
		if (r < 0)
			return r;
	}
	if (data.len < 1 || data.len - 1 != data.p[0])
		return -EPROTO;
	return 0;
}

int tcg_log_open(const uint8_t *data, size_t len, struct tcg_log *ret)
{
	struct tcg_log log = { { data, len } };
	uint32_t index, type, data_len;
	struct bytes spec_id;
	int r;

	if (len > TCG_LOG_MAX)
		return -EMSGSIZE;
	if (bytes_u32le(&log.rest, &index) < 0 || bytes_u32le(&log.rest, &type) < 0 ||
	    bytes_skip(&log.rest, 20) < 0 || bytes_u32le(&log.rest, &data_len) < 0 ||
	    bytes_take(&log.rest, data_len, &spec_id) < 0)
		return -EBADMSG;
	if (type != TCG_EV_NO_ACTION)
		return -EPROTO;
	r = parse_spec_id(spec_id, &log);
	if (r < 0)
		return r;
	*ret = log;
	return 0;
}

static int parse_digests(const struct tcg_log *log, struct bytes *b, struct tcg_event *event)
{
	struct bytes digest;
	uint16_t id;
	uint32_t n;
	int i;

	/*
	 * An event without a digest would measure nothing, and a log of zeros would be a log of
	 * such events, walked for ever.
	 */
	if (bytes_u32le(b, &n) < 0 || n == 0 || n > log->n_algs)
		return -EBADMSG;
	while (n-- > 0) {
		if (bytes_u16le(b, &id) < 0)
			return -EBADMSG;
		i = alg_find(log, id);
		if (i < 0 || event->digests[i] || bytes_take(b, log->algs[i].len, &digest) < 0)
			return -EBADMSG;
		event->digests[i] = digest.p;
	}
	return 0;
}

int tcg_log_next(struct tcg_log *log, struct tcg_event *ret)
{
	struct tcg_event event = { 0 };
	struct bytes b = log->rest;
	uint32_t len;

	/*
	 * An event has a digest count in its first twelve bytes, which is not zero.  So this
	 * looks no further unless the end is reached.
	 */
	if (bytes_all_zero(&b))
		return 0;
	if (bytes_u32le(&b, &event.index) < 0 || bytes_u32le(&b, &event.type) < 0)
		return -EBADMSG;
	if (event.index == UINT32_MAX && event.type == UINT32_MAX)
		return 0;
	if (parse_digests(log, &b, &event) < 0 || bytes_u32le(&b, &len) < 0 ||
	    bytes_take(&b, len, &event.data) < 0)
		return -EBADMSG;
	log->rest = b;
	log->n_events++;
	*ret = event;
	return 1;
}

int tcg_log_continue(struct tcg_log *log, const uint8_t *data, size_t len)
{
	if (len > TCG_LOG_MAX)
		return -EMSGSIZE;
	log->rest = (struct bytes){ data, len };
	return 0;
}

const uint8_t *tcg_event_digest(const struct tcg_log *log, const struct tcg_event *event,
				uint16_t alg)
{
	int i = alg_find(log, alg);

	return i < 0 ? NULL : event->digests[i];
}

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_LUKS_IMAGE_H
#define COCO_TESTS_LUKS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes LUKS2 headers, good and bad, from the specification; shares no code with wire/luks.c,
 * which reads them.
 */

/* A JSON text that the judge must pass, for headers of 16 KiB. */
extern const char luks_image_json[];

#define LUKS_IMAGE_UUID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

/*
 * Two headers of @hdr_size bytes each, one behind the other, both with @json_len bytes of @json
 * and the right checksums.  What of
 * @json does not fit is cut off.  The block is the caller's and has 2 * @hdr_size bytes; it
 * aborts without memory.
 */
uint8_t *luks_image_new(const void *json, size_t json_len, size_t hdr_size);

/*
 * Put the right checksum into the header that lies at @offset, over hdr_size bytes as it says
 * itself, or what there is.
 */
void luks_image_sum(uint8_t *image, size_t len, size_t offset);

#endif

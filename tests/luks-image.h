/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_LUKS_IMAGE_H
#define COCO_TESTS_LUKS_IMAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Makes LUKS2 headers, good and bad, from the specification.  Shares no code with wire/luks.c,
 * which reads them.
 */

/* A JSON text that the judge must pass, for headers of 16 KiB. */
extern const char luks_image_json[];

#define LUKS_IMAGE_UUID "1b4e28ba-2fa1-11d2-883f-0016d3cca427"

/*
 * Make two headers of @hdr_size bytes each, one behind the other, both with @json_len bytes of
 * @json and correct checksums.  The part of @json that does not fit is cut off.  The block has 2
 * * @hdr_size bytes and is yours.  Aborts without memory.
 */
uint8_t *luks_image_new(const void *json, size_t json_len, size_t hdr_size);

/*
 * Put the correct checksum into the header at @offset, over the hdr_size bytes that the header
 * claims, or fewer if the image ends before.
 */
void luks_image_sum(uint8_t *image, size_t len, size_t offset);

#endif

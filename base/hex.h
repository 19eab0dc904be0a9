/* SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later */
#ifndef COCO_BASE_HEX_H
#define COCO_BASE_HEX_H

/* For files that the kernel compiles too: this includes nothing and calls nothing. */

/*
 * The value of the hexadecimal digit @c, of either case: 0 to 15, or -1 for any other character
 * or byte, also a negative one.
 */
static inline int hex_value(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Decode exactly 2 * @len digits to @len bytes.  Returns 0; -1 when a character is not a digit,
 * and then nothing is written.
 */
static inline int hex_decode(const void *digits, unsigned long len, unsigned char *ret)
{
	const char *c = (const char *)digits;

	for (unsigned long i = 0; i < 2 * len; i++)
		if (hex_value(c[i]) < 0)
			return -1;
	for (unsigned long i = 0; i < len; i++)
		ret[i] = (unsigned char)(hex_value(c[2 * i]) << 4 | hex_value(c[2 * i + 1]));
	return 0;
}

/* The two digits of @byte, in lower case. */
static inline void hex_encode_byte(unsigned char byte, char ret[2])
{
	static const char digits[] = "0123456789abcdef";

	ret[0] = digits[byte >> 4];
	ret[1] = digits[byte & 15];
}

#endif

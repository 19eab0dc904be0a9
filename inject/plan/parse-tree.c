/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "inject/plan/parse-tree.h"

#include <stdio.h>

/* ---- numbers: digits only, so that there is no sign, no blank and no other base ---- */

/* Take a decimal number off @text.  Returns 0, -EBADMSG, or -ERANGE over 64 bits. */
static int take_number(const char **text, uint64_t *ret)
{
	const char *s = *text;
	uint64_t value = 0;

	if (*s < '0' || *s > '9')
		return -EBADMSG;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -ERANGE;
	*text = s;
	*ret = value;
	return 0;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* At the end of a text, with or without a newline. */
static bool is_end(const char *s)
{
	return *s == '\0' || (s[0] == '\n' && s[1] == '\0');
}

static const char *next_line(const char *s)
{
	s += strcspn(s, "\n");
	return *s ? s + 1 : s;
}

int tree_parse_number(const char *text, uint64_t *ret)
{
	uint64_t value;

	if (take_number(&text, &value) < 0 || !is_end(text))
		return -EBADMSG;
	*ret = value;
	return 0;
}

int tree_parse_bool(const char *text, bool *ret)
{
	if (!*text || !strchr("YN10", *text) || !is_end(text + 1))
		return -EBADMSG;
	*ret = *text == 'Y' || *text == '1';
	return 0;
}

int plan_parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t value;
	int r;

	r = take_number(&text, &value);
	if (r < 0)
		return r == -ERANGE ? r : -EINVAL;
	unit = *text ? strchr(units, *text) : NULL;
	if (!unit || text[1])
		return -EINVAL;
	if (value == 0 ||
	    __builtin_mul_overflow(value, UINT64_C(1) << 10 * (unit - units + 1), &value))
		return -ERANGE;
	*ret_bytes = value;
	return 0;
}

/* ---- sets of CPUs ---- */

static bool has(const struct cpu_set *set, size_t cpu)
{
	return set->bits[cpu / 64] >> cpu % 64 & 1;
}

static void put(struct cpu_set *set, size_t cpu)
{
	set->bits[cpu / 64] |= UINT64_C(1) << cpu % 64;
	set->n++;
}

int tree_parse_cpulist(const char *text, struct cpu_set *ret)
{
	struct cpu_set set = { .n = 0 };
	uint64_t first, last, least = 0;

	if (is_end(text)) {
		*ret = set;
		return 0;
	}
	for (;;) {
		if (take_number(&text, &first) < 0)
			return -EBADMSG;
		last = first;
		if (*text == '-') {
			text++;
			if (take_number(&text, &last) < 0)
				return -EBADMSG;
		}
		if (first < least || last < first || last >= TREE_CPUS_MAX)
			return -EBADMSG;
		for (uint64_t cpu = first; cpu <= last; cpu++)
			put(&set, cpu);
		least = last + 1;
		if (*text != ',')
			break;
		text++;
	}
	if (!is_end(text))
		return -EBADMSG;
	*ret = set;
	return 0;
}

bool cpu_set_print(const struct cpu_set *set, char *ret, size_t size)
{
	size_t len = 0;

	ret[0] = '\0';
	for (size_t cpu = 0; cpu < TREE_CPUS_MAX; cpu++) {
		size_t last = cpu;
		int n;

		if (!has(set, cpu))
			continue;
		while (last + 1 < TREE_CPUS_MAX && has(set, last + 1))
			last++;
		if (last > cpu)
			n = snprintf(ret + len, size - len, "%s%zu-%zu", len ? "," : "", cpu, last);
		else
			n = snprintf(ret + len, size - len, "%s%zu", len ? "," : "", cpu);
		if (n < 0 || (size_t)n >= size - len)
			return false;
		len += (size_t)n;
		cpu = last;
	}
	return true;
}

bool cpu_set_add(struct cpu_set *set, const struct cpu_set *more)
{
	for (size_t cpu = 0; cpu < TREE_CPUS_MAX; cpu++) {
		if (!has(more, cpu))
			continue;
		if (has(set, cpu))
			return false;
		put(set, cpu);
	}
	return true;
}

/* ---- nodes ---- */

/* "Node 0 MemTotal:       65536 kB": the bytes, when the line is about @name; -ENOENT else. */
static int take_memory(const char *line, const char *name, uint64_t *ret)
{
	const char *s = startswith(line, "Node ");
	uint64_t value;

	if (!s || take_number(&s, &value) < 0)
		return -ENOENT;
	s = startswith(skip_blanks(s), name);
	if (!s)
		return -ENOENT;
	s = skip_blanks(s);
	if (take_number(&s, &value) < 0 || !startswith(s, " kB\n") ||
	    __builtin_mul_overflow(value, 1024, &value))
		return -EBADMSG;
	*ret = value;
	return 0;
}

int tree_parse_meminfo(const char *text, struct node_memory *ret)
{
	struct node_memory m = { 0 };
	const struct {
		const char *name;
		uint64_t *to;
	} wanted[] = { { "MemTotal:", &m.total }, { "MemFree:", &m.free } };
	size_t n_found[ARRAY_SIZE(wanted)] = { 0 };

	for (; *text; text = next_line(text))
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
			int r = take_memory(text, wanted[i].name, wanted[i].to);

			if (r == -EBADMSG)
				return r;
			n_found[i] += r == 0;
		}
	if (n_found[0] != 1 || n_found[1] != 1 || m.free > m.total)
		return -EBADMSG;
	*ret = m;
	return 0;
}

int tree_parse_distance(const char *text, size_t n, uint8_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t value;

		text = skip_blanks(text);
		if (take_number(&text, &value) < 0 || value == 0 || value > UINT8_MAX)
			return -EBADMSG;
		ret[i] = (uint8_t)value;
	}
	return is_end(skip_blanks(text)) ? 0 : -EBADMSG;
}

/* ---- the misc controller ---- */

int tree_parse_misc(const char *text, const char *key, uint64_t *ret)
{
	uint64_t found = 0;
	bool seen = false;

	for (; *text; text = next_line(text)) {
		const char *s = startswith(text, key);

		if (!s || *s != ' ')
			continue;
		s++;
		if (seen)
			return -EBADMSG;
		if (startswith(s, "max")) {
			found = UINT64_MAX;
			s += 3;
		} else if (take_number(&s, &found) < 0) {
			return -EBADMSG;
		}
		if (*s && *s != '\n')
			return -EBADMSG;
		seen = true;
	}
	*ret = found;
	return 0;
}

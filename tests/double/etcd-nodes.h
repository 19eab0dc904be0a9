/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_TESTS_DOUBLE_ETCD_NODES_H
#define COCO_TESTS_DOUBLE_ETCD_NODES_H

#include "broker/store/etcd-http.h"

/*
 * Stands in for broker/store/etcd-http.c: no network, and answers that the test has written before.
 * They are given in their order, whoever asks; when there are no more, nobody answers.
 */
struct etcd_reply {
	int error;		/* of etcd_http_ask(); 0: an answer */
	int status;		/* 0: 200 */
	const char *text;
	bool is_lost;		/* with an error: the request was sent */
	bool is_twice;
};

#define ETCD_ASKED_MAX 32

struct etcd_asked {
	char node[64], path[64], token[64];
	char *body;
	bool once;
	uint64_t timeout_usec;
};

/* The replies are borrowed, and what was asked before is forgotten. */
void etcd_nodes_reset(const struct etcd_reply *replies, unsigned n);
unsigned etcd_nodes_n_asked(void);
const struct etcd_asked *etcd_nodes_asked(unsigned i);

#endif

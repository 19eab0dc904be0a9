/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/snp/snp-needs.h"

#include <stdio.h>

#include "attest/evidence-look.h"
#include "attest/need-vendor.h"
#include "attest/newest.h"
#include "attest/snp/amd-vek.h"
#include "attest/snp/snp-file.h"
#include "attest/snp/snp-pool.h"
#include "base/hex.h"
#include "base/parse.h"

#define VEK_LEN_MAX 8192
#define CHAIN_LEN_MAX 32768

/* Whose files are wanted. */
struct amd_notes {
	enum snp_product product;
	bool vlek;
	struct snp_tcb tcb;
	uint8_t hwid[SNP_CHIP_ID_LEN];
};

static struct amd_notes notes(const struct needs *n)
{
	struct amd_notes a;

	needs_noted(n, &a, sizeof(a));
	return a;
}

/* ---- what a file must be ---- */

static int check_vcek(const struct needs *n, struct bytes data, int64_t now, struct need_finding *f)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	struct amd_notes a = notes(n);
	struct amd_vek vek;
	const char *what;
	int r;

	r = x509_parse_der(data, &cert);
	if (r < 0)
		return need_reject(f, r, "it is not a certificate in DER");
	if (!x509_has_cn(X509_get_subject_name(cert), "SEV-VCEK") ||
	    amd_vek_read(cert, &vek, &what) < 0 || !vek.has_hwid)
		return need_reject(f, -EBADMSG, "it is not a VCEK");
	if (vek.product != a.product || memcmp(vek.hwid, a.hwid, sizeof(vek.hwid)) != 0)
		return need_reject(f, -EKEYREJECTED, "it is another chip's");
	if (memcmp(&vek.tcb, &a.tcb, sizeof(vek.tcb)) != 0)
		return need_reject(f, -EKEYREJECTED, "it is for another firmware level (TCB)");
	return need_check_validity(cert, now, f);
}

static int check_amd_chain(const struct needs *n, struct bytes data, int64_t now,
			   struct need_finding *f)
{
	struct amd_notes a = notes(n);
	char issuer[32], root[32];

	(void) snprintf(issuer, sizeof(issuer), "SEV-%s%s", a.vlek ? "VLEK-" : "",
			snp_product_name(a.product));
	(void) snprintf(root, sizeof(root), "ARK-%s", snp_product_name(a.product));
	return need_check_two(data, (const char *const[]){ issuer, root }, now, f);
}

static int check_amd_crl(const struct needs *n, struct bytes data, int64_t now,
			 struct need_finding *f)
{
	char root[32];

	(void) snprintf(root, sizeof(root), "ARK-%s", snp_product_name(notes(n).product));
	return need_check_list(data, root, now, f);
}

static const struct need_kind kind_vcek = {
	.what = "VCEK",
	.prefix = "cert-vcek-",
	.suffix = ".der",
	.kind = BUNDLE_CERT,
	.server = NEED_KDS,
	.max = VEK_LEN_MAX,
	.is_device = true,
	.check = check_vcek,
};

static const struct need_kind kind_chain = {
	.what = "certificate chain",
	.prefix = "cert-chain-",
	.suffix = ".pem",
	.kind = BUNDLE_CERT,
	.server = NEED_KDS,
	.max = CHAIN_LEN_MAX,
	.check = check_amd_chain,
};

static const struct need_kind kind_crl = {
	.what = "revocation list",
	.prefix = "crl-",
	.suffix = ".der",
	.kind = BUNDLE_CRL,
	.server = NEED_KDS,
	.max = EVIDENCE_CRL_LEN_MAX,
	.check = check_amd_crl,
};

/* ---- what a report needs ---- */

/*
 * A VEK among certificates: whether one is of the report, and of which product one is that is
 * of its chip.
 */
struct vek_search {
	struct verifier *ctx;		/* NULL: nothing is known */
	const struct snp_report *report;
	unsigned n_read;		/* of one text: somebody else wrote it */
	bool matches, has_product;
	enum snp_product product;
};

/*
 * Decoding a key takes as long as using it, and most certificates that come with evidence are
 * authorities'.
 */
static int search_vek(void *userdata, struct bytes der)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	struct vek_search *s = userdata;
	struct amd_vek vek;
	const char *what;

	if (!amd_vek_may_be(der))
		return 0;
	if (s->n_read++ == X509_LIST_MAX || snp_cert_open(s->ctx, der, &cert) < 0)
		return -EBADMSG;
	if (amd_vek_read(cert, &vek, &what) < 0)
		return 0;
	if (vek.has_hwid && memcmp(vek.hwid, s->report->chip_id, SNP_CHIP_ID_LEN) != 0)
		return 0;
	s->has_product = true;
	s->product = vek.product;
	if (vek.has_hwid == (s->report->signing_key == SNP_KEY_VCEK) &&
	    amd_vek_is_of(&vek, s->report))
		s->matches = true;
	return 0;
}

static void search_veks(struct vek_search *s, struct bytes text)
{
	s->n_read = 0;
	(void) x509_each_der(text, search_vek, s);
}

static void search_evidence(struct vek_search *s, const struct evidence *e)
{
	struct bytes t = e->piece[EVIDENCE_CERT_TABLE];
	struct snp_table table;

	for (unsigned i = 0; i < e->n_certs; i++)
		search_veks(s, e->cert[i]);
	if (!t.p || snp_table_parse(t.p, t.len, &table) < 0)
		return;
	search_veks(s, table.piece[SNP_TABLE_VCEK]);
	search_veks(s, table.piece[SNP_TABLE_VLEK]);
}

static int find_product(const struct snp_report *report, const struct vek_search *s,
			const char *name, enum snp_product *ret,
			char problem[static NEEDS_PROBLEM_LEN])
{
	const char *cpu = snp_cpu_name(report->family, report->model);
	enum snp_product said;
	int r = -ENOENT;

	if (name && snp_product_by_name(name, strlen(name), &said) < 0)
		return needs_problem(problem, -EINVAL,
				     "there is no product '%.32s': it is Milan, Genoa or Turin",
				     name);
	if (report->version >= 3) {
		r = snp_product_by_cpuid(report->family, report->model, ret);
		if (r < 0)
			return needs_problem(problem, -EOPNOTSUPP,
					     "the report is of a processor that is not known, "
					     "family %02xh model %02xh%s%s",
					     report->family, report->model, cpu ? ": " : "",
					     cpu ? cpu : "");
	} else if (s->has_product) {
		*ret = s->product;
		r = 0;
	}
	if (r == 0 && name && said != *ret)
		return needs_problem(problem, -EINVAL, "the evidence is of a %s, not of a %s",
				   snp_product_name(*ret), name);
	if (r == 0)
		return 0;
	if (!name)
		return needs_problem(problem, -ENOENT,
				     "a report of version 2 does not say of which product it is: "
				     "say --product=Milan (or Genoa), or give its VCEK with "
				     "--cert");
	*ret = said;
	return 0;
}

static void add_vcek(struct needs *n, const struct amd_notes *a, const struct snp_report *report)
{
	char hwid[2 * SNP_CHIP_ID_LEN + 1], fmc[24] = "", tcb[17], key[NEED_NAME_LEN - 32];
	const uint8_t *svn = a->tcb.svn;
	const char *product = snp_product_name(a->product);
	struct need *need;
	uint8_t raw[8];

	for (unsigned i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(report->reported_tcb >> 8 * i);
	format_hex(raw, sizeof(raw), tcb);
	format_hex(a->hwid, snp_chip_id_len(a->product), hwid);
	if (snp_tcb_has(a->product, SNP_TCB_FMC))
		(void) snprintf(fmc, sizeof(fmc), "fmcSPL=%02u&", svn[SNP_TCB_FMC]);
	(void) snprintf(key, sizeof(key), "%s-%s-%s", product, hwid, tcb);
	need = need_add(n, &kind_vcek, key);
	(void) snprintf(need->path, sizeof(need->path),
		       "/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u", product,
		       hwid, fmc, svn[SNP_TCB_BOOTLOADER], svn[SNP_TCB_TEE], svn[SNP_TCB_SNP],
		       svn[SNP_TCB_MICROCODE]);
}

static void add_of_product(struct needs *n, const struct amd_notes *a, const struct need_kind *kind,
			   const char *resource)
{
	const char *product = snp_product_name(a->product), *vek = a->vlek ? "vlek" : "vcek";
	struct need *need;
	char key[32];

	(void) snprintf(key, sizeof(key), "%s-%s", vek, product);
	need = need_add(n, kind, key);
	(void) snprintf(need->path, sizeof(need->path), "/%s/v1/%s/%s", vek, product, resource);
}

/* Why nobody is asked for the certificate of the key that signed @report; NULL when AMD is. */
static const char *why_none(const struct vek_search *s, bool vlek)
{
	struct bytes chip = { s->report->chip_id, SNP_CHIP_ID_LEN };

	if (s->matches)
		return "it is in the evidence";
	if (vlek)
		return "nobody but the provider can ask for a VLEK: it comes with the evidence, in "
		       "the certificate table of the extended report";
	if (bytes_all_zero(&chip))
		return "the report does not say of which chip it is (it is masked), so that AMD "
		       "cannot be asked for its VCEK";
	return NULL;
}

int snp_find_needs_of(struct verifier *ctx, struct bytes bytes, const struct evidence *e,
		      const char *product, struct needs *n,
		      char problem[static NEEDS_PROBLEM_LEN])
{
	const char *look = evidence_look(bytes), *why;
	struct snp_report report;
	struct vek_search s = { .ctx = ctx, .report = &report };
	struct amd_notes a = { .vlek = false };
	int r;

	if (snp_report_open(bytes.p, bytes.len, &report) < 0 || report.version < SNP_VERSION_MIN ||
	    report.version > SNP_VERSION_LATER)
		return needs_problem(problem, -EBADMSG,
				     "it is not a report of SEV-SNP, of versions %d to %d%s%s",
				     SNP_VERSION_MIN, SNP_VERSION_MAX,
				     look ? "; it begins like " : "", look ? look : "");
	if (report.signing_key != SNP_KEY_VCEK && report.signing_key != SNP_KEY_VLEK)
		return needs_problem(problem, -EOPNOTSUPP,
				     "the report is signed by neither a VCEK nor a VLEK");
	search_evidence(&s, e);
	r = find_product(&report, &s, product, &a.product, problem);
	if (r < 0)
		return r;
	a.vlek = report.signing_key == SNP_KEY_VLEK;
	a.tcb = snp_tcb_decode(a.product, report.reported_tcb);
	memcpy(a.hwid, report.chip_id, sizeof(a.hwid));
	n->vendor = &need_amd;
	needs_note(n, &a, sizeof(a));

	/* The chain comes first: the others are verified by it. */
	add_of_product(n, &a, &kind_chain, "cert_chain");
	why = why_none(&s, a.vlek);
	if (why)
		n->none = (struct need_none){ a.vlek ? "VLEK" : "VCEK", why, s.matches };
	else
		add_vcek(n, &a, &report);
	add_of_product(n, &a, &kind_crl, "crl");
	return 0;
}

int snp_find_needs(struct verifier *ctx, const struct evidence *e, const char *product,
		   struct needs *ret, char problem[static NEEDS_PROBLEM_LEN])
{
	if (!e->piece[EVIDENCE_REPORT].p)
		return -ENOMSG;
	return snp_find_needs_of(ctx, e->piece[EVIDENCE_REPORT], e, product, ret, problem);
}

/* ---- what a sort of machine needs ---- */

static void amd_machine(const struct needs *n, char ret[static NEEDS_MACHINE_LEN])
{
	struct amd_notes a = notes(n);

	(void) snprintf(ret, NEEDS_MACHINE_LEN, "snp-%s-%s", a.vlek ? "vlek" : "vcek",
			snp_product_name(a.product));
}

static int amd_find(const char *machine, struct needs *ret)
{
	struct amd_notes a = { .vlek = startswith(machine, "snp-vlek-") };
	const char *product = machine + strlen("snp-vcek-");

	if (!a.vlek && !startswith(machine, "snp-vcek-"))
		return -ENOMSG;
	if (snp_product_by_name(product, strlen(product), &a.product) < 0)
		return -EINVAL;
	ret->vendor = &need_amd;
	needs_note(ret, &a, sizeof(a));
	add_of_product(ret, &a, &kind_chain, "cert_chain");
	add_of_product(ret, &a, &kind_crl, "crl");
	return 0;
}

/* ---- to verify a file ---- */

/* The certificates at hand. */
static int begin_amd(struct need_judge *j, const struct evidence *e,
		    char problem[static NEEDS_PROBLEM_LEN])
{
	struct evidence *certs = calloc(1, sizeof(*certs));

	if (!certs)
		return -ENOMEM;
	for (unsigned i = 0; i < e->n_certs; i++)
		(void) evidence_add_cert(certs, e->cert[i], /* sent= */ true);
	j->state = certs;
	return 0;
}

static void end_amd(struct need_judge *j)
{
	free(j->state);
}

static int verify_amd(struct need_judge *j, const struct need *need, struct bytes data,
		      struct bytes chain, struct newest_entry *ret)
{
	enum snp_file file = need->kind == &kind_vcek  ? SNP_FILE_VEK :
			     need->kind == &kind_chain ? SNP_FILE_CHAIN :
							 SNP_FILE_CRL;
	struct amd_notes a = notes(j->needs);
	struct evidence *certs = j->state;
	int r;

	r = snp_check_file(j->ctx, a.product, a.vlek, file, data, certs, j->now, j->v, ret);
	if (r == 0 && file == SNP_FILE_CHAIN)
		r = evidence_add_cert(certs, data, /* sent= */ false);
	return r;
}

const struct need_vendor need_amd = {
	.kinds = (const struct need_kind *const[]){ &kind_vcek, &kind_chain, &kind_crl, NULL },
	.begin = begin_amd,
	.end = end_amd,
	.verify = verify_amd,
	.machine = amd_machine,
	.find = amd_find,
};

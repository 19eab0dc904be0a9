/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "attest/needs.h"

#include <stdio.h>
#include <time.h>

#include "attest/evidence-look.h"
#include "attest/snp/amd-vek.h"
#include "attest/tdx/intel.h"
#include "attest/tdx/tdx-collateral.h"
#include "attest/x509/x509.h"
#include "base/hex.h"
#include "base/parse.h"
#include "wire/hcl.h"
#include "wire/tdx-quote.h"

#define VEK_LEN_MAX 8192
#define CHAIN_LEN_MAX 32768

struct need_kind {
	const char *what, *header;
	enum need_server server;
	enum bundle_kind kind, chain;
	size_t max;
	int (*check)(const struct needs *n, struct bytes data, int64_t now, struct need_finding *f);
};

/* ---- what a file must be ---- */

static int reject(struct need_finding *f, int error, const char *problem)
{
	f->problem = problem;
	return error;
}

static void format_date(int64_t t, char ret[static 24])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (!gmtime_r(&seconds, &tm) || strftime(ret, 24, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void) snprintf(ret, 24, "?");
}

/* The dates say whether a mirror is behind, or a clock is wrong. */
static int reject_dates(struct need_finding *f, int64_t from, int64_t to, int64_t now)
{
	char begin[24], end[24], at[24];

	format_date(from, begin);
	format_date(to, end);
	format_date(now, at);
	(void) snprintf(f->text, sizeof(f->text), "it is not valid now: it is good from %s to %s, and now is %s", begin, end, at);
	return reject(f, -EKEYEXPIRED, f->text);
}

static int check_validity(X509 *cert, int64_t now, struct need_finding *f)
{
	int r = now ? x509_valid_at(cert, now) : 0;
	int64_t from, to;

	if (r == -EKEYEXPIRED && x509_validity(cert, &from, &to) == 0)
		return reject_dates(f, from, to, now);
	if (r < 0)
		return reject(f, r, "it is not valid now");
	if (x509_validity(cert, &from, &to) == 0)
		f->until = MIN(f->until, to);
	return 0;
}

static bool has_name(const X509_NAME *name, const char *want)
{
	char cn[X509_CN_MAX + 1];

	return x509_common_name(name, cn) == 0 && streq(cn, want);
}

static int check_vcek(const struct needs *n, struct bytes data, int64_t now, struct need_finding *f)
{
	_cleanup_(x509_freep) X509 *cert = NULL;
	struct amd_vek vek;
	const char *what;
	int r;

	r = x509_parse_der(data, &cert);
	if (r < 0)
		return reject(f, r, "it is no certificate in DER");
	if (!has_name(X509_get_subject_name(cert), "SEV-VCEK") ||
	    amd_vek_read(cert, &vek, &what) < 0 || !vek.has_hwid)
		return reject(f, -EBADMSG, "it is no VCEK");
	if (vek.product != n->product || memcmp(vek.hwid, n->hwid, sizeof(vek.hwid)) != 0)
		return reject(f, -EKEYREJECTED, "it is another chip's");
	if (memcmp(&vek.tcb, &n->tcb, sizeof(vek.tcb)) != 0)
		return reject(f, -EKEYREJECTED, "it is for another firmware level (TCB)");
	return check_validity(cert, now, f);
}

/* @names of the two certificates there must be, in their order. */
static int check_two(struct bytes pem, const char *const names[static 2], int64_t now,
		     struct need_finding *f)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };
	int r;

	r = x509_parse(pem, &l);
	if (r < 0)
		return reject(f, r == -EMSGSIZE ? -EBADMSG : r, "it is not certificates in PEM");
	if (l.n != 2)
		return reject(f, -EBADMSG, "it has not two certificates");
	for (unsigned i = 0; i < l.n; i++) {
		if (!has_name(X509_get_subject_name(l.cert[i]), names[i]))
			return reject(f, -EKEYREJECTED,
				      "its certificates are not those that were wanted");
		r = check_validity(l.cert[i], now, f);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_amd_chain(const struct needs *n, struct bytes data, int64_t now,
			   struct need_finding *f)
{
	char issuer[32], root[32];

	(void) snprintf(issuer, sizeof(issuer), "SEV-%s%s", n->vlek ? "VLEK-" : "",
			snp_product_name(n->product));
	(void) snprintf(root, sizeof(root), "ARK-%s", snp_product_name(n->product));
	return check_two(data, (const char *const[]){ issuer, root }, now, f);
}

static int check_list(struct bytes data, const char *issuer, int64_t now, struct need_finding *f)
{
	_cleanup_(x509_crl_freep) X509_CRL *crl = NULL;
	int64_t from, to;
	int r;

	r = x509_crl_parse(data, &crl);
	if (r < 0)
		return reject(f, r == -EMSGSIZE ? -EBADMSG : r, "it is no revocation list");
	if (!has_name(X509_CRL_get_issuer(crl), issuer))
		return reject(f, -EKEYREJECTED, "it is the revocation list of somebody else");
	r = x509_crl_validity(crl, &from, &to);
	if (r < 0)
		return reject(f, r, "it does not say until when it is good");
	if (now && (to <= now || from > now))
		return reject_dates(f, from, to, now);
	f->until = MIN(f->until, to);
	return 0;
}

static int check_amd_crl(const struct needs *n, struct bytes data, int64_t now,
			 struct need_finding *f)
{
	char root[32];

	(void) snprintf(root, sizeof(root), "ARK-%s", snp_product_name(n->product));
	return check_list(data, root, now, f);
}

static int check_pck_crl(const struct needs *n, struct bytes data, int64_t now,
			 struct need_finding *f)
{
	return check_list(data, n->processor_ca ? "Intel SGX PCK Processor CA" : "Intel SGX PCK Platform CA", now, f);
}

static int check_root_crl(const struct needs *n, struct bytes data, int64_t now,
			  struct need_finding *f)
{
	return check_list(data, "Intel SGX Root CA", now, f);
}

static int check_period(int64_t issue, int64_t next_update, int64_t now, struct need_finding *f)
{
	if (now && (now < issue || now > next_update))
		return reject_dates(f, issue, next_update, now);
	f->until = MIN(f->until, next_update);
	return 0;
}

static int check_evaluation(const struct needs *n, uint32_t found, struct need_finding *f)
{
	if (n->evaluation == 0 || found == n->evaluation)
		return 0;
	(void) snprintf(f->text, sizeof(f->text), "its tcbEvaluationDataNumber is %u, not %u", found, n->evaluation);
	return reject(f, -EKEYREJECTED, f->text);
}

static int check_tcb_info(const struct needs *n, struct bytes data, int64_t now,
			  struct need_finding *f)
{
	_cleanup_(freep) struct tdx_tcb_info *info = malloc(sizeof(*info));
	int r;

	if (!info)
		return -ENOMEM;
	r = tdx_tcb_info_read(data, info, &f->problem);
	if (r < 0)
		return -EBADMSG;
	if (memcmp(info->fmspc, n->fmspc, sizeof(info->fmspc)) != 0)
		return reject(f, -EKEYREJECTED, "it is for other machines (FMSPC)");
	r = check_evaluation(n, info->evaluation, f);
	return r < 0 ? r : check_period(info->issue, info->next_update, now, f);
}

static int check_qe_identity(const struct needs *n, struct bytes data, int64_t now,
			     struct need_finding *f)
{
	_cleanup_(freep) struct tdx_qe_identity *identity = malloc(sizeof(*identity));
	int r;

	if (!identity)
		return -ENOMEM;
	r = tdx_qe_identity_read(data, identity, &f->problem);
	if (r < 0)
		return -EBADMSG;
	r = check_evaluation(n, identity->evaluation, f);
	return r < 0 ? r : check_period(identity->issue, identity->next_update, now, f);
}

static const struct need_kind kind_vcek = { "VCEK", NULL, NEED_KDS, BUNDLE_CERT, 0, VEK_LEN_MAX, check_vcek };
static const struct need_kind kind_amd_chain = { "certificate chain", NULL, NEED_KDS, BUNDLE_CERT, 0, CHAIN_LEN_MAX, check_amd_chain };
static const struct need_kind kind_amd_crl = { "revocation list", NULL, NEED_KDS, BUNDLE_CRL, 0, EVIDENCE_CRL_LEN_MAX, check_amd_crl };
static const struct need_kind kind_tcb_info = { "TCB info", "TCB-Info-Issuer-Chain", NEED_PCS, BUNDLE_TCB_INFO, BUNDLE_TCB_CHAIN, 262144,
						check_tcb_info };
static const struct need_kind kind_qe_identity = { "QE identity", "SGX-Enclave-Identity-Issuer-Chain", NEED_PCS, BUNDLE_QE_IDENTITY,
						   BUNDLE_QE_CHAIN, 65536, check_qe_identity };
static const struct need_kind kind_pck_crl = { "PCK revocation list", NULL, NEED_PCS, BUNDLE_PCK_CRL, 0, EVIDENCE_CRL_LEN_MAX, check_pck_crl };
static const struct need_kind kind_root_crl = { "root revocation list", NULL, NEED_PCS_ROOT, BUNDLE_ROOT_CRL, 0, EVIDENCE_CRL_LEN_MAX,
						check_root_crl };

/* How files of each kind are called. */
static const struct {
	const char *prefix, *suffix;
} names[] = {
	{ "cert-vcek-", ".der" },  { "cert-chain-", ".pem" },  { "crl-", ".der" },	{ "tcb-info-", ".json" }, { "tcb-chain-", ".pem" },
	{ "qe-identity", ".json" }, { "qe-chain", ".pem" },	{ "pck-crl-", ".der" }, { "root-crl", ".der" },
};

bool need_is_name(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t n = strlen(names[i].suffix);

		if (startswith(name, names[i].prefix) && len >= strlen(names[i].prefix) + n &&
		    streq(name + len - n, names[i].suffix))
			return true;
	}
	return false;
}

const char *need_what(const struct need *need)
{
	return need->kind->what;
}

bool need_is_vcek(const struct need *need)
{
	return need->kind == &kind_vcek;
}

enum need_server need_server(const struct need *need)
{
	return need->kind->server;
}

const char *need_header(const struct need *need)
{
	return need->kind->header;
}

enum bundle_kind need_bundle_kind(const struct need *need)
{
	return need->kind->kind;
}

enum bundle_kind need_chain_kind(const struct need *need)
{
	return need->kind->chain;
}

size_t need_max(const struct need *need)
{
	return need->kind->max;
}

int need_check(const struct needs *n, const struct need *need, struct bytes data, int64_t now,
	       struct need_finding *f)
{
	*f = (struct need_finding){ "", INT64_MAX };
	return need->kind->check(n, data, now, f);
}

int need_check_chain(struct bytes pem, int64_t now, struct need_finding *f)
{
	*f = (struct need_finding){ "", INT64_MAX };
	return check_two(pem, (const char *const[]){ "Intel SGX TCB Signing", "Intel SGX Root CA" }, now, f);
}

/* ---- what evidence needs ---- */

static struct need *add(struct needs *n, const struct need_kind *kind)
{
	struct need *need = &n->list[n->n++];

	*need = (struct need){ .kind = kind };
	return need;
}

_printf_(3, 4) static int problem_set(char problem[static NEEDS_PROBLEM_LEN], int error,
				      const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(problem, NEEDS_PROBLEM_LEN, format, ap);
	va_end(ap);
	return error;
}

/*
 * A VEK among certificates: whether one is of the report, and of which product one is that is
 * of its chip.
 */
struct vek_search {
	const struct snp_report *report;
	bool matches, has_product;
	enum snp_product product;
};

static void search_veks(struct vek_search *s, struct bytes text)
{
	_cleanup_(x509_list_done) struct x509_list l = { .n = 0 };
	const char *what;

	(void) x509_parse(text, &l);
	for (unsigned i = 0; i < l.n; i++) {
		struct amd_vek vek;

		if (amd_vek_read(l.cert[i], &vek, &what) < 0)
			continue;
		if (vek.has_hwid && memcmp(vek.hwid, s->report->chip_id, SNP_CHIP_ID_LEN) != 0)
			continue;
		s->has_product = true;
		s->product = vek.product;
		if (vek.has_hwid == (s->report->signing_key == SNP_KEY_VCEK) &&
		    amd_vek_is_of(&vek, s->report))
			s->matches = true;
	}
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
		return problem_set(problem, -EINVAL,
				   "there is no product '%.32s': it is Milan, Genoa or Turin", name);
	if (report->version >= 3) {
		r = snp_product_by_cpuid(report->family, report->model, ret);
		if (r < 0)
			return problem_set(problem, -EOPNOTSUPP,
					   "the report is of a processor that is not known, family %02xh model %02xh%s%s",
					   report->family, report->model, cpu ? ": " : "", cpu ? cpu : "");
	} else if (s->has_product) {
		*ret = s->product;
		r = 0;
	}
	if (r == 0 && name && said != *ret)
		return problem_set(problem, -EINVAL, "the evidence is of a %s, not of a %s",
				   snp_product_name(*ret), name);
	if (r == 0)
		return 0;
	if (!name)
		return problem_set(problem, -ENOENT,
				   "a report of version 2 does not say of which product it is: say --product=Milan (or Genoa), or give its VCEK with --cert");
	*ret = said;
	return 0;
}

static void name_vcek(struct needs *n, const struct snp_report *report)
{
	char hwid[2 * SNP_CHIP_ID_LEN + 1], fmc[24] = "", tcb[17];
	const uint8_t *svn = n->tcb.svn;
	struct need *need = add(n, &kind_vcek);
	uint8_t raw[8];

	for (unsigned i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(report->reported_tcb >> 8 * i);
	format_hex(raw, sizeof(raw), tcb);
	format_hex(n->hwid, snp_chip_id_len(n->product), hwid);
	if (snp_tcb_has(n->product, SNP_TCB_FMC))
		(void) snprintf(fmc, sizeof(fmc), "fmcSPL=%02u&", svn[SNP_TCB_FMC]);
	(void) snprintf(need->name, sizeof(need->name), "cert-vcek-%s-%s-%s.der",
			snp_product_name(n->product), hwid, tcb);
	(void) snprintf(need->path, sizeof(need->path),
			"/vcek/v1/%s/%s?%sblSPL=%02u&teeSPL=%02u&snpSPL=%02u&ucodeSPL=%02u",
			snp_product_name(n->product), hwid, fmc, svn[SNP_TCB_BOOTLOADER],
			svn[SNP_TCB_TEE], svn[SNP_TCB_SNP], svn[SNP_TCB_MICROCODE]);
}

/* First: what else there is is verified by it. */
static void name_amd_chain(struct needs *n)
{
	const char *product = snp_product_name(n->product), *key = n->vlek ? "vlek" : "vcek";
	struct need *need = add(n, &kind_amd_chain);

	(void) snprintf(need->name, sizeof(need->name), "cert-chain-%s-%s.pem", key, product);
	(void) snprintf(need->path, sizeof(need->path), "/%s/v1/%s/cert_chain", key, product);
}

static void name_amd_crl(struct needs *n)
{
	const char *product = snp_product_name(n->product), *key = n->vlek ? "vlek" : "vcek";
	struct need *need = add(n, &kind_amd_crl);

	(void) snprintf(need->name, sizeof(need->name), "crl-%s-%s.der", key, product);
	(void) snprintf(need->path, sizeof(need->path), "/%s/v1/%s/crl", key, product);
}

static int find_snp(const struct evidence *e, struct bytes bytes, const char *product,
		    struct needs *n, char problem[static NEEDS_PROBLEM_LEN])
{
	const char *look = evidence_look(bytes);
	struct snp_report report;
	struct vek_search s = { .report = &report };
	struct bytes chip;
	int r;

	if (snp_report_open(bytes.p, bytes.len, &report) < 0 || report.version < SNP_VERSION_MIN ||
	    report.version > SNP_VERSION_LATER)
		return problem_set(problem, -EBADMSG,
				   "it is no report of SEV-SNP, of versions %d to %d%s%s",
				   SNP_VERSION_MIN, SNP_VERSION_MAX, look ? "; it begins like " : "",
				   look ? look : "");
	if (report.signing_key != SNP_KEY_VCEK && report.signing_key != SNP_KEY_VLEK)
		return problem_set(problem, -EOPNOTSUPP,
				   "the report is signed by neither a VCEK nor a VLEK");
	search_evidence(&s, e);
	r = find_product(&report, &s, product, &n->product, problem);
	if (r < 0)
		return r;
	n->snp = true;
	n->vlek = report.signing_key == SNP_KEY_VLEK;
	n->tcb = snp_tcb_decode(n->product, report.reported_tcb);
	memcpy(n->hwid, report.chip_id, sizeof(n->hwid));
	chip = (struct bytes){ report.chip_id, SNP_CHIP_ID_LEN };
	n->vek_there = s.matches;
	name_amd_chain(n);
	if (s.matches)
		n->vek = "it is in the evidence";
	else if (n->vlek)
		n->vek = "nobody but the provider can ask for a VLEK: it comes with the evidence, in the certificate table of the extended report";
	else if (bytes_all_zero(&chip))
		n->vek = "the report does not say of which chip it is (it is masked), so that AMD cannot be asked for its VCEK";
	else
		name_vcek(n, &report);
	name_amd_crl(n);
	return 0;
}

static int find_tdx(struct bytes quote, struct needs *n, char problem[static NEEDS_PROBLEM_LEN])
{
	_cleanup_(freep) struct pck_chain *chain = malloc(sizeof(*chain));
	const char *look = evidence_look(quote);
	_cleanup_(x509_freep) X509 *leaf = NULL;
	char fmspc[13];
	const char *what;
	struct tdx_quote q;
	struct bytes ext;
	struct need *need;
	struct pck pck;

	if (!chain)
		return problem_set(problem, -ENOMEM, "out of memory");
	if (tdx_quote_parse(quote.p, quote.len, &q, &what) < 0)
		return problem_set(problem, -EBADMSG, "the quote cannot be read: %s%s%s", what,
				   look ? "; it begins like " : "", look ? look : "");
	if (pck_chain_split(q.pck_chain, chain) < 0 ||
	    x509_parse_der((struct bytes){ chain->cert[PCK_LEAF].b, chain->cert[PCK_LEAF].len },
			   &leaf) < 0 ||
	    x509_extension(leaf, PCK_EXTENSION_OID, &ext) < 0 || pck_parse(ext, &pck) < 0)
		return problem_set(problem, -EBADMSG,
				   "the quote has no PCK certificate that can be read");
	n->processor_ca = has_name(X509_get_issuer_name(leaf), "Intel SGX PCK Processor CA");
	if (!n->processor_ca && !has_name(X509_get_issuer_name(leaf), "Intel SGX PCK Platform CA"))
		return problem_set(problem, -EBADMSG,
				   "the quote's PCK certificate is of none of Intel's authorities");
	memcpy(n->fmspc, pck.fmspc, sizeof(n->fmspc));
	format_hex(n->fmspc, sizeof(n->fmspc), fmspc);

	/* First: it may revoke who signed the others. */
	need = add(n, &kind_root_crl);
	(void) snprintf(need->name, sizeof(need->name), "root-crl.der");
	(void) snprintf(need->path, sizeof(need->path), "/IntelSGXRootCA.der");
	need = add(n, &kind_tcb_info);
	(void) snprintf(need->name, sizeof(need->name), "tcb-info-%s.json", fmspc);
	(void) snprintf(need->chain, sizeof(need->chain), "tcb-chain-%s.pem", fmspc);
	(void) snprintf(need->path, sizeof(need->path), "/tdx/certification/v4/tcb?fmspc=%s", fmspc);
	need = add(n, &kind_qe_identity);
	(void) snprintf(need->name, sizeof(need->name), "qe-identity.json");
	(void) snprintf(need->chain, sizeof(need->chain), "qe-chain.pem");
	(void) snprintf(need->path, sizeof(need->path), "/tdx/certification/v4/qe/identity");
	need = add(n, &kind_pck_crl);
	(void) snprintf(need->name, sizeof(need->name), "pck-crl-%s.der",
			n->processor_ca ? "processor" : "platform");
	(void) snprintf(need->path, sizeof(need->path),
			"/sgx/certification/v4/pckcrl?ca=%s&encoding=der",
			n->processor_ca ? "processor" : "platform");
	return 0;
}

static int find_hcl(const struct evidence *e, const char *product, struct needs *n,
		    char problem[static NEEDS_PROBLEM_LEN])
{
	struct bytes bytes = e->piece[EVIDENCE_HCL];
	struct hcl_report hcl;
	const char *what;

	if (hcl_parse(bytes.p, bytes.len, &hcl, &what) < 0)
		return problem_set(problem, -EBADMSG, "the HCL report cannot be read: %s", what);
	if (hcl.kind == HCL_SNP)
		return find_snp(e, hcl.hw_report, product, n, problem);
	if (hcl.kind != HCL_TDX)
		return problem_set(problem, -EBADMSG, "the HCL report has no report of SEV-SNP or TDX");
	if (!e->piece[EVIDENCE_TD_QUOTE].p)
		return problem_set(problem, -ENODATA,
				   "the HCL report is of TDX, and what its machine needs stands in the quote: give that with --td-quote");
	return find_tdx(e->piece[EVIDENCE_TD_QUOTE], n, problem);
}

int needs_find(const struct evidence *e, const char *product, struct needs *ret,
	       char problem[static NEEDS_PROBLEM_LEN])
{
	struct needs n = { .n = 0 };
	int r;

	if (e->piece[EVIDENCE_HCL].p)
		r = find_hcl(e, product, &n, problem);
	else if (e->piece[EVIDENCE_QUOTE].p)
		r = find_tdx(e->piece[EVIDENCE_QUOTE], &n, problem);
	else if (e->piece[EVIDENCE_TD_QUOTE].p)
		r = find_tdx(e->piece[EVIDENCE_TD_QUOTE], &n, problem);
	else if (e->piece[EVIDENCE_REPORT].p)
		r = find_snp(e, e->piece[EVIDENCE_REPORT], product, &n, problem);
	else
		r = problem_set(problem, -ENODATA, "there is no report of SEV-SNP and no quote of TDX");
	if (r == 0)
		*ret = n;
	return r;
}

bool need_is_evaluated(const struct need *need)
{
	return need->kind == &kind_tcb_info || need->kind == &kind_qe_identity;
}

void needs_ask_evaluation(struct needs *n, const char *update, uint32_t evaluation)
{
	n->evaluation = update ? 0 : evaluation;
	for (unsigned i = 0; i < n->n; i++) {
		struct need *need = &n->list[i];
		size_t len = strlen(need->path);
		char sign = strchr(need->path, '?') ? '&' : '?';

		if (!need_is_evaluated(need))
			continue;
		if (update)
			(void) snprintf(need->path + len, sizeof(need->path) - len, "%cupdate=%s", sign, update);
		else
			(void) snprintf(need->path + len, sizeof(need->path) - len,
					"%ctcbEvaluationDataNumber=%u", sign, evaluation);
	}
}

/* ---- forms of the network ---- */

int need_decode_chain(const char *header, char *ret)
{
	char *to = ret;

	for (const char *p = header; *p; p++) {
		char c = *p;

		if (c == '%') {
			uint8_t byte;

			/* The NUL at the end is no digit. */
			if (hex_value(p[1]) < 0 || hex_decode(p + 1, 1, &byte) < 0)
				return -EBADMSG;
			c = (char)byte;
			p += 2;
		}
		if (c != '\n' && c != '\r' && (c < ' ' || c > '~'))
			return -EBADMSG;
		*to++ = c;
	}
	*to = '\0';
	return pem_is((struct bytes){ (const uint8_t *)ret, (size_t)(to - ret) }) ? 0 : -EBADMSG;
}

void need_unhex(uint8_t *data, size_t *len)
{
	size_t n = *len;

	while (n > 0 && (data[n - 1] == '\n' || data[n - 1] == '\r'))
		n--;
	if (n == 0 || n % 2)
		return;
	if (hex_decode(data, n / 2, data) == 0)
		*len = n / 2;
}

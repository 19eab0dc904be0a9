#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs every case of evidence through the real cococtl: cases of generated platforms, and of real ones from the vectors.
set -eu
: "${top_srcdir:=$(cd "$(dirname "$0")/../.." && pwd)}"
: "${top_builddir:=$top_srcdir}"
: "${COCO_VECTORS:=$top_srcdir/../shared/vectors}"
export top_builddir

exec "$top_srcdir/tests/run/attest-cases" --tap "$top_builddir/tests/platform/snp/cases.tsv" "$top_builddir/tests/platform/tdx/cases.tsv" "$COCO_VECTORS/attest/cases.tsv" "$COCO_VECTORS/attest-field/cases.tsv"

/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef COCO_DOCTOR_GUEST_H
#define COCO_DOCTOR_GUEST_H

#include "doctor/check.h"

/* The guest's checks, for the array in doctor/guest.c; each file has those of one subject. */

/* doctor/guest-identity.c */
void guest_identity(struct exam *x, struct result *r);

/* doctor/guest-tee.c: which technology protects this guest. */
unsigned guest_offers(struct exam *x);
void guest_tee(struct exam *x, struct result *r);
/* True if Hyper-V says that a paravisor is between it and this VM, as on Azure. */
bool guest_has_paravisor(struct exam *x);

/* doctor/guest-secret.c */
void guest_secret_area(struct exam *x, struct result *r);
void guest_secret_driver(struct exam *x, struct result *r);
void guest_secret_files(struct exam *x, struct result *r);

/* doctor/guest-report.c */
void guest_report(struct exam *x, struct result *r);
void guest_vtpm(struct exam *x, struct result *r);
void guest_event_log(struct exam *x, struct result *r);
void guest_tdx_leaf(struct exam *x, struct result *r);
void guest_svkl(struct exam *x, struct result *r);

/* doctor/guest-efi.c */
void guest_efi_runtime(struct exam *x, struct result *r);
void guest_efi_dxe(struct exam *x, struct result *r);
void guest_mirrored_memory(struct exam *x, struct result *r);

/* doctor/guest-hyperv.c */
void guest_vmbus(struct exam *x, struct result *r);
void guest_hyperv_pci(struct exam *x, struct result *r);
void guest_hyperv_pci_version(struct exam *x, struct result *r);

/* doctor/guest-xen.c: what a guest of Xen sees of it, and what an Arm guest has. */
void guest_xen_pvcalls(struct exam *x, struct result *r);
void guest_arm(struct exam *x, struct result *r);

/* doctor/guest-units.c: cocod's sockets are enabled. */
void guest_units(struct exam *x, struct result *r);
/* True if sockets.target wants @unit. */
bool guest_unit_is_enabled(struct exam *x, const char *unit);

/* doctor/guest-sockets.c, doctor/guest-initramfs.c: and they are there when they are needed. */
void guest_sockets(struct exam *x, struct result *r);
void guest_initramfs(struct exam *x, struct result *r);

/* doctor/guest-crypttab.c */
void guest_crypttab(struct exam *x, struct result *r);

/* doctor/guest-settings.c, doctor/guest-policy.c: cocod's configuration, as cocod reads it. */
void guest_gate(struct exam *x, struct result *r);
void guest_secrets(struct exam *x, struct result *r);
void guest_broker(struct exam *x, struct result *r);
void guest_policy(struct exam *x, struct result *r);

/* doctor/guest-files.c, doctor/guest-collateral.c: whose it is, and how long it is good. */
void guest_files(struct exam *x, struct result *r);
void guest_collateral(struct exam *x, struct result *r);
/* The same for a machine of any kind; of @x it needs the provider alone. */
void guest_collateral_outlook(struct exam *x, struct result *r);

/* doctor/guest-disk.c, doctor/guest-memory.c: what becomes of memory that had a secret. */
void guest_swap(struct exam *x, struct result *r);
void guest_hibernation(struct exam *x, struct result *r);
void guest_init_on_free(struct exam *x, struct result *r);
void guest_init_on_alloc(struct exam *x, struct result *r);

#endif

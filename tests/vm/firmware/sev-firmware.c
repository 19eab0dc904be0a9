/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A UEFI application that makes a plain OVMF look like a confidential VM's firmware: a test double, for VM tests only.
 *
 * It reserves the secret area at a fixed guest-physical address, without touching what the host has put there before
 * the VM started, and publishes the descriptor in the EFI configuration table.  Then it starts the kernel.
 * The EFI system partition holds
 *
 *	\vmlinuz.efi	the kernel, with its EFI stub
 *	\cmdline.txt	its command line, ASCII; initrd=\initrd.img makes the stub load an initrd
 *
 * and words on the command line, which the kernel ignores, make the firmware misbehave as real ones do:
 *
 *	coco_firmware=stale	the descriptor lies in boot-services memory and is gone once the kernel runs
 *	coco_firmware=ram	the area lies in boot-services memory, which the kernel takes over
 *	coco_firmware=none	no area and no entry in the configuration table
 *
 * Layouts: the kernel's efi_secret documentation; EDK II, OvmfPkg/AmdSev/SecretDxe.
 */
#include <efi.h>
#include <efilib.h>

#define AREA_ADDRESS 0x10000000ull
#define AREA_LEN 0xc00		/* as OVMF for SEV has it: the rest of the page is for kernel hashes */
#define CMDLINE_MAX 4096

#define CHECK(call, what)                                       \
	do {                                                    \
		EFI_STATUS check_status = (call);               \
		if (EFI_ERROR(check_status))                    \
			return fail(check_status, what);        \
	} while (0)

struct descriptor {
	UINT64 base;
	UINT64 len;
};

static EFI_GUID coco_table_guid = {
	0xadf956ad, 0xe98c, 0x484c, { 0xae, 0x11, 0xb5, 0x1c, 0x7d, 0x33, 0x64, 0x47 }
};

static EFI_STATUS fail(EFI_STATUS status, CHAR16 *what)
{
	Print(L"sev-firmware: cannot %s: %r\n", what, status);
	return status;
}

/* Reads the command line; ends it with a NUL and without the line feed. */
static EFI_STATUS read_cmdline(EFI_HANDLE device, CHAR8 text[static CMDLINE_MAX + 1])
{
	UINTN len = CMDLINE_MAX;
	EFI_FILE_HANDLE root, file;

	root = LibOpenRoot(device);
	if (!root)
		return fail(EFI_NOT_FOUND, L"open the system partition");
	CHECK(root->Open(root, &file, L"\\cmdline.txt", EFI_FILE_MODE_READ, 0), L"open \\cmdline.txt");
	CHECK(file->Read(file, &len, text), L"read \\cmdline.txt");
	file->Close(file);
	root->Close(root);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	text[len] = 0;
	for (UINTN i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return fail(EFI_INVALID_PARAMETER, L"use a \\cmdline.txt that is not one line of ASCII");
	return EFI_SUCCESS;
}

static BOOLEAN has_word(const CHAR8 *text, const char *word)
{
	while (*text) {
		UINTN n = 0;

		while (word[n] && text[n] == (CHAR8)word[n])
			n++;
		if (!word[n] && (!text[n] || text[n] == ' '))
			return TRUE;
		while (*text && *text != ' ')
			text++;
		while (*text == ' ')
			text++;
	}
	return FALSE;
}

static EFI_STATUS publish_area(const CHAR8 *cmdline)
{
	BOOLEAN stale = has_word(cmdline, "coco_firmware=stale");
	BOOLEAN ram = has_word(cmdline, "coco_firmware=ram");
	EFI_PHYSICAL_ADDRESS area = AREA_ADDRESS;
	struct descriptor *descriptor;

	if (has_word(cmdline, "coco_firmware=none")) {
		Print(L"sev-firmware: no secret area, as told\n");
		return EFI_SUCCESS;
	}
	CHECK(BS->AllocatePages(AllocateAddress, ram ? EfiBootServicesData : EfiReservedMemoryType, 1, &area),
	      L"reserve the secret area");
	CHECK(BS->AllocatePool(stale ? EfiBootServicesData : EfiACPIReclaimMemory, sizeof(*descriptor), (void **)&descriptor),
	      L"allocate the descriptor");
	descriptor->base = area;
	descriptor->len = AREA_LEN;
	CHECK(BS->InstallConfigurationTable(&coco_table_guid, descriptor), L"publish the secret area");
	Print(L"sev-firmware: secret area at 0x%lx, %d bytes, descriptor at 0x%lx\n", area, AREA_LEN, (UINT64)(UINTN)descriptor);
	return EFI_SUCCESS;
}

static EFI_STATUS start_kernel(EFI_HANDLE self, EFI_HANDLE device, const CHAR8 *cmdline)
{
	static CHAR16 options[CMDLINE_MAX + 1];
	EFI_LOADED_IMAGE *image;
	EFI_HANDLE kernel;
	UINTN len = 0;

	CHECK(BS->LoadImage(FALSE, self, FileDevicePath(device, L"\\vmlinuz.efi"), NULL, 0, &kernel), L"load \\vmlinuz.efi");
	CHECK(BS->HandleProtocol(kernel, &LoadedImageProtocol, (void **)&image), L"look at \\vmlinuz.efi");
	while (cmdline[len]) {
		options[len] = cmdline[len];
		len++;
	}
	options[len] = 0;
	image->LoadOptions = options;
	image->LoadOptionsSize = (UINT32)((len + 1) * sizeof(options[0]));
	CHECK(BS->StartImage(kernel, NULL, NULL), L"start \\vmlinuz.efi");
	return EFI_SUCCESS;
}

EFI_STATUS efi_main(EFI_HANDLE self, EFI_SYSTEM_TABLE *systab)
{
	static CHAR8 cmdline[CMDLINE_MAX + 1];
	EFI_LOADED_IMAGE *image;
	EFI_STATUS status;

	InitializeLib(self, systab);
	CHECK(BS->HandleProtocol(self, &LoadedImageProtocol, (void **)&image), L"find its own image");
	status = read_cmdline(image->DeviceHandle, cmdline);
	if (EFI_ERROR(status))
		return status;
	status = publish_area(cmdline);
	if (EFI_ERROR(status))
		return status;
	return start_kernel(self, image->DeviceHandle, cmdline);
}

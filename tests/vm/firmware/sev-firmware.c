/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A UEFI application that makes a plain OVMF look like a confidential VM's firmware: a test
 * double, for VM tests only.
 *
 * It reserves the secret area at a fixed guest-physical address and publishes the descriptor in
 * the EFI configuration table.  It does not touch what the host has put there before the VM
 * started.  It also reserves memory for the keys of an ACPI table SVKL, which QEMU's -acpitable
 * can add.  Then it starts the kernel.  The EFI system partition holds
 *
 *	\vmlinuz.efi	the kernel, with its EFI stub
 *	\cmdline.txt	its command line, ASCII; initrd=\initrd.img makes the stub load an initrd
 *
 * Words on the command line, which the kernel ignores, make it misbehave as real firmware does:
 *
 *	coco_firmware=stale	the descriptor lies in boot-services memory, and is gone once
 *				the kernel runs
 *	coco_firmware=ram	the area lies in boot-services memory, which the kernel takes over
 *	coco_firmware=none	no area and no entry in the configuration table
 *
 * tests/vm/build-firmware puts it into the AmdSev OVMF in place of GRUB.  With coco_firmware=none,
 * the area is then the firmware's own.
 *
 * Layouts: the kernel's efi_secret documentation; EDK II, OvmfPkg/AmdSev/SecretDxe.
 */
#include <efi.h>
#include <efilib.h>

#define AREA_ADDRESS 0x10000000ull
#define AREA_LEN 0xc00		/* like OVMF for SEV; the rest of the page is for kernel hashes */
#define KEYS_ADDRESS 0x10010000ull
#define KEYS_PAGES 32
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

/* Firmware with a built-in boot loader has not searched for disks. */
static void connect_disks(void)
{
	EFI_HANDLE *handles;
	UINTN n;

	if (EFI_ERROR(BS->LocateHandleBuffer(AllHandles, NULL, NULL, &n, &handles)))
		return;
	for (UINTN i = 0; i < n; i++)
		BS->ConnectController(handles[i], NULL, NULL, TRUE);
	BS->FreePool(handles);
}

/*
 * The volume that this was started from.  If it was started from the firmware itself, the first
 * volume that has the kernel.
 */
static EFI_STATUS find_volume(EFI_HANDLE own, EFI_HANDLE *ret_device, EFI_FILE_HANDLE *ret_root)
{
	EFI_HANDLE *handles = NULL;
	EFI_FILE_HANDLE file;
	UINTN n = 0;

	*ret_device = own;
	*ret_root = LibOpenRoot(own);
	if (*ret_root)
		return EFI_SUCCESS;

	connect_disks();
	CHECK(BS->LocateHandleBuffer(ByProtocol, &FileSystemProtocol, NULL, &n, &handles),
	      L"find a file system");
	for (UINTN i = 0; i < n; i++) {
		EFI_FILE_HANDLE root = LibOpenRoot(handles[i]);

		if (!root)
			continue;
		if (!EFI_ERROR(root->Open(root, &file, L"\\vmlinuz.efi", EFI_FILE_MODE_READ, 0))) {
			file->Close(file);
			*ret_device = handles[i];
			*ret_root = root;
			BS->FreePool(handles);
			return EFI_SUCCESS;
		}
		root->Close(root);
	}
	BS->FreePool(handles);
	return fail(EFI_NOT_FOUND, L"find \\vmlinuz.efi");
}

/* Reads the command line; ends it with a NUL and without the line feed. */
static EFI_STATUS read_cmdline(EFI_FILE_HANDLE root, CHAR8 text[static CMDLINE_MAX + 1])
{
	UINTN len = CMDLINE_MAX;
	EFI_FILE_HANDLE file;

	CHECK(root->Open(root, &file, L"\\cmdline.txt", EFI_FILE_MODE_READ, 0),
	      L"open \\cmdline.txt");
	CHECK(file->Read(file, &len, text), L"read \\cmdline.txt");
	file->Close(file);
	root->Close(root);

	while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	text[len] = 0;
	for (UINTN i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return fail(EFI_INVALID_PARAMETER,
				    L"use a \\cmdline.txt that is not one line of ASCII");
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
	EFI_PHYSICAL_ADDRESS area = AREA_ADDRESS, keys = KEYS_ADDRESS;
	struct descriptor *descriptor;

	if (has_word(cmdline, "coco_firmware=none")) {
		Print(L"sev-firmware: no secret area, as told\n");
		return EFI_SUCCESS;
	}
	CHECK(BS->AllocatePages(AllocateAddress, ram ? EfiBootServicesData : EfiReservedMemoryType,
				1, &area),
	      L"reserve the secret area");
	CHECK(BS->AllocatePages(AllocateAddress, EfiReservedMemoryType, KEYS_PAGES, &keys),
	      L"reserve memory for keys");
	CHECK(BS->AllocatePool(stale ? EfiBootServicesData : EfiACPIReclaimMemory,
			       sizeof(*descriptor), (void **)&descriptor),
	      L"allocate the descriptor");
	descriptor->base = area;
	descriptor->len = AREA_LEN;
	CHECK(BS->InstallConfigurationTable(&coco_table_guid, descriptor),
	      L"publish the secret area");
	Print(L"sev-firmware: secret area at 0x%lx, %d bytes, descriptor at 0x%lx\n", area,
	      AREA_LEN, (UINT64)(UINTN)descriptor);
	return EFI_SUCCESS;
}

static EFI_STATUS start_kernel(EFI_HANDLE self, EFI_HANDLE device, const CHAR8 *cmdline)
{
	static CHAR16 options[CMDLINE_MAX + 1];
	EFI_LOADED_IMAGE *image;
	EFI_HANDLE kernel;
	UINTN len = 0;

	CHECK(BS->LoadImage(FALSE, self, FileDevicePath(device, L"\\vmlinuz.efi"), NULL, 0,
			    &kernel),
	      L"load \\vmlinuz.efi");
	CHECK(BS->HandleProtocol(kernel, &LoadedImageProtocol, (void **)&image),
	      L"look at \\vmlinuz.efi");
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
	EFI_FILE_HANDLE root;
	EFI_HANDLE device;
	EFI_STATUS status;

	InitializeLib(self, systab);
	CHECK(BS->HandleProtocol(self, &LoadedImageProtocol, (void **)&image),
	      L"find its own image");
	status = find_volume(image->DeviceHandle, &device, &root);
	if (EFI_ERROR(status))
		return status;
	status = read_cmdline(root, cmdline);
	if (EFI_ERROR(status))
		return status;
	status = publish_area(cmdline);
	if (EFI_ERROR(status))
		return status;
	return start_kernel(self, device, cmdline);
}

/**
 * AMD and Intel GPUs as files: /sys as the kernel's documentation of each driver names it. Where numbers were published
 * the source stands beside them; *constructed* means the files are real and the values made up.
 */
import { below } from "./a-machine.ts";

const GIB = 2 ** 30;

/** *constructed*: an RX 7900 XTX; total memory, temperature and power as a card of its kind has them. */
export const rx7900 = (card = 0, address = "0000:03:00.0", part: Readonly<Record<string, string>> = {}) => ({
  [`/dev/dri/renderD${128 + card}`]: "",
  ...below(`/sys/class/drm/card${card}/device`, {
    vendor: "0x1002\n",
    device: "0x744c\n",
    uevent: `DRIVER=amdgpu\nPCI_CLASS=30000\nPCI_ID=1002:744C\nPCI_SLOT_NAME=${address}\n`,
    [`drm/renderD${128 + card}/uevent`]: "\n",
    mem_info_vram_total: "25753026560\n",
    mem_info_vram_used: "1573126144\n",
    mem_info_gtt_total: "33554432000\n",
    mem_info_gtt_used: "16777216\n",
    gpu_busy_percent: "42\n",
    unique_id: "4fd3d0e445b9207e\n",
    "hwmon/hwmon3/temp1_input": "51000\n",
    "hwmon/hwmon3/power1_average": "85000000\n",
    "hwmon/hwmon3/in0_label": "vddgfx\n",
    ...part,
  }),
});

/** *constructed*: a GPU inside a processor, with 512 MiB of its own and `gttGib` of the machine's. */
export const apu = (card: number, address: string, gttGib: number) =>
  rx7900(card, address, {
    device: "0x1586\n",
    unique_id: "0\n",
    mem_info_vram_total: `${GIB / 2}\n`,
    mem_info_vram_used: `${GIB / 4}\n`,
    mem_info_gtt_total: `${gttGib * GIB}\n`,
    mem_info_gtt_used: `${GIB}\n`,
    "hwmon/hwmon3/in1_label": "vddnb\n",
  });

/** Nodes of ROCm's kernel driver. The first is a processor's; fields as on an R9700 and an MI100 (gfx1201, arcturus). */
export const kfdNodes = (...nodes: readonly { readonly minor: number; readonly simds: number }[]) =>
  below("/sys/class/kfd/kfd/topology/nodes", {
    "0/properties": "cpu_cores_count 20\nsimd_count 0\nmem_banks_count 1\ndrm_render_minor 0\n",
    ...Object.fromEntries(
      nodes.map(({ minor, simds }, at) => [
        `${at + 1}/properties`,
        `cpu_cores_count 0\nsimd_count ${simds}\nsimd_per_cu 2\ngfx_target_version 120001\nvendor_id 4098\ndrm_render_minor ${minor}\n`,
      ]),
    ),
  });

/** *constructed*: an Arc B580 under `xe`; memory as `xpu-smi discovery` of one tells (12216 MiB, intel/xpumanager 34c32c6e). */
export const arcB580 = (card = 1, address = "0000:03:00.0") =>
  below(`/sys/class/drm/card${card}/device`, {
    vendor: "0x8086\n",
    device: "0xe20b\n",
    uevent: `DRIVER=xe\nPCI_SLOT_NAME=${address}\n`,
    "tile0/physical_vram_size_bytes": `${12_216 * 1_048_576}\n`,
    "hwmon/hwmon2/temp2_input": "47000\n",
    "hwmon/hwmon2/energy1_input": "1000000000\n",
  });

/** *constructed*: the GPU inside an Intel processor, under `i915`. */
export const intelInside = (card = 0) =>
  below(`/sys/class/drm/card${card}/device`, {
    vendor: "0x8086\n",
    device: "0x46a6\n",
    uevent: "DRIVER=i915\nPCI_SLOT_NAME=0000:00:02.0\n",
  });

/** *constructed* after the format of pci.ids: vendors, devices by a tab, subsystems by two. */
export const PCI_IDS = `# Syntax:
1002  Advanced Micro Devices, Inc. [AMD/ATI]
\t744c  Navi 31 [Radeon RX 7900 XT/7900 XTX]
\t\t1002 0e3b  RX 7900 GRE
1003  ULSI Systems
\te20b  Nothing of Intel's
8086  Intel Corporation
\t46a6  Alder Lake-P GT2 [Iris Xe Graphics]
\te20b  Battlemage G21 [Arc B580]
ffff  Illegal Vendor ID
`;

/** amdgpu's answer for an open file, with the newer and the older keys as it prints both (drivers/gpu/drm/amd/amdgpu/amdgpu_fdinfo.c). */
export const AMD_FDINFO = `pos:\t0
flags:\t02100002
mnt_id:\t24
ino:\t1234
drm-driver:\tamdgpu
drm-client-id:\t185
drm-pdev:\t0000:03:00.0
pasid:\t32770
drm-total-vram:\t60060 KiB
drm-shared-vram:\t0
drm-resident-vram:\t60060 KiB
drm-total-gtt:\t2 MiB
drm-resident-gtt:\t2 MiB
drm-memory-vram:\t60060 KiB
drm-memory-gtt: \t2048 KiB
drm-memory-cpu: \t0 KiB
drm-engine-compute:\t500000000 ns
`;

/** The example in the kernel's own text (drivers/gpu/drm/xe/xe_drm_client.c), shortened. */
export const XE_FDINFO = `pos:    0
flags:  0100002
mnt_id: 26
ino:    685
drm-driver:     xe
drm-client-id:  3
drm-pdev:       0000:03:00.0
drm-total-system:       0
drm-resident-system:    0
drm-total-gtt:  192 KiB
drm-resident-gtt:       192 KiB
drm-total-vram0:        23992 KiB
drm-shared-vram0:       16 MiB
drm-active-vram0:       0
drm-resident-vram0:     23992 KiB
drm-total-stolen:       0
drm-cycles-rcs: 28257900
drm-total-cycles-rcs:   7655183225
`;

/** *constructed*: i915's keys, of a card with memory of its own. */
export const I915_FDINFO = `drm-driver:\ti915
drm-client-id:\t7
drm-pdev:\t0000:00:02.0
drm-total-local0:\t256 MiB
drm-resident-local0:\t128 MiB
drm-total-system0:\t64 MiB
drm-resident-system0:\t32 MiB
drm-engine-render:\t9288864723 ns
`;

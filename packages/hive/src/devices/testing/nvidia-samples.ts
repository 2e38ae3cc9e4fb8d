/**
 * What nvidia-smi printed on real machines: utkuozdemir/nvidia_gpu_exporter internal/captures (c58c3331),
 * linux-x86_64__nvidia-h100-mig__590.48.01.txt, shortened. UUIDs were masked there; those here are made
 * up, and so is the folder of a program.
 */
export const MIG_GPU = "GPU-11111111-aaaa-bbbb-cccc-000000000006";

/** `nvidia-smi -L`; the names of the parts as in the documentation, for the capture's first two. */
export const MIG_LIST = `GPU 0: NVIDIA H100 80GB HBM3 (UUID: ${MIG_GPU})
  MIG 3g.40gb     Device  0: (UUID: MIG-11111111-aaaa-bbbb-cccc-000000000010)
  MIG 2g.20gb     Device  1: (UUID: MIG-11111111-aaaa-bbbb-cccc-000000000011)
`;

/** `nvidia-smi -q` under load. */
export const MIG_QUERY = `
==============NVSMI LOG==============

Timestamp                                              : Tue Jul 14 09:00:44 2026
Driver Version                                         : 590.48.01
CUDA Version                                           : 13.1

Attached GPUs                                          : 1
GPU 00000000:00:09.0
    Product Name                                       : NVIDIA H100 80GB HBM3
    MIG Mode
        Current                                        : Enabled
        Pending                                        : Enabled
    MIG Device
        Index                                          : 0
        GPU Instance ID                                : 2
        Compute Instance ID                            : 0
        Device Attributes
            Shared
                Multiprocessor count                   : 60
                Copy Engine count                      : 3
        ECC Errors
            Volatile
                SRAM Uncorrectable                     : 0
        Shared FB Memory Usage
            Total                                      : 40448 MiB
            Reserved                                   : 0 MiB
            Used                                       : 11091 MiB
            Free                                       : 29357 MiB
        Shared BAR1 Memory
            Total                                      : 24739 MiB
            Used                                       : 0 MiB
            Free                                       : 24739 MiB
    MIG Device
        Index                                          : 1
        GPU Instance ID                                : 3
        Compute Instance ID                            : 0
        Device Attributes
            Shared
                Multiprocessor count                   : 32
        Shared FB Memory Usage
            Total                                      : 20096 MiB
            Reserved                                   : 0 MiB
            Used                                       : 17 MiB
            Free                                       : 20080 MiB
        Shared BAR1 Memory
            Total                                      : 12369 MiB
            Used                                       : 0 MiB
            Free                                       : 12369 MiB
    Accounting Mode                                    : Disabled
    GPU UUID                                           : ${MIG_GPU}
    PCI
        Bus                                            : 0x00
        GPU Link Info
            PCIe Generation
                Max                                    : 5
    FB Memory Usage
        Total                                          : 81559 MiB
        Reserved                                       : 479 MiB
        Used                                           : 11125 MiB
        Free                                           : 69956 MiB
    Utilization
        GPU                                            : N/A
    Processes
        GPU instance ID                   : 2
        Compute instance ID               : 0
        Process ID                        : 21180
            Type                          : C
            Name                          : ./memhog
            Used GPU Memory               : 2296 MiB
        GPU instance ID                   : 2
        Compute instance ID               : 0
        Process ID                        : 21198
            Type                          : C
            Name                          : ./gpu_burn
            Used GPU Memory               : 7484 MiB
    Capabilities
        EGM                                            : disabled
`;

/** *constructed*: the driver's own description of a GPU, values made up. */
export const PROC_INFORMATION = `Model: \t\t NVIDIA GeForce RTX 3080
IRQ:   \t\t 148
GPU UUID: \t GPU-11111111-aaaa-bbbb-cccc-000000000020
Video BIOS: \t 94.02.42.00.d7
Bus Type: \t PCIe
Bus Location: \t 0000:01:00.0
Device Minor: \t 0
`;

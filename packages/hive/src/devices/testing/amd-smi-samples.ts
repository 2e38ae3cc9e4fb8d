/** What amd-smi prints as JSON. */

/** ROCm 6 (ROCm/amdsmi 0ceca28f, Oct 2024): a list of GPUs. A warning may stand before it. */
export const METRIC_LIST = `WARNING: User is missing the following required groups: render. Please add user to these groups.
[{"gpu":0,"usage":{"gfx_activity":{"value":42,"unit":"%"},"umc_activity":{"value":0,"unit":"%"}},
 "mem_usage":{"total_vram":{"value":24560,"unit":"MB"},"used_vram":{"value":150,"unit":"MB"},"free_vram":{"value":24410,"unit":"MB"}},
 "power":{"socket_power":{"value":35,"unit":"W"}},"temperature":{"edge":{"value":40,"unit":"C"}}}]
`;

/** ROCm 7 wraps the list (AMD SMI 26.2.1 on an MI355X: numbers as published from a CI run, shortened). */
export const METRIC_WRAPPED = `{"gpu_data":[{"gpu":0,
 "mem_usage":{"total_vram":{"value":294896,"unit":"MB"},"used_vram":{"value":283,"unit":"MB"}},
 "usage":{"gfx_activity":{"value":0,"unit":"%"}},"power":{"socket_power":{"value":239,"unit":"W"}},
 "temperature":{"edge":"N/A","hotspot":{"value":36,"unit":"C"}}}]}
`;

/** Of the same machine: its names. */
export const STATIC_WRAPPED = `{"gpu_data":[{"gpu":0,"bus":{"bdf":"0000:05:00.0"},
 "asic":{"market_name":"AMD Instinct MI355X"},"driver":{"version":"6.16.6"}}]}
`;

/** *constructed* after rocm-systems #2720: whole objects, or single values, are the text "N/A". */
export const METRIC_NOT_AVAILABLE = `[{"gpu":0,"usage":"N/A","mem_usage":{"total_vram":{"value":"N/A","unit":"MB"}},"power":"N/A","temperature":"N/A"}]
`;

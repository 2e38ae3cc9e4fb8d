/** What macOS printed on real Macs, as other projects published it. */

/** `system_profiler SPDisplaysDataType -json` on an M4. */
export const M4_DISPLAYS = `{"SPDisplaysDataType":[{"_name":"Apple M4","spdisplays_mtlgpufamilysupport":"spdisplays_metal4",
 "spdisplays_vendor":"sppci_vendor_Apple",
 "sppci_bus":"spdisplays_builtin","sppci_cores":"10","sppci_device_type":"spdisplays_gpu","sppci_model":"Apple M4"}]}`;

/** *constructed*: an Intel Mac with two GPUs; the keys are the documented ones. */
export const INTEL_MAC_DISPLAYS = `{"SPDisplaysDataType":[
 {"_name":"kHW_IntelUHDGraphics630Item","spdisplays_vram_shared":"1536 MB","sppci_model":"Intel UHD Graphics 630"},
 {"_name":"kHW_AMDRadeonPro5300MItem","spdisplays_vram":"4 GB","sppci_model":"AMD Radeon Pro 5300M"}]}`;

/** `ioreg -r -d 1 -w 0 -c IOAccelerator` on an M1 Pro. The statistics are one line. */
export const M1_PRO_IOREG = `+-o AGXAcceleratorG13X  <class AGXAcceleratorG13X, id 0x1000009a1, registered, matched, active, busy 0 (39191 ms), retain 108>
    {
      "model" = "Apple M1 Pro"
      "gpu-core-count" = 16
      "PerformanceStatistics" = {"In use system memory (driver)"=0,"Alloc system memory"=14511046656,\
"Tiler Utilization %"=34,"recoveryCount"=0,"Renderer Utilization %"=34,\
"Device Utilization %"=34,"In use system memory"=7688503296}
      "IOClass" = "AGXAcceleratorG13X"
    }

`;

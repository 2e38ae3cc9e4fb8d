import { expect, test } from "vitest";
import { visibleDevice } from "./visible-device.ts";

const aDevice = { index: 2, backend: "cuda", uuid: null };

test.each([
  ["cuda", "GPU-5d3c", { CUDA_VISIBLE_DEVICES: "GPU-5d3c" }],
  ["cuda", "MIG-9f1e", { CUDA_VISIBLE_DEVICES: "MIG-9f1e" }],
  ["cuda", "MIG-GPU-5d3c/1/0", { CUDA_VISIBLE_DEVICES: "MIG-GPU-5d3c/1/0" }],
  ["rocm", "GPU-4fd3d0e445b92078", { ROCR_VISIBLE_DEVICES: "GPU-4fd3d0e445b92078" }],
  ["vulkan", null, { GGML_VK_VISIBLE_DEVICES: "2" }],
  ["metal", null, {}],
  ["cpu", null, {}],
  ["another", "name", {}],
])("a %s device called %s is chosen in its backend's own way", (backend, uuid, env) => {
  expect(visibleDevice({ ...aDevice, backend, uuid })).toEqual(env);
});

test("a device without a UUID is chosen by the number that its own runtime has for it, not by that of a machine with others", () => {
  const device = { ...aDevice, runtime_index: 0 };
  expect(visibleDevice(device)).toEqual({ CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: "0" });
  expect(visibleDevice({ ...device, backend: "rocm" })).toEqual({ ROCR_VISIBLE_DEVICES: "0" });
});

test("the number of NVIDIA's own tool is CUDA's once CUDA counts by the bus", () => {
  expect(visibleDevice(aDevice)).toEqual({ CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: "2" });
});

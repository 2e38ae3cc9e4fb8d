import type { LaunchDevice } from "./engine.ts";

/** Variables with which a program sees one device only, by the device's backend. Empty where there is nothing to choose. */
export function visibleDevice({ backend, index, uuid, runtime_index }: LaunchDevice): NodeJS.ProcessEnv {
  switch (backend) {
    case "cuda":
      // The UUID of a part of a GPU (MIG) is taken as well; a part has no other name.
      if (uuid !== null) return { CUDA_VISIBLE_DEVICES: uuid };
      // CUDA counts the fastest GPU first unless it is told to count as nvidia-smi does.
      return { CUDA_DEVICE_ORDER: "PCI_BUS_ID", CUDA_VISIBLE_DEVICES: String(runtime_index ?? index) };
    case "rocm":
      return { ROCR_VISIBLE_DEVICES: uuid ?? String(runtime_index ?? index) };
    case "vulkan":
      // Vulkan counts the GPUs of all makers together, as the numbers of a machine do; it knows no other name.
      return { GGML_VK_VISIBLE_DEVICES: String(index) };
    default:
      return {};
  }
}

import type { DeviceInfo } from "@hive-registry/client";
import type { JSX } from "preact";
import { bytesOfText, percentText } from "../../fleet-data/units.ts";
import { Badge, Bar } from "../../ui/parts.tsx";

/** Each GPU with its memory, use, heat and power; what the driver does not tell is left out. */
export function Devices({ devices }: { readonly devices: readonly DeviceInfo[] | undefined }): JSX.Element {
  if (devices === undefined || devices.length === 0)
    return <p class="muted">It tells of no GPU: its workers compute on the CPU.</p>;
  return (
    <ul class="devices">
      {devices.map((device) => (
        <li key={device.id}>
          <Device device={device} />
        </li>
      ))}
    </ul>
  );
}

function Device({ device }: { readonly device: DeviceInfo }): JSX.Element {
  const { vram_total_bytes: total, vram_free_bytes: free, utilization_percent: use } = device;
  const used = total === null || free === null ? undefined : total - free;
  return (
    <>
      <p class="row spread">
        <span class="cut">
          <b>{device.id}</b> <span class="muted">{device.name}</span>
        </span>
        <Badge>{device.backend}</Badge>
      </p>
      {used !== undefined && total !== null && (
        <div>
          <Bar value={used} max={total} />
          <p class="small">
            {bytesOfText(used, total)}{" "}
            <span class="muted">{device.memory === "unified" ? "of the machine's memory" : "VRAM"}</span>
          </p>
        </div>
      )}
      {use !== null && (
        <div>
          <Bar value={use} max={100} />
          <p class="small">
            {percentText(use)} <span class="muted">in use</span>
          </p>
        </div>
      )}
      <p class="small muted">{restOf(device)}</p>
    </>
  );
}

function restOf({ temperature_c, power_w, driver }: DeviceInfo): string {
  return [
    temperature_c === null ? undefined : `${Math.round(temperature_c)} °C`,
    power_w === null ? undefined : `${Math.round(power_w)} W`,
    driver === null ? undefined : `driver ${driver}`,
  ]
    .filter((text) => text !== undefined)
    .join(" · ");
}

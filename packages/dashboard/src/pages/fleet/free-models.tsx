import type { JSX } from "preact";
import { useFleet } from "../../app/context.ts";
import { href } from "../../app/router.ts";
import { countText } from "../../fleet-data/units.ts";

const MODELS_SHOWN = 8;

/** Models that take a request right now, the roomiest first. */
export function FreeModels(): JSX.Element | null {
  const fleet = useFleet();
  fleet.seconds.value;
  if (!fleet.isKnown.value) return null;
  const models = fleet.registry
    .models()
    .toSorted((a, b) => b.slots_free - a.slots_free || (a.model < b.model ? -1 : 1));
  if (models.length === 0) return null;
  const shown = models.slice(0, MODELS_SHOWN);
  return (
    <nav class="free-models" aria-label="Models with free slots">
      {shown.map(({ model, slots_free }) => (
        <a key={model} href={href.model(model)} class={slots_free === 0 ? "full" : undefined}>
          <span class="cut">{model}</span>
          <b>{slots_free === 0 ? "all busy" : `${countText(slots_free)} free`}</b>
        </a>
      ))}
      {models.length > MODELS_SHOWN && <a href={href.models()}>{models.length - MODELS_SHOWN} more models</a>}
    </nav>
  );
}

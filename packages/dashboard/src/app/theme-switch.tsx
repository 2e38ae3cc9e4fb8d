import type { JSX } from "preact";
import type { IconName } from "../ui/icon.tsx";
import { Button } from "../ui/parts.tsx";
import { chooseTheme, THEMES, type Theme, theme } from "./theme.ts";

const LOOKS: Readonly<Record<Theme, { readonly icon: IconName; readonly words: string }>> = {
  system: { icon: "system", words: "as the system" },
  light: { icon: "sun", words: "light" },
  dark: { icon: "moon", words: "dark" },
};

/** Goes around: as the system, light, dark. */
export function ThemeSwitch(): JSX.Element {
  const now = theme.value;
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length] ?? "system";
  return (
    <Button
      kind="quiet"
      icon={LOOKS[now].icon}
      label={`Theme: ${LOOKS[now].words}. Switch to ${LOOKS[next].words}`}
      onClick={() => chooseTheme(next)}
    />
  );
}

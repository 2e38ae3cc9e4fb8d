import { type Signal, signal } from "@preact/signals";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const THEME_KEY = "hive.theme";

/** What the person chose. The page's root element carries it as `data-theme`; style sheets do the rest. */
export const theme: Signal<Theme> = signal(stored());

/** Light or dark, after "system" was asked. Charts draw with it. */
export const isDark: Signal<boolean> = signal(false);

/** Returns the function that ends it. */
export function startTheme(): () => void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = theme.peek();
    isDark.value = chosen === "dark" || (chosen === "system" && system.matches);
    document.documentElement.dataset.theme = isDark.peek() ? "dark" : "light";
  };
  const unsubscribe = theme.subscribe(apply);
  system.addEventListener("change", apply);
  return () => {
    unsubscribe();
    system.removeEventListener("change", apply);
  };
}

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  try {
    localStorage.setItem(THEME_KEY, chosen);
  } catch {
    // A browser that keeps nothing: the choice lasts as long as the page.
  }
}

function stored(): Theme {
  try {
    const text = localStorage.getItem(THEME_KEY);
    return THEMES.find((one) => one === text) ?? "system";
  } catch {
    return "system";
  }
}

import type { JSX } from "preact";

/** Outlines on a field of 24 × 24, drawn for this page. */
const OUTLINES = {
  fleet:
    "M8 3.5 12 1l4 2.5v5L12 11 8 8.5z M3.5 13 7.5 10.5 11.5 13v5l-4 2.5-4-2.500z M12.5 13l4-2.5 4 2.500v5l-4 2.5-4-2.500z",
  model: "M12 3 4 7v10l8 4 8-4V7z M4 7l8 4 8-4 M12 11v10",
  chat: "M4 5h16v11H10l-4 4v-4H4z",
  machine: "M4 4h16v6H4z M4 14h16v6H4z M8 7h.01 M8 17h.01",
  events: "M4 6h2 M10 6h10 M4 12h2 M10 12h10 M4 18h2 M10 18h10",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M12 2v2 M12 20v2 M4.9 4.900l1.4 1.4 M17.7 17.700l1.4 1.4 M2 12h2 M20 12h2 M4.9 19.100l1.4-1.4 M17.7 6.300l1.4-1.4",
  moon: "M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z",
  system: "M3 4h18v12H3z M8 20h8 M12 16v4",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z M16 16l5 5",
  close: "M6 6l12 12 M18 6 6 18",
  check: "M5 12.5 10 17.5 19 7",
  copy: "M9 9h11v11H9z M5 15H4V4h11v1",
  warning: "M12 4 2.5 20h19z M12 10v4.5 M12 17.500v.01",
  error: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 7.500v5.5 M12 16.500v.01",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 7v5l3.5 2",
  plus: "M12 5v14 M5 12h14",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  refresh: "M20 11a8 8 0 0 0-14.5-4L3 9.5 M3 4v5.500h5.5 M4 13a8 8 0 0 0 14.5 4l2.5-2.5 M21 20v-5.500h-5.5",
  key: "M8 11a4 4 0 1 0 0 8 4 4 0 0 0 0-8z M11 12l9-9 M17 6l2.5 2.5",
  stop: "M6 6h12v12H6z",
  send: "M4 12 20 4l-5 16-3.5-6.500z",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z M12 11v6 M12 7.500v.01",
  flap: "M3 12h4l3-7 4 14 3-7h4",
  trash: "M4 7h16 M9 7V4h6v3 M6 7l1 13h10l1-13",
  download: "M12 4v11 M7 11l5 5 5-5 M4 20h16",
} as const;

export type IconName = keyof typeof OUTLINES;

/** Decoration: the words beside it say the same. Where there are none, its button has a label. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }): JSX.Element {
  return (
    <svg
      class="icon"
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.75"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={OUTLINES[name]} />
    </svg>
  );
}

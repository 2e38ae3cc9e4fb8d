import type { JSX } from "preact";

export function BrandMark(): JSX.Element {
  return (
    <svg width="26" height="26" viewBox="0 0 26 26" aria-hidden="true" focusable="false">
      <path d="M13 1.5 23 7.2v11.600L13 24.5 3 18.800V7.200z" fill="var(--accent-fill)" />
      <path d="M13 7.5 17.8 10.250v5.500L13 18.5 8.2 15.750v-5.500z" fill="var(--surface)" />
    </svg>
  );
}

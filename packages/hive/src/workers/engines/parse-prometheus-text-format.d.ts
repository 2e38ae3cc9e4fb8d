/** The part of the library that is used here; it brings no types of its own. */
declare module "parse-prometheus-text-format" {
  export interface Sample {
    /** As it was written: `1.5e+06`, `NaN`, `+Inf`. Absent in a sample of a histogram. */
    readonly value?: string;
    readonly labels?: Readonly<Record<string, string>>;
  }
  export interface Family {
    readonly name: string;
    readonly metrics: readonly Sample[];
  }
  /** @throws {Error} on a line that is no sample. */
  export default function parsePrometheusTextFormat(text: string): Family[];
}

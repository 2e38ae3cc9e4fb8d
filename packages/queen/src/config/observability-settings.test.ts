import { SettingError } from "@hive-registry/command";
import { expect, test } from "vitest";
import { type Given, readSettings } from "./settings.ts";

const read = (given: Given = {}, env: Record<string, string> = {}) => {
  const { metrics, traces } = readSettings(given, { XDG_CONFIG_HOME: "/nowhere", ...env });
  return { metrics, traces };
};
const to = (endpoint: string) => ({ endpoint, serviceName: "hive-queen", sampleRatio: 1 });

test("nobody is told of requests unless somebody says to whom; hives and workers are told one by one up to a number", () => {
  expect(read()).toEqual({ metrics: { hivesMax: 100, workersMax: 500 }, traces: undefined });
  expect(read({ metrics_hives_max: "7" }, { HIVE_METRICS_WORKERS_MAX: "0" }).metrics).toEqual({
    ...{ hivesMax: 7, workersMax: 0 },
  });
});

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318" }, "http://c:4318/v1/traces"],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c/otlp/" }, "https://c/otlp/v1/traces"],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/own", OTEL_EXPORTER_OTLP_ENDPOINT: "http://d" }, "http://c/own"],
  [
    { HIVE_TRACES_ENDPOINT: "http://ours/v1/traces", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c" },
    "http://ours/v1/traces",
  ],
])("by %o traces go to %s", (env, endpoint) => {
  expect(read({}, env).traces).toEqual(to(endpoint));
});

test("OpenTelemetry's own words for who sends and for nobody at all are heard", () => {
  const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://c:4318", OTEL_SERVICE_NAME: "queen-eu" };
  expect(read({ traces_sample_ratio: "0.25" }, env).traces).toEqual({
    ...{ endpoint: "http://c:4318/v1/traces", serviceName: "queen-eu", sampleRatio: 0.25 },
  });
  expect(read({}, { ...env, OTEL_SDK_DISABLED: "true" }).traces).toBeUndefined();
});

test("what is no URL, no share and no number is refused by the name that its user wrote", () => {
  const refusal = (given: Given, env: Record<string, string> = {}): unknown => {
    try {
      return read(given, env);
    } catch (error) {
      return error instanceof SettingError ? error.message : error;
    }
  };
  expect(refusal({ traces_endpoint: "collector:4318" })).toContain("--traces-endpoint must be a URL");
  expect(refusal({}, { OTEL_EXPORTER_OTLP_ENDPOINT: "collector" })).toContain(
    "OTEL_EXPORTER_OTLP_ENDPOINT must be a URL",
  );
  for (const share of ["1.5", "-1", "", "half", "NaN"]) {
    expect([share, refusal({ traces_sample_ratio: share })]).toEqual([
      share,
      "--traces-sample-ratio must be a number from 0 to 1",
    ]);
  }
  expect(refusal({ metrics_hives_max: "-1" })).toContain("--metrics-hives-max must be a whole number");
});

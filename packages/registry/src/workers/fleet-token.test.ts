import { expect, test } from "vitest";
import { takesFleetToken } from "./fleet-token.ts";

const HIVE = "http://10.0.0.7:7835";
const takes = (url: string | undefined, engine = "vllm", hiveUrl: string | undefined = HIVE): boolean =>
  takesFleetToken({ engine, ...(url !== undefined && { url }) }, () => hiveUrl);

test("a bundled worker takes the fleet's token as its key, and what its own hive passes on does", () => {
  expect(takes("http://10.0.0.7:9300", "llama-cpp")).toBe(true);
  expect(takes(`${HIVE}/v1/servers/vllm-8000`)).toBe(true);
  expect(takes(`${HIVE}/v1/servers/big%3Aone`, "vllm", `${HIVE}/`)).toBe(true);
});

test.each([
  ["a server that was found", "http://10.0.0.7:8000"],
  ["one that is not reached at all", undefined],
  ["another hive", "http://10.0.0.8:7835/v1/servers/vllm-8000"],
  ["another port of the hive's machine", "http://10.0.0.7:7836/v1/servers/vllm-8000"],
  ["a port that only begins as the hive's does", "http://10.0.0.7:78350/v1/servers/vllm-8000"],
  ["another scheme", "https://10.0.0.7:7835/v1/servers/vllm-8000"],
  ["a host after the hive's name", "http://10.0.0.7:7835@evil.example/v1/servers/vllm-8000"],
  ["the hive's name further down", "http://evil.example/http://10.0.0.7:7835/v1/servers/vllm-8000"],
  ["another path of the hive", `${HIVE}/v1/workers/v1/servers/x`],
  ["a way up", `${HIVE}/v1/servers/..`],
  ["a way up in other letters", `${HIVE}/v1/servers/%2E%2e`],
  ["a way down", `${HIVE}/v1/servers/x/../../workers`],
  ["a backslash, which some read as a slash", `${HIVE}/v1/servers/..\\workers`],
  ["a query", `${HIVE}/v1/servers/x?y`],
  ["nobody in particular", `${HIVE}/v1/servers/`],
])("never %s", (_who, url) => {
  expect(takes(url)).toBe(false);
});

test("of a hive that does not say where it is reached nothing is known", () => {
  expect(takesFleetToken({ url: `${HIVE}/v1/servers/x` }, () => undefined)).toBe(false);
});

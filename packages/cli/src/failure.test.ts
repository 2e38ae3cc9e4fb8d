import { ClientError } from "@hive-registry/client";
import { describe, expect, test } from "vitest";
import { CommandError, EXIT, explain } from "./failure.ts";

describe("what is said about a failure", () => {
  test("only a queen that cannot be reached is exit 3, whether it refuses or does not answer", () => {
    for (const code of ["QUEEN_UNREACHABLE", "TIMEOUT"]) {
      const { exitCode, text } = explain(new ClientError(code, "No queen answers", { server: "queen" }));
      expect(exitCode).toBe(EXIT.unreachable);
      expect(text).toContain("hive up");
    }
    const slowHive = new ClientError("TIMEOUT", "The hive did not answer", { server: "hive" });
    expect(explain(slowHive).exitCode).toBe(EXIT.failed);
    // The queen itself answered: it waited for something in vain.
    const answered = new ClientError("TIMEOUT", "not done in time", { server: "queen", status: 504 });
    expect(explain(answered)).toEqual({ text: "not done in time (TIMEOUT)", exitCode: EXIT.failed });
  });

  test("a server's words are shown with the code, and cannot steer the terminal", () => {
    const error = new ClientError("HIVE_NOT_FOUND", "No hive \u001B[2Jdesk", { server: "queen", status: 404 });
    expect(explain(error)).toEqual({ text: "No hive \uFFFD[2Jdesk (HIVE_NOT_FOUND)", exitCode: 1 });
  });

  test("a command's own words stand as they are; the system's need no comment; a defect is called unexpected", () => {
    expect(explain(new CommandError("Which model?\nThere are two", EXIT.usage))).toEqual({
      text: "Which model?\nThere are two",
      exitCode: 2,
    });
    const denied = Object.assign(new Error("EACCES: permission denied, mkdir '/x'"), { code: "EACCES" });
    expect(explain(denied).text).toBe("EACCES: permission denied, mkdir '/x'");
    expect(explain(new TypeError("x is undefined"))).toEqual({ text: "Unexpected: x is undefined", exitCode: 1 });
    expect(explain("thrown text").text).toBe("Unexpected: thrown text");
  });
});

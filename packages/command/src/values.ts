import { resolve } from "node:path";

/** A setting that cannot be used. The message names it as its user wrote it: the flag, the variable or the file's key. */
export class SettingError extends Error {}

/** Checks one value and gives it its type. `called` is what the user calls it. */
export type Reader<T> = (value: unknown, called: string) => T;

export const text: Reader<string> = (value, called) => {
  if (typeof value === "string" && value !== "") return value;
  throw new SettingError(`${called} must be text that is not empty`);
};

export const path: Reader<string> = (value, called) => resolve(text(value, called));

export const optional =
  <T>(read: Reader<T>): Reader<T | undefined> =>
  (value, called) =>
    read(value, called);

/** A list, or one text with commas between its parts. */
export const textList: Reader<string[]> = (value, called) => {
  const parts = Array.isArray(value) ? value : text(value, called).split(",");
  return parts.map((part: unknown) => text(typeof part === "string" ? part.trim() : part, called));
};

export const whole =
  (min: number, max: number): Reader<number> =>
  (value, called) => {
    const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= min && number <= max) return number;
    throw new SettingError(`${called} must be a whole number from ${min} to ${max}`);
  };

/** 0 is any free one. */
export const port: Reader<number> = (value, called) => {
  const number = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw new SettingError(`${called} must be a port, 0 to 65535`);
};

/** A name or an address; an IPv6 one with or without its brackets. */
export const host: Reader<string> = (value, called) => {
  const name = text(value, called).replace(/^\[(.*)\]$/, "$1");
  if (/^[A-Za-z0-9_.:%-]{1,253}$/.test(name)) return name;
  throw new SettingError(`${called} must be a name or an address`);
};

export const yesOrNo: Reader<boolean> = (value, called) => {
  if (typeof value === "boolean") return value;
  if (value === "1" || value === "true" || value === "yes") return true;
  if (value === "0" || value === "false" || value === "no") return false;
  throw new SettingError(`${called} must be true or false`);
};

export const oneOf =
  <const Choices extends readonly string[]>(choices: Choices): Reader<Choices[number]> =>
  (value, called) => {
    const choice = choices.find((known) => known === value);
    if (choice === undefined) throw new SettingError(`${called} must be one of ${choices.join(", ")}`);
    return choice;
  };

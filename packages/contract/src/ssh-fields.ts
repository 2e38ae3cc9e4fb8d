import { type TInteger, type TOptional, type TString, Type } from "typebox";

export const hostName: TString = Type.String({
  minLength: 1,
  maxLength: 253,
  pattern: "^[A-Za-z0-9_:[][A-Za-z0-9_.:[\\]%-]*$",
  description: "Name or address",
});
export const portNumber: TInteger = Type.Integer({ minimum: 1, maximum: 65_535 });
export const userName: TString = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: "^[A-Za-z0-9_][A-Za-z0-9._@-]*\\$?$",
});
export const filePath: TString = Type.String({
  minLength: 1,
  maxLength: 1_024,
  pattern: "^[^\\p{C}]+$",
  description: "Path of a file on the queen's machine",
});
export const proxyJump: TString = Type.String({
  minLength: 1,
  maxLength: 1_024,
  pattern: "^[A-Za-z0-9_[][A-Za-z0-9._@:[\\]%,-]*$",
  description: "As ssh's ProxyJump",
});
/** What may be told to ssh beside host, port and user. */
export const sshExtras: {
  readonly identity_file: TOptional<TString>;
  readonly proxy_jump: TOptional<TString>;
  readonly config_file: TOptional<TString>;
} = {
  identity_file: Type.Optional(filePath),
  proxy_jump: Type.Optional(proxyJump),
  config_file: Type.Optional(filePath),
};

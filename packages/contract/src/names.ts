/**
 * Ids and names that arrive from outside: what people can read, so that they can be shown, logged and put into a URL.
 * No control characters; not `.` or `..` (a URL would swallow them); not the names that JavaScript objects treat specially.
 */
export const PRINTABLE = "^(?!(?:\\.{1,2}|__proto__|constructor|prototype)$)[^\\p{C}\\p{Zl}\\p{Zp}]+$";

export const ID_LENGTH_MAX = 128;
export const MODEL_LENGTH_MAX = 512;

/** What a machine may be called where its name becomes part of a file name or a command. */
export const MACHINE_ID_PATTERN = "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$";

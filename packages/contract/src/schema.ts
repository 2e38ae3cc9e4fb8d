import { type Static, type TSchema, type TUnsafe, Type } from "typebox";

/** A JSON Schema whose checked values have the type `T`. */
export type Schema<T> = TUnsafe<T>;

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;

/**
 * Ties a schema to the plain type it describes: `shape<Heartbeat>()(Type.Object({…}))` does not compile when the two
 * drift apart. The type is the one to import; the schema is what checks and documents it.
 */
export function shape<T>(): <S extends TSchema>(
  schema: S &
    (Mutable<Static<S>> extends Mutable<T> ? (Mutable<T> extends Mutable<Static<S>> ? unknown : never) : never),
) => Schema<T> {
  return (schema) => Type.Unsafe<T>(schema as TSchema);
}

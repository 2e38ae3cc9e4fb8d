import { nearNames } from "./near-names.ts";
import { normalModelName } from "./normal-name.ts";

/** Names by which a model may be asked for, and the models that each stands for. */
export type ModelAliases = Readonly<Record<string, string | readonly string[]>>;

/**
 * Which of some models a name means: of those that workers have now, or could be given. Each model stands for its group,
 * whatever that is. Kept as models come and go, so a name costs no look at the others.
 */
export class ModelNames<Group> {
  readonly #groups: Map<string, Group> = new Map();
  /** Groups by the normal form of their names. No more entries than there are models. */
  readonly #byNormal: Map<string, Group[]> = new Map();
  #aliases: ReadonlyMap<string, readonly string[]> = new Map();

  /** @throws {TypeError} for what is no table of names. */
  setAliases(aliases: ModelAliases): void {
    const read = new Map<string, readonly string[]>();
    for (const [alias, targets] of Object.entries(aliases)) {
      const list = typeof targets === "string" ? [targets] : [...targets];
      if (list.some((target) => typeof target !== "string")) throw new TypeError(`aliases.${alias} must name models`);
      read.set(alias, list);
    }
    this.#aliases = read;
  }

  get(model: string): Group | undefined {
    return this.#groups.get(model);
  }

  get size(): number {
    return this.#groups.size;
  }

  names(): IterableIterator<string> {
    return this.#groups.keys();
  }

  entries(): IterableIterator<[string, Group]> {
    return this.#groups.entries();
  }

  add(model: string, group: Group): void {
    this.#groups.set(model, group);
    const normal = normalModelName(model);
    const alike = this.#byNormal.get(normal);
    if (alike === undefined) this.#byNormal.set(normal, [group]);
    else alike.push(group);
  }

  remove(model: string): void {
    const group = this.#groups.get(model);
    if (group === undefined) return;
    this.#groups.delete(model);
    const normal = normalModelName(model);
    const alike = this.#byNormal.get(normal) as Group[];
    if (alike.length === 1) this.#byNormal.delete(normal);
    else alike.splice(alike.indexOf(group), 1);
  }

  /**
   * The groups that a name means: the one of exactly this name; else those of its alias; else all whose names have the
   * same normal form. An alias's targets are exact names or, where nobody has that, normal forms; never again aliases.
   */
  resolve(name: string): readonly Group[] {
    const exact = this.#groups.get(name);
    if (exact !== undefined) return [exact];
    const targets = this.#aliases.get(name);
    if (targets !== undefined) {
      const found = new Set(targets.flatMap((target) => this.#withoutAlias(target)));
      if (found.size > 0) return [...found];
    }
    return this.#byNormal.get(normalModelName(name)) ?? [];
  }

  near(name: string, max: number): string[] {
    return nearNames(name, this.#groups.keys(), max);
  }

  #withoutAlias(name: string): readonly Group[] {
    const exact = this.#groups.get(name);
    return exact === undefined ? (this.#byNormal.get(normalModelName(name)) ?? []) : [exact];
  }
}

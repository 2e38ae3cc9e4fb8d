/**
 * Where is room for a model that nobody has loaded: what it needs, where it goes, and what is promised meanwhile.
 *
 * @module
 */
export * from "./need.ts";
export * from "./place.ts";
export * from "./under-way.ts";

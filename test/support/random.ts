/** Chance from a seed, for tests that use the public entries alone. */
export { type SeededRandom, seededRandom } from "../../src/testing/seeded-random.ts";

/**
 * One domain in three releases, changed as an app must not change its domain: without `.next`.
 *
 * - Release 1: a parcel has a title.
 * - Release 2: `add` has one more optional key, and a key inside an object.
 * - Release 3: the key is required, and the command `drop` is gone.
 */
import { aggregate, type Domain, defineDomain, projection } from "dacapo";
import * as v from "valibot";

const place = v.object({ street: v.string() });
const added = {
  first: v.object({ title: v.string(), place: v.optional(place) }),
  second: v.object({
    title: v.string(),
    weight: v.optional(v.number()),
    place: v.optional(v.object({ ...place.entries, floor: v.optional(v.number()) })),
  }),
  third: v.object({ title: v.string(), weight: v.number() }),
};

type Parcel = { title: string } | null;
const evolve = { ParcelAdded: (_: Parcel, { data }: { data: { title: string } }) => ({ title: data.title }) };

export const first = aggregate("parcel", {
  version: 1,
  initial: null as Parcel,
  events: { ParcelAdded: added.first, ParcelDropped: v.object({}) },
  evolve: { ...evolve, ParcelDropped: () => null },
  commands: {
    add: {
      input: added.first,
      decide: (state, input, { emit, reject }) => (state ? reject("already-added") : emit("ParcelAdded", input)),
    },
    drop: { decide: (_, __, { emit }) => emit("ParcelDropped") },
  },
});

export const second = aggregate("parcel", {
  version: 1,
  initial: null as Parcel,
  events: { ParcelAdded: added.second, ParcelDropped: v.object({}) },
  evolve: { ...evolve, ParcelDropped: () => null },
  commands: {
    add: {
      input: added.second,
      decide: (state, input, { emit, reject }) => (state ? reject("already-added") : emit("ParcelAdded", input)),
    },
    drop: { decide: (_, __, { emit }) => emit("ParcelDropped") },
  },
});

export const third = aggregate("parcel", {
  version: 1,
  initial: null as Parcel,
  events: { ParcelAdded: added.third, ParcelDropped: v.object({}) },
  evolve: { ...evolve, ParcelDropped: () => null },
  commands: {
    add: {
      input: added.third,
      decide: (state, input, { emit, reject }) => (state ? reject("already-added") : emit("ParcelAdded", input)),
    },
  },
});

const release = (version: number, parcel: typeof first | typeof second | typeof third): Domain => {
  const on = { ParcelAdded: (_: unknown, { data }: { data: { title: string } }) => ({ title: data.title }) };
  const parcels = projection("parcels", { version: 1, from: [parcel], initial: null as Parcel, on });
  return defineDomain({ version, aggregates: [parcel], projections: [parcels] });
};

export const releases = { first: release(1, first), second: release(2, second), third: release(3, third) };

import type { InstanceId } from "../core/names.ts";
import type { Instance } from "./instance.ts";
import { Meter } from "./meter.ts";
import type { Service } from "./service.ts";
import type { Steps } from "./slices.ts";

/** Instances without anything to tell that are looked at before the work may be put aside. */
const INSTANCES_A_STEP = 32;

/**
 * What every service and its instances did since the last time, as the pieces of a JSON list of `ServiceSample`. Services without anything to tell are
 * left out. In steps: a service or an instance may go on counting, and another table may come into force, between two of them.
 */
export function* takingSamples(services: Iterable<Service>): Steps<readonly string[]> {
  const pieces: string[] = [];
  const sum = new Meter();
  for (const service of services) {
    yield;
    yield* takingSample(service, sum, pieces);
  }
  return ["[", ...pieces, "]"];
}

function* takingSample(service: Service, sum: Meter, pieces: string[]): Steps<void> {
  let inFlight = 0;
  let count = 0;
  const tell = (id: InstanceId, meter: Meter, own: number) => {
    if (meter.isEmpty && own === 0) return;
    inFlight += own;
    const begin = count++ > 0 ? "," : `${pieces.length > 0 ? "," : ""}{"instances":[`;
    pieces.push(`${begin}{"instance":${JSON.stringify(id)},${meter.takeText(own, sum)}}`);
  };
  if (service.leaving.size === 0) {
    let seen = 0;
    for (const { id, meter, inFlight: own } of service.made) {
      const before = count;
      tell(id, meter, own);
      if (count > before || ++seen % INSTANCES_A_STEP === 0) yield;
    }
  } else {
    for (const [id, same] of yield* byId(service)) {
      tell(id, ...together(same));
      for (const instance of same) if (instance.inFlight === 0) service.leaving.delete(instance);
      yield;
    }
  }
  const { grouped, limited, meter } = service;
  if (count === 0 && meter.isEmpty && limited.isEmpty) return;
  meter.takeText(0, sum);
  service.grouped = 0;
  const limits = limited.isEmpty ? "" : `"limits":${JSON.stringify(limited.take())},`;
  const begin = count > 0 ? "]" : `${pieces.length > 0 ? "," : ""}{"instances":[]`;
  pieces.push(
    `${begin},"service":${JSON.stringify(service.name)},"grouped":${grouped},${limits}${sum.takeText(inFlight, null)}}`,
  );
}

/** Its instances, named or leaving; the same one may have had another address before. */
function* byId(service: Service): Steps<ReadonlyMap<InstanceId, readonly Instance[]>> {
  const all = new Map<InstanceId, Instance[]>();
  for (const own of [service.made, service.leaving]) {
    for (const instance of own) {
      const same = all.get(instance.id);
      if (same === undefined) all.set(instance.id, [instance]);
      else if (!same.includes(instance)) same.push(instance);
      if (all.size % INSTANCES_A_STEP === 0) yield;
    }
  }
  return all;
}

/** What all of them count and have in flight, in the meter of the first. */
function together([first, ...others]: readonly Instance[]): readonly [Meter, number] {
  let inFlight = first!.inFlight;
  for (const { meter, inFlight: own } of others) {
    inFlight += own;
    if (!meter.isEmpty) meter.takeText(0, first!.meter);
  }
  return [first!.meter, inFlight];
}

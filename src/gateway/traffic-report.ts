import type { InstanceSample, ServiceSample } from "../core/gateway-report.ts";
import { addCounts, NO_TRAFFIC } from "../core/meter/traffic-sum.ts";
import type { InstanceId } from "../core/names.ts";
import type { Service } from "./service.ts";

/** What every service and its instances did since the last call. Services without anything to tell are left out. */
export function takeSamples(services: Iterable<Service>): ServiceSample[] {
  const samples: ServiceSample[] = [];
  for (const service of services) {
    const sample = takeSample(service);
    if (sample !== null) samples.push(sample);
  }
  return samples;
}

function takeSample(service: Service): ServiceSample | null {
  const byId = new Map<InstanceId, InstanceSample>();
  for (const own of [service.made, service.leaving]) {
    for (const { id: instance, meter, inFlight } of own) {
      const counts = meter.take(inFlight);
      const before = byId.get(instance); // the same one, at the address that it had before
      if (counts !== null)
        byId.set(instance, { instance, ...(before === undefined ? counts : addCounts(before, counts)) });
    }
  }
  const refused = service.meter.take(0);
  service.forgetLeft();
  const { grouped, limited } = service;
  if (byId.size === 0 && refused === null && limited.isEmpty) return null;
  const instances = [...byId.values()];
  service.grouped = 0;
  return {
    service: service.name,
    grouped,
    ...(limited.isEmpty ? {} : { limits: limited.take() }),
    instances,
    ...instances.reduce(addCounts, refused ?? NO_TRAFFIC),
  };
}

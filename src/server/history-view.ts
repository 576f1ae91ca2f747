import type { Event, Version } from "../api/objects.ts";
import type { NewEvent, ServiceVersion } from "../core/service.ts";
import { eventTime, rfc3339 } from "./time.ts";

/** An event as eas-reference §6.7 has it: `Pod` is EAS's word for an instance there, and Message is JSON text. */
export function eventView(event: NewEvent): Event {
  const about = event.instance === null ? {} : { instance: event.instance };
  return {
    Type: event.type,
    Reason: event.reason,
    Resource: event.resource === "Instance" ? "Pod" : "Service",
    ...(event.instance === null ? {} : { InstanceName: event.instance }),
    Time: eventTime(event.atMs),
    Message: JSON.stringify({ message: event.message, ...about }),
  };
}

/** A version as eas-reference §6.4 has it. A version needs no image here, so what can be listed can be run. */
export function versionView(version: ServiceVersion): Version {
  return {
    Version: version.version,
    ImageId: version.version,
    BuildTime: rfc3339(version.createdAtMs),
    ImageAvailable: "true",
    ServiceRunnable: "true",
    Message: version.message,
    ServiceConfig: JSON.stringify(version.document),
  };
}

import type { Event, Version } from "../api/objects.ts";
import type { Runnable } from "../control/version-check.ts";
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

/** A version as eas-reference §6.4 has it. In place of an image a version needs its model and its processor's package. */
export function versionView(version: ServiceVersion, runnable: Runnable | undefined): Version {
  const kind = runnable?.kind ?? "unknown";
  return {
    Version: version.version,
    ImageId: version.version,
    BuildTime: rfc3339(version.createdAtMs),
    ImageAvailable: kind,
    ServiceRunnable: kind,
    Message:
      runnable?.kind === "false" ? `${version.message}; cannot be run: ${runnable.why}` : version.message,
    ServiceConfig: JSON.stringify(version.document),
  };
}

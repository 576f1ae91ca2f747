import type { AccessKeyRecord } from "../access/access-key.ts";
import type { GroupName, ServiceName } from "../names.ts";
import type { Change, DesiredState, GroupRecord, ServiceRecord, ServiceVersion } from "../service.ts";

/** What is wanted after the changes of one command: what a store holds once it has committed them. */
export function applyChanges(state: DesiredState, changes: readonly Change[]): DesiredState {
  const services = new Map<ServiceName, ServiceRecord>(state.services);
  const groups = new Map<GroupName, GroupRecord>(state.groups);
  const versions = new Map<ServiceName, readonly ServiceVersion[]>(state.versions);
  let accessKeys: ReadonlyMap<string, AccessKeyRecord> = state.accessKeys; // the same map while no key changes: it is indexed by whoever checks keys
  for (const change of changes) {
    switch (change.kind) {
      case "put-service":
        services.set(change.record.name, change.record);
        break;
      case "remove-service":
        services.delete(change.name);
        versions.delete(change.name);
        break;
      case "put-version": {
        const { service, version } = change.version;
        const others = (versions.get(service) ?? []).filter((v) => v.version !== version);
        versions.set(
          service,
          [...others, change.version].sort((a, b) => a.version - b.version),
        );
        break;
      }
      case "remove-version": {
        const kept = (versions.get(change.service) ?? []).filter((v) => v.version !== change.version);
        versions.set(change.service, kept);
        break;
      }
      case "put-group":
        groups.set(change.record.name, change.record);
        break;
      case "remove-group":
        groups.delete(change.name);
        break;
      case "put-access-key":
        accessKeys = new Map([...accessKeys, [change.record.id, change.record]]);
        break;
      case "remove-access-key":
        accessKeys = new Map([...accessKeys].filter(([id]) => id !== change.id));
        break;
      case "add-event":
      case "add-audit":
        break; // what happened is no part of what is wanted
    }
  }
  return { services, groups, versions, accessKeys };
}

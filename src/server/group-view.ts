import type { Endpoint, Group } from "../api/objects.ts";
import type { GroupName } from "../core/names.ts";
import type { GroupRecord, ServiceRecord } from "../core/service.ts";
import { showAffinity } from "../core/traffic/affinity.ts";
import { labelList, type Place, serviceAddress } from "./service-view.ts";
import { rfc3339 } from "./time.ts";

/** A group as the Group of eas-reference §8.1. */
export function groupView(record: GroupRecord, place: Place): Group {
  const address = groupAddress(record.name, place);
  return {
    Name: record.name,
    ClusterId: place.region,
    CallerUid: "",
    ParentUid: "",
    Network: { GatewayId: "", SecurityGroupId: "", VSwitchId: "", VpcId: "" },
    TrafficMode: record.mode,
    Sticky: record.sticky ? showAffinity(record.sticky) : "off",
    Labels: labelList(record.labels),
    AccessToken: record.token,
    InternetEndpoint: address,
    IntranetEndpoint: address,
    QueueService: "",
    CreateTime: rfc3339(record.createdAtMs),
    UpdateTime: rfc3339(record.updatedAtMs),
  };
}

export function groupAddress(name: GroupName, place: Place): string {
  return `${place.gatewayAddress}/api/predict/${name}`;
}

/** Addresses of a service: its own, and its group's if it has one. */
export function serviceEndpoints(record: ServiceRecord, place: Place): Endpoint[] {
  const own = endpoint("Service", serviceAddress(record, place));
  return record.group === null ? [own] : [own, endpoint("Group", groupAddress(record.group, place))];
}

export function groupEndpoints(record: GroupRecord, place: Place): Endpoint[] {
  return [endpoint("Group", groupAddress(record.name, place))];
}

/** There is one gateway, which EAS calls the default one (eas-reference §8.3). */
function endpoint(pathType: "Service" | "Group", address: string): Endpoint {
  const url = new URL(address);
  return {
    EndpointType: "DefaultGateway",
    BackendId: "default",
    PathType: pathType,
    Port: Number(url.port || (url.protocol === "https:" ? 443 : 80)),
    InternetEndpoints: [address],
    IntranetEndpoints: [address],
  };
}

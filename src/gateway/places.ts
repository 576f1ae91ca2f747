import type { DataPlane } from "./data-plane.ts";

/**
 * Takes a place for one more connection, or stream, from `address`; whoever has it gives it back by `plane.addresses.leave`. Else the name of
 * the limit that was met.
 */
export function takePlace(plane: DataPlane, address: string): string | null {
  if (plane.clients.size >= plane.caps.clientsMax) return "connections";
  return plane.addresses.enter(address, plane.caps.clientsPerAddressMax) ? null : "connections_per_address";
}

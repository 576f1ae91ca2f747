import { makeEnvironment } from "./python-environment.ts";

/** The real gRPC of Python, for clients and servers. */
const PACKAGE = "grpcio==1.85.1";

/** A Python with grpcio. */
export function grpcPython(): string {
  return makeEnvironment(PACKAGE);
}

import { after, before } from "node:test";
import { PostgresServer } from "../../../test/harness/postgres.ts";
import { testStoreConformance } from "../../testing/store-conformance.ts";
import { PostgresAddress } from "./address.ts";
import { migrate } from "./migrations.ts";
import { Sessions } from "./sessions.ts";
import { PostgresStore } from "./store.ts";

const server = new PostgresServer();
before(() => server.start());
after(() => server.stop());

testStoreConformance("postgres", async () => {
  const address = new PostgresAddress(server.newDatabase());
  const sessions = new Sessions(address);
  await sessions.use(migrate);
  return new PostgresStore({ sessions, place: String(address), term: 0, onDoubt: () => {} });
});

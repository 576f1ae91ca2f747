import type { OperationName } from "../api/paths.ts";
import { ACCESS_HANDLERS } from "./access-handlers.ts";
import { BACKUP_HANDLERS } from "./backup-handlers.ts";
import { CONTAINER_HANDLERS } from "./container-handlers.ts";
import { DOCUMENT_HANDLERS } from "./document-handlers.ts";
import { ENVIRONMENT_HANDLERS } from "./environment-handlers.ts";
import { GROUP_HANDLERS } from "./group-handlers.ts";
import type { Handler } from "./handler.ts";
import { INTERNAL_HANDLERS } from "./internal-handlers.ts";
import { LABEL_HANDLERS } from "./label-handlers.ts";
import { MANUAL_HANDLERS } from "./manual-handlers.ts";
import { MIRROR_HANDLERS } from "./mirror-handlers.ts";
import { ROLLOUT_HANDLERS } from "./rollout-handlers.ts";
import { SERVICE_COMMANDS } from "./service-commands.ts";
import { describeServiceLog } from "./service-logs.ts";
import { SERVICE_QUERIES } from "./service-queries.ts";
import { TOKEN_HANDLERS } from "./token-handlers.ts";

/** Every operation of the contract and who does it: the compiler sees that none is missing. */
export const HANDLERS: { readonly [N in OperationName]: Handler<N> } = {
  ...SERVICE_COMMANDS,
  ...DOCUMENT_HANDLERS,
  ...SERVICE_QUERIES,
  ...LABEL_HANDLERS,
  ...CONTAINER_HANDLERS,
  ...GROUP_HANDLERS,
  ...TOKEN_HANDLERS,
  ...MIRROR_HANDLERS,
  ...MANUAL_HANDLERS,
  ...ROLLOUT_HANDLERS,
  ...ACCESS_HANDLERS,
  ...ENVIRONMENT_HANDLERS,
  ...BACKUP_HANDLERS,
  ...INTERNAL_HANDLERS,
  DescribeServiceLog: describeServiceLog,
};

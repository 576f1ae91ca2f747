import Type from "typebox";
import { answer, query, text, textList, textMap, whole } from "./fields.ts";
import type { OperationSchema } from "./operation.ts";

const changed = answer({
  Message: text("what was done"),
  Generation: whole("extension: the change's generation"),
});

/** Labels of one service (eas-reference §8.2). They are those of its service.json: a change makes no new version. */
export const LABEL_OPERATIONS = {
  UpdateServiceLabel: {
    summary: "Set labels of a service; those not named stay",
    tag: "Services",
    query: query({}),
    body: Type.Object({ Labels: textMap("labels to set") }, { additionalProperties: false }),
    response: changed,
  },
  DeleteServiceLabel: {
    summary: "Remove labels of a service; what it does not have is no error",
    tag: "Services",
    query: query({
      Keys: Type.Optional(textList("names of labels")),
      LabelKeys: Type.Optional(textList("the same, as newer SDKs call it")),
    }),
    body: null,
    response: changed,
  },
} as const satisfies Record<string, OperationSchema>;

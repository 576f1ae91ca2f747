import type { ObjectStores, StoreSettings } from "../adapters/model-cache/object-store.ts";

/** A variable that cannot be used; its value is not repeated. */
export class BadStoreSettings extends Error {
  override readonly name = "BadStoreSettings";
}

/** Variables of the environment, in the names that the tools of each cloud use; the first that is set counts. */
export const STORE_VARIABLES = {
  s3: {
    keyId: ["AWS_ACCESS_KEY_ID"],
    secret: ["AWS_SECRET_ACCESS_KEY"],
    sessionToken: ["AWS_SESSION_TOKEN"],
    region: ["AWS_REGION", "AWS_DEFAULT_REGION"],
    endpoint: ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    regionDefault: "us-east-1",
  },
  oss: {
    keyId: ["OSS_ACCESS_KEY_ID"],
    secret: ["OSS_ACCESS_KEY_SECRET"],
    sessionToken: ["OSS_SESSION_TOKEN"],
    region: ["OSS_REGION"],
    endpoint: ["OSS_ENDPOINT"],
    regionDefault: "cn-hangzhou",
  },
} as const;

type Names = (typeof STORE_VARIABLES)["s3" | "oss"];

/** @throws BadStoreSettings */
export function readObjectStores(env: NodeJS.ProcessEnv): ObjectStores {
  return { s3: readStore(env, STORE_VARIABLES.s3), oss: readStore(env, STORE_VARIABLES.oss) };
}

function readStore(env: NodeJS.ProcessEnv, names: Names): StoreSettings {
  const first = (of: readonly string[]) => of.map((name) => env[name]).find((value) => value) ?? null;
  const [keyId, secret] = [first(names.keyId), first(names.secret)];
  if ((keyId === null) !== (secret === null)) {
    const [there, missing] = keyId === null ? [names.secret, names.keyId] : [names.keyId, names.secret];
    throw new BadStoreSettings(
      `${there[0]} is set, but not ${missing[0]}: one is of no use without the other`,
    );
  }
  const sessionToken = first(names.sessionToken);
  return {
    endpoint: endpointOf(first(names.endpoint), names.endpoint[0]),
    region: first(names.region) ?? names.regionDefault,
    credentials: keyId === null || secret === null ? null : { keyId, secret, sessionToken },
  };
}

/** OSS is often given without a scheme, as in its console. */
function endpointOf(text: string | null, name: string): string | null {
  if (text === null) return null;
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  const isPlain = url !== null && url.username === "" && url.search === "" && url.pathname === "/";
  if (!isPlain || (url.protocol !== "http:" && url.protocol !== "https:"))
    throw new BadStoreSettings(
      `${name}: allowed is an address like https://storage.example.com, without a path`,
    );
  return url.origin;
}

import type { Remote } from "./http-get.ts";
import { type Credentials, encodeRfc3986, signGet } from "./signature-v4.ts";

/** One kind of object storage, as the machine is set up for it. */
export interface StoreSettings {
  /** e.g. `https://oss-cn-hangzhou.aliyuncs.com`; null: that of the cloud, by region. */
  readonly endpoint: string | null;
  readonly region: string;
  /** Null: only what everybody may read. */
  readonly credentials: Credentials | null;
}

/** `s3://` and `oss://`. */
export interface ObjectStores {
  readonly s3: StoreSettings;
  readonly oss: StoreSettings;
}

/** Where an `s3://bucket/key` or `oss://bucket/key` is. */
export interface ObjectPlace {
  readonly store: StoreSettings;
  /** Address of the bucket, without a slash at the end. */
  readonly bucketUrl: string;
  /** As it stands in the URL, not decoded: a key may hold a percent sign. */
  readonly key: string;
  /** For people: the URL as it was given. */
  readonly place: string;
}

/** Stands behind the bucket in a host that names its endpoint too, as the console of OSS shows it. */
const OSS_HOST = /^([a-z0-9][a-z0-9-]*)\.(oss-([a-z0-9-]+?)(?:-internal)?\.aliyuncs\.com)$/;

/**
 * Where a URL points. Names the bucket in the host where that is the rule (AWS and OSS), and in the path for
 * endpoints of one's own (MinIO, Ceph), for addresses, and for buckets with a dot, whose host no certificate matches.
 */
export function objectPlace(url: string, stores: ObjectStores): ObjectPlace {
  const [, scheme, host, key] = /^(s3|oss):\/\/([^/?#]+)\/?([^?#]*)/i.exec(url) as unknown as [
    string,
    string,
    string,
    string,
  ];
  const isOss = scheme.toLowerCase() === "oss";
  const settings = isOss ? stores.oss : stores.s3;
  const place = `${scheme.toLowerCase()}://${host}/${key}`;
  const named = isOss ? OSS_HOST.exec(host) : null;
  const bucket = named?.[1] ?? host;
  const region = named?.[3] ?? settings.region;
  const ofCloud = isOss ? `https://oss-${region}.aliyuncs.com` : `https://s3.${region}.amazonaws.com`;
  const endpoint = new URL(named ? `https://${named[2]}` : (settings.endpoint ?? ofCloud));
  const isOwn = !isOss && settings.endpoint !== null && !endpoint.hostname.endsWith(".amazonaws.com");
  const isAddress = /^[\d.]+$|^\[|^localhost$/.test(endpoint.hostname);
  const isInPath = isOwn || isAddress || bucket.includes(".");
  const base = `${endpoint.protocol}//${isInPath ? endpoint.host : `${bucket}.${endpoint.host}`}`;
  return { store: { ...settings, region }, bucketUrl: isInPath ? `${base}/${bucket}` : base, key, place };
}

/** One object of a bucket. `now`: ms since 1970. */
export function objectRemote(
  { store, bucketUrl, place }: ObjectPlace,
  key: string,
  now: () => number,
): Remote {
  const path = key.split("/").map(encodeRfc3986).join("/");
  return signed(`${bucketUrl}/${path}`, place, store, now);
}

/** One page of the list of a bucket's objects below a prefix (ListObjectsV2). `after`: where the page before ended. */
export function listRemote(
  { store, bucketUrl, place }: ObjectPlace,
  prefix: string,
  after: string | null,
  now: () => number,
): Remote {
  const query = new URLSearchParams({ "encoding-type": "url", "list-type": "2", prefix });
  if (after !== null) query.set("continuation-token", after);
  const text = [...query].map(([name, value]) => `${name}=${encodeRfc3986(value)}`).join("&");
  return signed(`${bucketUrl}/?${text}`, place, store, now);
}

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
}

/** Reads an answer of ListObjectsV2 in `encoding-type=url`; null: it is none. */
export function readList(
  xml: string,
): { readonly objects: readonly ListedObject[]; readonly next: string | null } | null {
  if (!/<ListBucketResult[\s>]/.test(xml)) return null;
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, entry]) => ({
    key: decode((field(entry as string, "Key") ?? "").replaceAll("+", " ")),
    bytes: Number(field(entry as string, "Size")),
    etag: field(entry as string, "ETag") ?? "",
  }));
  const isMore = field(xml, "IsTruncated") === "true";
  return { objects, next: isMore ? field(xml, "NextContinuationToken") : null };
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function field(xml: string, name: string): string | null {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  if (text === undefined) return null;
  return text.replace(/&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi, (whole, decimal, hex, word) => {
    if (word !== undefined) return ENTITIES[word] ?? whole;
    return String.fromCodePoint(decimal !== undefined ? Number(decimal) : Number.parseInt(hex, 16));
  });
}

function signed(
  url: string,
  place: string,
  { region, credentials }: StoreSettings,
  now: () => number,
): Remote {
  if (credentials === null) return { url, place };
  return { url, place, sign: (at) => signGet(at, region, credentials, now()) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

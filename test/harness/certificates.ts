import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** A self-signed certificate and its key, both PEM. */
export interface TestCertificate {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 24 * 60 * 60 * 1000;
const ECDSA_SHA256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const COMMON_NAME = [0x06, 0x03, 0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x06, 0x03, 0x55, 0x1d, 0x13];
const SUBJECT_ALT_NAME = [0x06, 0x03, 0x55, 0x1d, 0x11];

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  utf8: 0x0c,
  time: 0x18,
  sequence: 0x30,
  set: 0x31,
};

let serial = 1;

/**
 * Makes a certificate (RFC 5280 §4.1) for `localhost` and 127.0.0.1 that vouches for itself, valid for some days around
 * `days` from and to, counted from now. A client that is given it as `ca` trusts it.
 */
export function makeCertificate(
  name = "localhost",
  days: readonly [number, number] = [-1, 365],
  pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
  }),
): TestCertificate {
  const algorithm = der(TAG.sequence, Buffer.from(ECDSA_SHA256));
  const names = der(
    TAG.sequence,
    der(TAG.set, der(TAG.sequence, Buffer.from(COMMON_NAME), der(TAG.utf8, Buffer.from(name)))),
  );
  const isOwnIssuer = der(TAG.sequence, der(TAG.boolean, Buffer.of(0xff)));
  const altNames = der(TAG.sequence, der(0x82, Buffer.from("localhost")), der(0x87, Buffer.of(127, 0, 0, 1)));
  const content = der(
    TAG.sequence,
    der(0xa0, der(TAG.integer, Buffer.of(2))),
    der(TAG.integer, Buffer.of(1, serial++ & 0xff)),
    algorithm,
    names,
    der(TAG.sequence, ...days.map((day) => der(TAG.time, Buffer.from(timeText(day))))),
    names,
    pair.publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      der(
        TAG.sequence,
        der(TAG.sequence, Buffer.from(BASIC_CONSTRAINTS), der(TAG.bytes, isOwnIssuer)),
        der(TAG.sequence, Buffer.from(SUBJECT_ALT_NAME), der(TAG.bytes, altNames)),
      ),
    ),
  );
  const signature = sign("sha256", content, pair.privateKey);
  const whole = der(
    TAG.sequence,
    content,
    algorithm,
    der(TAG.bits, Buffer.concat([Buffer.of(0), signature])),
  );
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n").trimEnd();
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: pair.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
  };
}

/** As GeneralizedTime (RFC 5280 §4.1.2.5.2). */
function timeText(daysFromNow: number): string {
  const text = new Date(Date.now() + daysFromNow * DAY_MS).toISOString();
  return `${text.slice(0, 19).replace(/[-:T]/g, "")}Z`;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size =
    length < 0x80
      ? Buffer.of(length)
      : length < 0x100
        ? Buffer.of(0x81, length)
        : Buffer.of(0x82, length >> 8, length & 0xff);
  return Buffer.concat([Buffer.of(tag), size, content]);
}

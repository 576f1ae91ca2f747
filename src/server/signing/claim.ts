/** Who says to have signed a request of the control API, and with what (eas-reference §7.7). */
export type Claim =
  /** The form of today's SDKs. */
  | {
      readonly scheme: "ACS3-HMAC-SHA256";
      readonly keyId: string;
      /** Lower-case names, in the order in which they were signed. */
      readonly signedHeaders: readonly string[];
      /** Lower-case hex. */
      readonly signature: string;
    }
  /** The older one: `acs <key>:<signature>`, HMAC-SHA1 in base64. */
  | { readonly scheme: "acs"; readonly keyId: string; readonly signature: string };

/** Longer ones are nobody's: the longest known key has 30 characters, and SDKs sign some 15 headers. */
const KEY_ID = /^[\w.@=-]{1,128}$/;
/** Four times what the SDKs sign. */
const SIGNED_HEADERS_MAX = 64;

/** Reads a header `Authorization`; null: it is none of a signed request, or not in its form. */
export function readClaim(authorization: string): Claim | null {
  const [, scheme, rest] = /^(ACS3-HMAC-SHA256|acs) +(.*)$/.exec(authorization.trim()) ?? [];
  if (rest === undefined) return null;
  if (scheme === "acs") {
    const [, keyId = "", signature] = /^([^:\s]+):([A-Za-z0-9+/]{27}=)$/.exec(rest) ?? [];
    return signature === undefined || !KEY_ID.test(keyId) ? null : { scheme, keyId, signature };
  }
  const parts = new Map(
    rest.split(",").map((part) => {
      const at = part.indexOf("=");
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const;
    }),
  );
  const keyId = parts.get("Credential") ?? "";
  const signature = parts.get("Signature") ?? "";
  const signedHeaders = (parts.get("SignedHeaders") ?? "").split(";");
  const isFormed =
    KEY_ID.test(keyId) &&
    /^[0-9a-f]{64}$/.test(signature) &&
    signedHeaders.length <= SIGNED_HEADERS_MAX &&
    signedHeaders.every((name) => /^[a-z0-9-]+$/.test(name));
  return isFormed ? { scheme: "ACS3-HMAC-SHA256", keyId, signedHeaders, signature } : null;
}

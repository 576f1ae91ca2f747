import { join, relative } from "node:path";

/** A pair that can be tried by hand. */
export interface TriedPair {
  readonly prod: { readonly name: string; readonly group: string; readonly token: string };
  readonly grey: { readonly name: string; readonly group: string; readonly token: string };
  readonly groupToken: string;
}

/** The addresses of the demo's services and the commands to go on with, ready to paste. */
export function addressesText(
  at: { readonly gatewayUrl: string; readonly exampleDir: string; readonly command: string },
  pairs: readonly TriedPair[],
): string {
  const request = relative(process.cwd(), join(at.exampleDir, "request.json"));
  const curl = (address: string, token: string) =>
    `  curl -i ${at.gatewayUrl}/api/predict/${address} -H 'Authorization: ${token}' -d @${request}`;
  const lines = ["", "Try it by hand. Through the group, X-Sluice-Service says who answered:", ""];
  for (const { prod, grey, groupToken } of pairs) {
    lines.push(curl(prod.group, groupToken));
    for (const member of [prod, grey]) lines.push(curl(`${member.group}.${member.name}`, member.token));
  }
  const [first] = pairs;
  lines.push("", `  ${at.command} ls`);
  if (first) lines.push(`  ${at.command} release ${first.grey.name} -w 50`);
  lines.push("", "Ctrl-C stops everything that the demo started.", "");
  return lines.join("\n");
}

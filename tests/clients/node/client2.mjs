// Drives the TypeScript client 2.x; the argument is `legacy`, `auto`, or a protocol revision to pin.
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

import { serve, toolResult } from "./lines.mjs";

const [era] = process.argv.slice(2);
const mode = ["legacy", "auto"].includes(era) ? era : { pin: era };

await serve(async (url, headers) => {
  const client = new Client({ name: "make-clients", version: "1" }, { versionNegotiation: { mode } });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  return {
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, given) => toolResult(await client.callTool({ name, arguments: given })),
    close: () => client.close(),
  };
});

// Drives the TypeScript SDK 1.x; the argument is `http` or `sse`, or `stdio` and then the command of a bridge.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { SSEClientTransport } from "@modelcontextprotocol/sdk/client/sse.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

import { serve, toolResult } from "./lines.mjs";

const [kind, script, ...options] = process.argv.slice(2);

const asOptions = (headers) => Object.entries(headers).flatMap(([name, value]) => ["--header", `${name}:${value}`]);

const transports = {
  http: (url, headers) => new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  sse: (url, headers) => new SSEClientTransport(new URL(url), { requestInit: { headers } }),
  // The bridge is started as a desktop host would start it, by the Node that runs this file.
  stdio: (url, headers) =>
    new StdioClientTransport({
      command: process.execPath,
      args: [script, url, ...asOptions(headers), ...options],
      // By default the SDK hands on only a few variables, and HOME may be set to keep the bridge's files apart.
      env: process.env,
      stderr: "pipe",
    }),
};

await serve(async (url, headers) => {
  const client = new Client({ name: "make-clients", version: "1" });
  const transport = transports[kind](url, headers);
  // A bridge that gives up says why on stderr, which hosts show in their log; the error is only that it is gone.
  let said = "";
  transport.stderr?.on("data", (chunk) => {
    said += chunk;
  });
  try {
    await client.connect(transport);
  } catch (error) {
    const reason = said.split("\n").find((line) => line.includes("error:"));
    throw reason ? new Error(`${error.message}; in the log: ${reason}`) : error;
  }
  return {
    toolNames: async () => (await client.listTools()).tools.map((tool) => tool.name),
    call: async (name, given) => toolResult(await client.callTool({ name, arguments: given })),
    close: () => client.close(),
  };
});

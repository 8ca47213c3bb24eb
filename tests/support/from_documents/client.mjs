// A client written from docs/api.md and /openapi.json alone: from three files to a downloaded shootout.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const [folder, out] = process.argv.slice(2);
const { SHOOTOUT_URL: url, SHOOTOUT_TOKEN: token } = process.env;
const names = { di_track: "riff.wav", capture: "plexi.nam", cab_ir: "v30.wav" };
const calls = [];

async function call(method, path, { headers = {}, json, ...options } = {}) {
  const request = { method, headers: { Authorization: `Bearer ${token}`, ...headers }, ...options };
  if (json !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(json);
  }
  calls.push(`${method} ${path.split("?")[0]}`);
  const answer = await fetch(`${url}/api/v1${path}`, request);
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const contents = {};
const query = new URLSearchParams();
for (const [kind, name] of Object.entries(names)) {
  contents[kind] = await readFile(join(folder, name));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", contents[kind]));
  query.append("sha256", Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(""));
}
const ids = {};
for (const item of (await (await call("GET", `/library?${query}`)).json()).items) ids[item.kind] = item.id;
const missing = Object.keys(names).filter((kind) => !(kind in ids));
if (missing.length > 0) {
  const form = new FormData();
  for (const kind of missing) form.append(kind, new Blob([contents[kind]]), names[kind]);
  for (const { item, problem } of (await (await call("POST", "/library/batch", { body: form })).json()).results) {
    if (!item) throw new Error(JSON.stringify(problem));
    ids[item.kind] = item.id;
  }
}

const body = {
  config: {
    title: "From the documents",
    output: { page: false, plots: false, video: false },
    di_tracks: [{ name: "Riff", asset: ids.di_track }],
    chains: [{ name: "Plexi", blocks: ["capture", "cab_ir"].map((type) => ({ type, asset: ids[type] })) }],
  },
  submit: true,
};
const checked = await (await call("POST", "/shootouts/validate", { json: body })).json();
if (!checked.valid) throw new Error(JSON.stringify(checked.errors));
const { job } = await (await call("POST", "/shootouts", { json: body })).json();

let events = "";
const stream = await call("GET", `/jobs/${job.id}/events`, { headers: { Accept: "text/event-stream" } });
for await (const chunk of stream.body.pipeThrough(new TextDecoderStream())) events += chunk;
const messages = events.split("\n\n").flatMap((message) => message.match(/^data: (.*)$/m)?.[1] ?? []);
const last = JSON.parse(messages.at(-1));
if (last.type !== "done" || last.data.status !== "completed") throw new Error(JSON.stringify(last));
await writeFile(join(out, "events.txt"), events);
const archive = await call("GET", `/jobs/${job.id}/archive`);
await writeFile(join(out, "results.zip"), Buffer.from(await archive.arrayBuffer()));
await writeFile(join(out, "calls.json"), JSON.stringify(calls));

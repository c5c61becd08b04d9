// What npm's cloudevents writes and reads: JSON in, JSON out; see test_strangers.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { CloudEvent, HTTP, Kafka } from "cloudevents";

function message(binding, mode, headers, body) {
  const text = body === undefined || body === null ? null : Buffer.from(body).toString("base64");
  return { binding, mode, headers, body: text };
}

function written({ attributes, data }) {
  const event = new CloudEvent({ ...attributes, data });
  const texts = (headers) =>
    Object.fromEntries(Object.entries(headers).flatMap(([k, v]) => (v === undefined ? [] : [[k, String(v)]])));
  return ["structured", "binary"].flatMap((mode) => {
    const sent = HTTP[mode](event);
    const record = Kafka[mode](event);
    const value = typeof record.value === "object" ? JSON.stringify(record.value) : record.value;
    return [
      message("http", mode, texts(sent.headers), sent.body),
      message("kafka", mode, texts(record.headers), value),
    ];
  });
}

function read({ binding, headers, body }) {
  const text = body === null ? undefined : Buffer.from(body, "base64").toString("utf8");
  const event = binding === "http" ? HTTP.toEvent({ headers, body: text }) : Kafka.toEvent({ headers, value: text, body: text });
  return (Array.isArray(event) ? event : [event]).map(shown);
}

function shown(event) {
  const { data, data_base64, ...attributes } = event.toJSON();
  return { attributes, data: typeof data === "string" ? JSON.parse(data) : data };
}

const { version } = createRequire(import.meta.url)("./node_modules/cloudevents/package.json");
const asked = JSON.parse(readFileSync(0, "utf8"));
const answer = { version, written: asked.write.flatMap(written), read: asked.read.flatMap(read) };
process.stdout.write(JSON.stringify(answer));

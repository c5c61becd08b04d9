// Publishes one event in structured and one in binary mode: node publish.mjs URL TOKEN SOURCE
import { CloudEvent, HTTP } from "cloudevents";

const [url, token, source] = process.argv.slice(2);
const event = {
  source,
  type: "nl.test.gewijzigd",
  partitionkey: "node",
  datacontenttype: "application/json",
  data: { zaak: "Z-1", naam: "Café \u20ac" },
};
for (const [id, mode] of [["node-structured", HTTP.structured], ["node-binary", HTTP.binary]]) {
  const message = mode(new CloudEvent({ ...event, id }));
  const answer = await fetch(`${url}/v1/events`, {
    method: "POST",
    headers: { ...message.headers, authorization: `Bearer ${token}` },
    body: message.body,
  });
  if (answer.status !== 202) {
    console.error(answer.status, await answer.text());
    process.exit(1);
  }
}

// Reads an AsyncAPI document from stdin with AsyncAPI's own parser; prints what it found, as JSON.
import { readFileSync } from 'node:fs'
import { Parser } from '@asyncapi/parser'

const { document, diagnostics } = await new Parser().parse(readFileSync(0, 'utf8'))
console.log(JSON.stringify({
  version: document?.version(),
  channels: document?.channels().all().map((channel) => channel.id()),
  messages: document?.messages().all().map((message) => message.id()),
  faults: diagnostics.filter(({ severity }) => severity === 0)
    .map(({ code, message, path }) => `${code} ${path.join('/')}: ${message}`),
}))

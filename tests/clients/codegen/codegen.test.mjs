// graphql-codegen with TypeScript at its strictest: what was generated compiled, and runs by the ids of its manifest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { limitedToken, renaming, token, unique, url } from '../common/canopy.mjs';
import { Client } from './build/client.js';

const manifest = JSON.parse(readFileSync(new URL('src/gql/persisted-documents.json', import.meta.url)));

test('each operation has an id in the manifest', () => {
  const names = Object.values(manifest).map((text) => /\b(?:query|mutation) (\w+)/.exec(text)?.[1]);
  assert.deepEqual(names.sort(), ['Children', 'Prices', 'Rename']);
});

test('a query answers as its types say', async () => {
  const names = await new Client(url, token).resellers(3);
  assert.ok(names.length > 0 && names.length <= 3);
  assert.ok(names.every((name) => typeof name === 'string'));
});

test('money is a text, and null with an error for who may not see it', async () => {
  const { amount, codes } = await new Client(url, token).price();
  assert.match(amount, /^\d+\.\d+$/);
  assert.deepEqual(codes, []);
  assert.deepEqual(await new Client(url, limitedToken).price(), { amount: undefined, codes: ['FORBIDDEN'] });
});

test('a mutation is done, and refused with its code', async () => {
  const client = new Client(url, token);
  const input = await renaming(unique('codegen'));
  assert.deepEqual(await client.rename(input), { externalId: input.externalId, codes: [] });
  const again = await client.rename({ ...input, idempotencyKey: unique('outdated') });
  assert.deepEqual(again, { externalId: input.externalId, codes: ['CONFLICT'] });
});

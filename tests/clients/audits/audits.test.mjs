// The public audits of GraphQL over HTTP, by their own program. Every one must pass, the SHOULDs and MAYs too.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auditServer } from 'graphql-http';

const url = process.env.CANOPY_URL + '/graphql';
const authorization = `Bearer ${process.env.CANOPY_TOKEN}`;
const audits = 61;

test('every audit passes', async () => {
  const fetchFn = (input, init = {}) => fetch(input, { ...init, headers: { ...init.headers, authorization } });
  const results = await auditServer({ url, fetchFn });
  const failed = results.filter((each) => each.status !== 'ok');
  assert.deepEqual(failed.map((each) => `${each.id} ${each.name}: ${each.status}, ${each.reason}`), []);
  assert.equal(results.length, audits);
});

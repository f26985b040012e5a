// Apollo Client with a manifest of its own tool: it sends ids, and no text that isn't in the manifest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { generatePersistedQueryIdsFromManifest } from '@apollo/persisted-query-lists';
import { authorization, url } from '../common/canopy.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const manifest = JSON.parse(read('persisted-query-manifest.json'));
const sent = [];

const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: new PersistedQueryLink(
    generatePersistedQueryIdsFromManifest({ loadManifest: async () => manifest }),
  ).concat(
    new HttpLink({
      uri: url,
      headers: { authorization },
      fetch: (address, options) => {
        sent.push(JSON.parse(options.body));
        return fetch(address, options);
      },
    }),
  ),
});

test('an operation of the manifest runs by its id alone', async () => {
  const query = gql(read('src/tree.graphql') + read('src/kids.graphql'));
  const { data } = await client.query({ query, variables: { first: 2 } });
  assert.equal(data.viewer.account.children.nodes.length, 2);
  assert.equal(sent.length, 1);
  assert.equal(sent[0].query, undefined);
  assert.equal(sent[0].extensions.persistedQuery.sha256Hash, manifest.operations[0].id);
});

// Apollo Client: over HTTP, with automatic persisted queries, deferred parts by each of its generations, and live updates
// by multipart and by WebSocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createHash } from 'node:crypto';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { DEFERRED, LIVE, PARTLY, RENAME, authorization, limitedToken, rename, renaming, socketUrl, unique, until, url } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';

const http = (more = {}) => new HttpLink({ uri: url, headers: { authorization }, ...more });
const client = (link = http(), more = {}) =>
  new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } }, ...more });

test('a query, by POST and by GET', async () => {
  for (const useGETForQueries of [false, true]) {
    const { data } = await client(http({ useGETForQueries })).query({ query: gql('{ viewer { reach } }') });
    assert.equal(data.viewer.reach, 'SUBTREE');
  }
});

test('a document that cannot run is told why', async () => {
  await assert.rejects(client().query({ query: gql('{ nonsense }') }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error));
    return error.errors[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED';
  });
});

test('an answer in part has both', async () => {
  const limited = client(http({ headers: { authorization: `Bearer ${limitedToken}` } }));
  const { data, error } = await limited.query({ query: gql(PARTLY), errorPolicy: 'all' });
  assert.equal(data.orders, null);
  assert.deepEqual(error.errors.map((each) => each.extensions.code), ['FORBIDDEN']);
});

test('a stranger is told so', async () => {
  await assert.rejects(client(http({ headers: {} })).query({ query: gql('{ viewer { reach } }') }), (error) => {
    return error.statusCode === 401 || error.errors?.[0].extensions.code === 'UNAUTHENTICATED';
  });
});

test('a mutation, and one that is refused', async () => {
  const input = await renaming(unique('apollo'));
  const done = await client().mutate({ mutation: gql(RENAME), variables: { input } });
  assert.equal(done.data.accountUpdate.account.externalId, input.externalId);
  const late = { ...input, idempotencyKey: unique('apollo-late') };
  const { data } = await client().mutate({ mutation: gql(RENAME), variables: { input: late } });
  assert.deepEqual(data.accountUpdate.userErrors.map((each) => each.code), ['CONFLICT']);
});

test('an automatic persisted query is registered, then sent by its hash alone', async () => {
  const sent = [];
  const watched = (input, init) => {
    sent.push(JSON.parse(init.body));
    return fetch(input, init);
  };
  const query = gql(`query ${unique('Persisted').replaceAll('-', '_')} { viewer { reach } }`);
  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  for (const times of [1, 2]) {
    const link = ApolloLink.from([new PersistedQueryLink({ sha256 }), http({ fetch: watched })]);
    const { data } = await client(link).query({ query });
    assert.deepEqual([data.viewer.reach, times], ['SUBTREE', times]);
  }
  assert.deepEqual(sent.map((each) => Boolean(each.query)), [false, true, false]);
});

for (const [name, Handler] of Object.entries({ Defer20220824Handler, GraphQL17Alpha9Handler }))
  test(`a deferred part comes after the rest, as ${name} reads it`, async () => {
    const results = [];
    const watching = client(http(), { incrementalHandler: new Handler() })
      .watchQuery({ query: gql(DEFERRED), fetchPolicy: 'network-only' })
      .subscribe((result) => results.push(result));
    await until(() => results.at(-1)?.dataState === 'complete', 'the last part');
    watching.unsubscribe();
    const told = results.filter((each) => each.data);
    assert.equal(told[0].data.viewer.reach, 'SUBTREE');
    assert.equal(told[0].data.viewer.account, undefined);
    assert.ok(told.at(-1).data.viewer.account.name);
  });

test('live updates come in parts', async () => {
  const heard = [];
  const listening = client()
    .subscribe({ query: gql(LIVE) })
    .subscribe({ next: ({ data }) => heard.push(data.accountChanged.account.externalId), error: assert.fail });
  await new Promise((resolve) => setTimeout(resolve, 500)); // by then it listens
  const name = unique('apollo-parts');
  await rename(name);
  await until(() => heard.includes(name), 'the event');
  listening.unsubscribe();
});

test('live updates come over a WebSocket, also after it was cut', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const socket = createClient({
    url: `ws://${way.host}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 10,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 300)),
    shouldRetry: () => true,
    on: { connected: () => connections++ },
  });
  const heard = [];
  const overSocket = client(new GraphQLWsLink(socket));
  const listening = overSocket
    .subscribe({ query: gql(LIVE) })
    .subscribe({ next: ({ data }) => heard.push(data.accountChanged.account.externalId), error: assert.fail });
  const { data } = await overSocket.query({ query: gql('{ viewer { reach } }') });
  assert.equal(data.viewer.reach, 'SUBTREE');
  const names = [unique('apollo-socket-1'), unique('apollo-socket-2')];
  await rename(names[0]);
  await until(() => heard.includes(names[0]), 'the event');
  way.cut();
  await until(() => connections > 1, 'the second connection');
  await overSocket.query({ query: gql('{ viewer { reach } }') });
  await rename(names[1]);
  await until(() => heard.includes(names[1]), 'the event after it');
  listening.unsubscribe();
  await socket.dispose();
  way.close();
});

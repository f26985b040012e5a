// Relay's compiler and runtime: what the one compiled and persisted, the other runs by its ids.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import relay from 'relay-runtime';
import { limitedToken, narrowUrl, post, rename, renameUntilHeard, renaming, spending, token, unique, until, url } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';
import childrenQuery from './__generated__/operationsChildrenQuery.graphql.js';
import deferredQuery from './__generated__/operationsDeferredQuery.graphql.js';
import deferredFragment from './__generated__/operationsDeferred_viewer.graphql.js';
import forbiddenQuery from './__generated__/operationsForbiddenQuery.graphql.js';
import liveSubscription from './__generated__/operationsLiveSubscription.graphql.js';
import renameMutation from './__generated__/operationsRenameMutation.graphql.js';
import treeQuery from './__generated__/operationsTreeQuery.graphql.js';
import childrenFragment from './__generated__/operationsChildren_account.graphql.js';
import { environment } from './network.mjs';

const { commitMutation, createOperationDescriptor, fetchQuery, getSelector, getSingularSelector, requestSubscription } = relay;
const made = [];
const connectTo = (address, ...given) => {
  made.push(environment(address, ...given));
  return made.at(-1);
};
const connect = (...given) => connectTo(url, ...given);
after(() => made.forEach((each) => each.dispose()));

const children = (relayEnvironment, account) =>
  relayEnvironment.lookup(getSingularSelector(childrenFragment, account)).data.children.edges.map(({ node }) => node);

test('every operation is sent by its id, and no text is', async () => {
  const persisted = JSON.parse(readFileSync(new URL('persisted.json', import.meta.url)));
  for (const each of [treeQuery, childrenQuery, deferredQuery, forbiddenQuery, liveSubscription, renameMutation]) {
    assert.equal(each.params.text, null);
    assert.ok(persisted[each.params.id]);
  }
});

test('a page of a connection is kept in the store, and the next are added to it', async () => {
  const here = connect(token);
  const tree = createOperationDescriptor(treeQuery, { count: 2 });
  here.retain(tree);
  await fetchQuery(here, treeQuery, { count: 2 }).toPromise();
  const { account } = here.lookup(tree.fragment).data.viewer;
  const first = children(here, account);
  assert.equal(first.length, 2);

  for (const length of [4, 5]) {
    const { endCursor, hasNextPage } = lastPage(here, account.id);
    assert.ok(hasNextPage);
    await fetchQuery(here, childrenQuery, { id: account.id, count: length === 4 ? 2 : 1, cursor: endCursor }).toPromise();
    assert.equal(children(here, account).length, length);
  }
  const all = await post(`{ account(id: "${account.id}") { children(first: 5) { nodes { id name } } } }`);
  const told = children(here, account).map(({ id, name }) => ({ id, name }));
  assert.deepEqual(told, all.data.account.children.nodes);
  assert.deepEqual(told.slice(0, 2), first.map(({ id, name }) => ({ id, name })));
});

// What the store knows of the last page of an account's children.
const lastPage = (here, id) => {
  const records = here.getStore().getSource();
  const connection = records.get(records.get(id)['__Account_children_connection'].__ref);
  return records.get(connection.pageInfo.__ref);
};

test('what a caller may not see is an error, and the rest stays in the store', async () => {
  const payloads = [];
  const here = connect(limitedToken, { onPayload: (payload) => payloads.push(payload) });
  await fetchQuery(here, forbiddenQuery, {}).toPromise().catch(() => {});
  const [{ data, errors }] = payloads;
  assert.equal(errors[0].extensions.code, 'FORBIDDEN');
  assert.deepEqual([data.viewer.reach.length > 0, data.orders?.totalCount ?? null], [true, null]);
});

test('a mutation changes what the store has, and a refused one tells why', async () => {
  const here = connect(token);
  const input = await renaming(unique('relay'));
  const commit = (variables) =>
    new Promise((onCompleted, onError) =>
      commitMutation(here, { mutation: renameMutation, variables, onCompleted, onError }),
    );

  const { accountUpdate } = await commit({ input });
  assert.equal(accountUpdate.account.externalId, input.externalId);
  assert.equal(here.getStore().getSource().get(input.account).externalId, input.externalId);

  const refused = await commit({ input: { ...input, idempotencyKey: unique('outdated') } });
  assert.equal(refused.accountUpdate.userErrors[0].code, 'CONFLICT');
});

test('live updates come by the id of their subscription', async () => {
  const here = connect(token);
  const heard = [];
  let failed;
  const { dispose } = requestSubscription(here, {
    subscription: liveSubscription,
    variables: {},
    onNext: ({ accountChanged }) => heard.push(accountChanged.account.externalId),
    onError: (error) => (failed = error),
  });
  await renameUntilHeard(unique('relay-live'), heard);
  assert.equal(failed, undefined);
  dispose();
});

test('a client that was cut off connects again and goes on after its last event', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const here = connectTo(`http://${way.host}/graphql`, token, {
    retryAttempts: 10,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 300)),
    shouldRetry: () => true,
    on: { connected: () => connections++ },
  });
  const heard = [];
  let failed;
  const { dispose } = requestSubscription(here, {
    subscription: liveSubscription,
    variables: {},
    onNext: ({ accountChanged }) => heard.push(accountChanged.account.externalId),
    onError: (error) => (failed = error),
  });
  const [away, after] = [unique('relay-away'), unique('relay-after')];
  await renameUntilHeard(unique('relay-before'), heard);
  way.cut();
  await rename(away);
  await until(() => connections > 1, 'the second connection');
  await rename(after);
  await until(() => heard.includes(after), 'the last event');
  assert.equal(failed, undefined);
  assert.deepEqual(heard.slice(-2), [away, after]);
  assert.equal(new Set(heard).size, heard.length);
  dispose();
  way.close();
});

test('whoever has spent its budget is told when to come again', async () => {
  const payloads = [];
  const here = connectTo(narrowUrl, token, { onPayload: (payload) => payloads.push(payload) });
  const refused = await spending(async () => {
    await new Promise((over) => fetchQuery(here, treeQuery, { count: 50 }).subscribe({ complete: over, error: over }));
    return payloads.at(-1).errors?.[0];
  });
  assert.equal(refused.extensions.code, 'RATE_LIMITED');
  assert.ok(refused.extensions.retryAfter > 0);
});

test('a deferred fragment comes after the rest', async () => {
  const payloads = [];
  const here = connect(token, { onPayload: (payload) => payloads.push(payload) });
  await new Promise((complete, error) => fetchQuery(here, deferredQuery, {}).subscribe({ complete, error }));
  const { viewer } = here.lookup(createOperationDescriptor(deferredQuery, {}).fragment).data;
  const later = here.lookup(getSelector(deferredFragment, viewer)).data;
  assert.ok(viewer.reach);
  assert.ok(later.account.name);
  assert.ok(payloads.length > 1, 'it came in one piece');
});

// Relay's compiler and runtime: what the one compiled and persisted, the other runs by its ids.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import relay from 'relay-runtime';
import { limitedToken, rename, renaming, token, unique, url } from '../common/canopy.mjs';
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
const connect = (...given) => {
  made.push(environment(url, ...given));
  return made.at(-1);
};
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

test('a page of a connection is kept in the store, and the next is added to it', async () => {
  const here = connect(token);
  const { viewer } = await fetchQuery(here, treeQuery, { count: 2 }).toPromise();
  const whole = here.lookup(createOperationDescriptor(treeQuery, { count: 2 }).fragment).data.viewer.account;
  assert.equal(viewer.account.name, whole.name);
  const first = children(here, whole);
  assert.equal(first.length, 2);

  const { pageInfo } = await page(here, viewer.account.id);
  assert.ok(pageInfo.hasNextPage);
});

const page = async (here, id) => {
  let seen;
  await fetchQuery(here, childrenQuery, { id, count: 1 }).toPromise();
  const record = here.getStore().getSource().get(id);
  for (const [key, value] of Object.entries(record)) {
    if (key.startsWith('__Account_children_connection')) seen = here.getStore().getSource().get(value.__ref);
  }
  return { pageInfo: here.getStore().getSource().get(seen.pageInfo.__ref) };
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
  // Nothing says when it listens, so something happens until it is heard.
  const name = unique('relay-live');
  for (let tries = 0; !heard.length && !failed && tries < 20; tries++) {
    await rename(`${name}-${tries}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert.equal(failed, undefined);
  assert.ok(heard[0]?.startsWith(name));
  dispose();
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

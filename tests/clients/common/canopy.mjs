// The gateway that the tests are run against, and what happens in it besides.
export const url = process.env.CANOPY_URL + '/graphql';
export const socketUrl = url.replace(/^http/, 'ws');
// The same gateway with a budget that is spent at once.
export const narrowUrl = process.env.CANOPY_NARROW_URL + '/graphql';
export const token = process.env.CANOPY_TOKEN;
export const limitedToken = process.env.CANOPY_LIMITED_TOKEN;
export const authorization = `Bearer ${token}`;

export const LIVE = 'subscription Live($after: String) { accountChanged(after: $after) { eventId account { id externalId } } }';
export const DEFERRED = 'query Deferred { viewer { reach ...Slow @defer(label: "slow") } } fragment Slow on Viewer { account { name } }';
export const STREAMED = 'query Streamed { accounts(first: 5) { nodes @stream(initialCount: 2, label: "rest") { id name } } }';
export const RENAME = `mutation Rename($input: AccountUpdateInput!) {
  accountUpdate(input: $input) { account { id externalId } userErrors { code message path } }
}`;
export const RENAME_IN_PARTS = `mutation RenameInParts($input: AccountUpdateInput!) {
  accountUpdate(input: $input) { account { id externalId ... @defer(label: "late") { name vendor { name } } } userErrors { code } }
}`;
export const DEAR = 'query Dear { accounts(first: 50) { nodes { id } } }';
export const PARTLY = 'query Partly { viewer { reach } orders { totalCount } }';

export async function post(query, variables = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
}

// Asks until the budget is spent, at the latest the third time; gives what that comes to.
export async function spending(ask) {
  for (let times = 0; times < 3; times++) {
    const refused = await ask();
    if (refused) return refused;
  }
  throw new Error('the budget is never spent');
}

let customer;

// The input of a change that gives some customer another external id.
export async function renaming(externalId) {
  customer ??= (await post('{ viewer { account { children(first: 1) { nodes { id } } } } }')).data.viewer.account.children.nodes[0].id;
  const { version } = (await post(`{ account(id: "${customer}") { version } }`)).data.account;
  return { account: customer, externalId, expectedVersion: version, idempotencyKey: `clients-${externalId}` };
}

export async function rename(externalId) {
  const { data } = await post(RENAME, { input: await renaming(externalId) });
  if (data.accountUpdate.userErrors.length) throw new Error(JSON.stringify(data.accountUpdate.userErrors));
}

// Renames until a client hears of it, for nothing tells when some of them listen.
export async function renameUntilHeard(name, heard) {
  for (let tries = 0; tries < 50; tries++) {
    await rename(`${name}-${tries}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (heard.some((each) => each?.startsWith(name))) return;
  }
  throw new Error(`nothing was heard of ${name}`);
}

export const unique = (name) => `${name}-${process.pid}-${Date.now()}`;

// What fails with why, where nothing should go wrong.
export const unexpected = (why) => {
  throw new Error(JSON.stringify(why) ?? String(why));
};

// Waits until a condition holds; a test that waits for ever says nothing.
export async function until(condition, what = 'it') {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} did not come to be`);
}

// The gateway that the tests are run against, and what happens in it besides.
export const url = process.env.CANOPY_URL + '/graphql';
export const socketUrl = url.replace(/^http/, 'ws');
export const token = process.env.CANOPY_TOKEN;
export const limitedToken = process.env.CANOPY_LIMITED_TOKEN;
export const authorization = `Bearer ${token}`;

export const LIVE = 'subscription Live($after: String) { accountChanged(after: $after) { eventId account { id externalId } } }';
export const DEFERRED = 'query Deferred { viewer { reach ...Slow @defer(label: "slow") } } fragment Slow on Viewer { account { name } }';
export const RENAME = `mutation Rename($input: AccountUpdateInput!) {
  accountUpdate(input: $input) { account { id externalId } userErrors { code message path } }
}`;
export const PARTLY = 'query Partly { viewer { reach } orders { totalCount } }';

export async function post(query, variables = {}) {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', authorization },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json();
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

export const unique = (name) => `${name}-${process.pid}-${Date.now()}`;

// Waits until a condition holds; a test that waits for ever says nothing.
export async function until(condition, what = 'it') {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    if (condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what} did not come to be`);
}

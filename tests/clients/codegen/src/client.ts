// A client as graphql-codegen types it: what it asks for decides what it gets, and documents go by their ids.
import { graphql } from './gql';
import { opened } from './gql/fragment-masking';
import type { Client as Sockets } from 'graphql-ws';
import type { TypedDocumentNode } from '@graphql-typed-document-node/core';
import type { AccountUpdateInput, LiveSubscription, LiveSubscriptionVariables, UserErrorCode } from './gql/graphql';

const Named = graphql(`
  fragment Named on Account {
    id
    name
    type
  }
`);

const Children = graphql(`
  query Children($first: Int!, $filter: AccountFilter) {
    accounts(first: $first, filter: $filter) {
      nodes {
        ...Named
        version
      }
    }
  }
`);

const Prices = graphql(`
  query Prices {
    viewer {
      reach
    }
    prices(first: 1) {
      nodes {
        amount {
          amount
          currency
        }
      }
    }
  }
`);

const Rename = graphql(`
  mutation Rename($input: AccountUpdateInput!) {
    accountUpdate(input: $input) {
      account {
        id
        externalId
      }
      userErrors {
        code
        message
        path
      }
    }
  }
`);

const Live = graphql(`
  subscription Live($after: String) {
    accountChanged(after: $after) {
      eventId
      account {
        id
        externalId
      }
    }
  }
`);

export interface Answer<T> {
  data?: T | null;
  errors?: { message: string; extensions: { code: string } }[];
}

export class Client {
  constructor(
    private readonly url: string,
    private readonly token: string,
  ) {}

  // The resellers' names, which TypeScript knows to be texts.
  async resellers(first: number): Promise<string[]> {
    const { data } = await this.ask(Children, { first, filter: { type: ['RESELLER'] } });
    return (data?.accounts?.nodes ?? []).map((node) => opened(Named, node).name);
  }

  // The first price's amount: a decimal as a text, never a float.
  async price(): Promise<{ amount: string | undefined; codes: string[] }> {
    const { data, errors } = await this.ask(Prices, {});
    const amount: string | undefined = data?.prices?.nodes[0]?.amount.amount;
    return { amount, codes: (errors ?? []).map((error) => error.extensions.code) };
  }

  async rename(input: AccountUpdateInput): Promise<{ externalId: string | null | undefined; codes: UserErrorCode[] }> {
    const { data } = await this.ask(Rename, { input });
    const payload = data?.accountUpdate;
    return { externalId: payload?.account?.externalId, codes: (payload?.userErrors ?? []).map(({ code }) => code) };
  }

  // Tells of each account that changes. What the socket sends again when it has to connect again is one and the same
  // object, so it goes on after the last event.
  listen(sockets: Sockets, heard: (externalId: string | null | undefined) => void, failed: (why: unknown) => void): () => void {
    const variables: LiveSubscriptionVariables = {};
    const extensions = { persistedQuery: { version: 1, sha256Hash: idOf(Live).replace(/^sha256:/, '') } };
    return sockets.subscribe<LiveSubscription>(
      { query: '', variables, extensions },
      {
        next: ({ data }) => {
          if (!data?.accountChanged) return;
          variables.after = data.accountChanged.eventId;
          heard(data.accountChanged.account?.externalId);
        },
        error: failed,
        complete: () => undefined,
      },
    );
  }

  private async ask<T, V>(document: TypedDocumentNode<T, V>, variables: V): Promise<Answer<T>> {
    const answer = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ documentId: idOf(document), variables }),
    });
    return (await answer.json()) as Answer<T>;
  }
}

function idOf(document: object): string {
  return (document as { __meta__?: { hash: string } }).__meta__!.hash;
}

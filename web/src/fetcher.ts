// How GraphiQL talks to the gateway: with the session's token, and so that its stop button really stops the request.
import type { Fetcher } from '@graphiql/toolkit';
import type { ExecutionResult } from 'graphql';
import { meros } from 'meros/browser';
import { authorizedFetch } from './session';

const JSON_ANSWER = 'application/graphql-response+json, application/json;q=0.9';
const DEFERRED = /@(defer|stream)\b/;

type Answer = ExecutionResult | ExecutionResult[];

interface Observer {
  next: (answer: Answer) => void;
  error: (problem: unknown) => void;
  complete: () => void;
}

export const fetcher: Fetcher = (params, options) => {
  const answers = {
    subscribe({ next, error, complete }: Observer) {
      const stop = new AbortController();
      void (async () => {
        try {
          for await (const answer of ask(params, options?.headers, stop.signal)) next(answer);
          complete();
        } catch (problem) {
          if (!stop.signal.aborted) error({ message: words(problem) });
        }
      })();
      return { unsubscribe: () => stop.abort() };
    },
  };
  return answers as unknown as ReturnType<Fetcher>; // its type lists two more ways to subscribe, which GraphiQL does not use
};

/** GraphiQL prints an error as it is, with its stack; nobody who asks a question wants to read ours. */
function words(problem: unknown): string {
  if (problem instanceof TypeError) return 'The server cannot be reached.'; // what fetch says in each browser's own words
  return problem instanceof Error ? problem.message : String(problem);
}

async function* ask(
  params: Parameters<Fetcher>[0],
  headers: Record<string, unknown> | undefined,
  signal: AbortSignal,
): AsyncGenerator<Answer> {
  const response = await authorizedFetch('graphql', {
    method: 'POST',
    // A client that says it takes parts may get parts, so it is said only where the document asks for them.
    headers: {
      ...(headers as Record<string, string> | undefined),
      'content-type': 'application/json',
      accept: DEFERRED.test(params.query) ? `multipart/mixed, ${JSON_ANSWER}` : JSON_ANSWER,
    },
    body: JSON.stringify(params),
    signal,
  });
  if (response.headers.get('content-type')?.startsWith('multipart/mixed')) {
    const parts = await meros<ExecutionResult>(response, { multiple: true });
    if (!(parts instanceof Response)) {
      for await (const group of parts) yield group.flatMap((part) => (part.json ? [part.body] : []));
      return;
    }
  }
  const text = await response.text();
  let answer: ExecutionResult;
  try {
    answer = JSON.parse(text) as ExecutionResult;
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}, which is not a GraphQL answer.`);
  }
  yield answer;
}

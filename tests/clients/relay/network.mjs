// Relay's network layer: documents go by their ids, live updates over a WebSocket, deferred parts over multipart.
import { createClient } from 'graphql-ws';
import relay from 'relay-runtime';
import WebSocket from 'ws';

const { Environment, Network, Observable, RecordSource, Store } = relay;

export function environment(url, token, { onPayload = () => {}, ...socketOptions } = {}) {
  const authorization = `Bearer ${token}`;
  const sockets = createClient({
    url: url.replace(/^http/, 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    ...socketOptions,
  });

  const post = (params, variables) =>
    Observable.create((sink) => {
      const abort = new AbortController();
      (async () => {
        const answer = await fetch(url, {
          method: 'POST',
          signal: abort.signal,
          headers: {
            'content-type': 'application/json',
            accept: 'multipart/mixed;deferSpec=20220824, application/graphql-response+json, application/json;q=0.9',
            authorization,
          },
          body: JSON.stringify({ documentId: params.id, variables }),
        });
        for await (const payload of payloads(answer)) {
          onPayload(payload);
          for (const part of parts(payload)) sink.next(part);
        }
        sink.complete();
      })().catch((error) => sink.error(error));
      return () => abort.abort();
    });

  const listen = (params, given) =>
    Observable.create((sink) => {
      // What graphql-ws sends again when it has to connect again: so it goes on after the last event.
      const variables = { ...given };
      const next = (answer) => {
        const [event] = Object.values(answer.data ?? {});
        if (event?.eventId) variables.after = event.eventId;
        sink.next(answer);
      };
      // It takes no message without a query; an empty one beside an id is none.
      const asked = { query: '', documentId: params.id, operationName: params.name, variables };
      return sockets.subscribe(asked, { next, error: sink.error, complete: sink.complete });
    });

  const made = new Environment({ network: Network.create(post, listen), store: new Store(new RecordSource()) });
  made.dispose = () => sockets.dispose();
  return made;
}

// The JSON of an answer, or of each of its parts.
async function* payloads(answer) {
  const type = answer.headers.get('content-type');
  if (!type.startsWith('multipart/mixed')) {
    yield await answer.json();
    return;
  }
  const boundary = `--${/boundary="?([^";]+)"?/.exec(type)?.[1] ?? '-'}`;
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of answer.body) {
    text += decoder.decode(chunk, { stream: true });
    for (let end; (end = text.indexOf(`\r\n${boundary}`, 1)) >= 0; text = text.slice(end)) {
      const body = text.slice(0, end).split('\r\n\r\n').slice(1).join('\r\n\r\n');
      if (body.trim()) yield JSON.parse(body);
    }
  }
}

// What Relay calls a payload: the first answer, and then each part with its label, as its generation names them.
function* parts({ incremental = [], hasNext, ...first }) {
  if ('data' in first || 'errors' in first) yield { ...first, extensions: { ...first.extensions, is_final: !hasNext } };
  for (const [place, { label, path, data, errors }] of incremental.entries()) {
    const isFinal = !hasNext && place === incremental.length - 1;
    yield { label, path, data, ...(errors && { errors }), extensions: { is_final: isFinal } };
  }
}

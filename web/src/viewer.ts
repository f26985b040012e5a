import { useEffect, useState } from 'react';
import { authorizedFetch, graphql, type Session } from './session';

export interface Viewer {
  /** Null for an API client, which acts for its account without being a person. */
  readonly user: { readonly id: string; readonly name: string; readonly login: string } | null;
  readonly apiClient: { readonly name: string } | null;
  readonly account: { readonly id: string; readonly name: string; readonly type: string };
  readonly privileges: readonly string[];
}

const WHO_AM_I = '{ viewer { user { id name login } apiClient { name } account { id name type } privileges } }';

/** Who the session's token stands for; null until the server has said so. */
export function useViewer(session: Session | null): { viewer: Viewer | null; problem: string | null } {
  const [viewer, setViewer] = useState<Viewer | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const isSignedIn = session !== null; // a renewed token is still the same person: not asked again

  useEffect(() => {
    if (!isSignedIn) return;
    let isStale = false;
    void (async () => {
      try {
        const response = await authorizedFetch('graphql', graphql(WHO_AM_I));
        const { data, errors } = (await response.json()) as {
          data?: { viewer: (Viewer & { account: Viewer['account'] | null }) | null } | null;
          errors?: { message: string }[];
        };
        if (isStale) return;
        const known = data?.viewer?.account ? data.viewer : null;
        setViewer(known);
        setProblem(known ? null : (errors?.[0]?.message ?? 'The server does not say who you are.'));
      } catch {
        if (!isStale) setProblem('The server cannot be reached.');
      }
    })();
    return () => {
      isStale = true;
    };
  }, [isSignedIn]);

  return { viewer, problem };
}

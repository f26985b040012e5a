// Why a link was not followed, in the server's words, and beside which field they belong.

export type Field = 'password' | 'question' | 'answer';

export interface Refusal {
  readonly message: string;
  /** Beside which field to say it; 'closed' when no other form would help, null when it concerns no field. */
  readonly place: Field | 'closed' | null;
}

/** An answer other than 200 to POST /auth/link or /auth/forgotten. */
export async function refusalOf(response: Response): Promise<Refusal> {
  const unknown = { message: `The server answered ${response.status}.`, place: null };
  try {
    const body = (await response.json()) as {
      error?: string;
      error_description?: string; // RFC 6749
      field?: Field;
      errors?: { message: string; extensions?: { requestId?: string } }[]; // a defect
    };
    if (body.error_description) {
      return { message: body.error_description, place: body.field ?? (body.error === 'invalid_grant' ? 'closed' : null) };
    }
    const [defect] = body.errors ?? [];
    return defect ? { message: `${defect.message} ${defect.extensions?.requestId ?? ''}`.trim(), place: null } : unknown;
  } catch {
    return unknown; // not JSON: a proxy's page, or nothing at all
  }
}

// Why a link was not followed, in the server's words, and beside which field they belong.

export type Field = 'password' | 'question' | 'answer';

export interface Refusal {
  readonly message: string;
  /** Beside which field to say it; 'closed' when no other form would help, null when it concerns no field. */
  readonly place: Field | 'closed' | null;
}

/** An answer other than 200 to POST /auth/link. */
export async function refusalOf(response: Response, form: FormData): Promise<Refusal> {
  const unknown = { message: `The server answered ${response.status}.`, place: null };
  try {
    const body = (await response.json()) as {
      error?: string;
      error_description?: string; // RFC 6749
      errors?: { message: string; extensions?: { errorId?: string } }[]; // a defect
    };
    if (body.error_description) {
      return { message: body.error_description, place: placeOf(body.error ?? '', body.error_description, form) };
    }
    const [defect] = body.errors ?? [];
    return defect ? { message: `${defect.message} ${defect.extensions?.errorId ?? ''}`.trim(), place: null } : unknown;
  } catch {
    return unknown; // not JSON: a proxy's page, or nothing at all
  }
}

/** RFC 6749 has no place for a field's name, so the description tells, which names the field in its own words. */
function placeOf(error: string, message: string, form: FormData): Refusal['place'] {
  if (error === 'invalid_request') {
    if (/go together/.test(message)) return form.get('question') ? 'answer' : 'question';
    if (/two letters or digits/.test(message)) return 'answer';
    if (/\bquestion\b/.test(message)) return 'question';
    if (/password|characters|secret/i.test(message)) return 'password';
  }
  if (error === 'invalid_grant') return /password/.test(message) ? 'password' : 'closed';
  return null;
}

import { isIPv4, isIPv6 } from 'node:net';
import type { Context } from 'hono';
import * as v from 'valibot';
import { BROWSER_COOKIE, readCookie } from './cookies.ts';
import type { Visitor } from './credentials.ts';
import type { DashboardDependencies } from './dependencies.ts';
import { HttpError } from './errors.ts';

/** Too many wrong passwords came before this one, which was not looked at. */
export class TooManyAttempts extends HttpError {
  /** Whole seconds until the next may be sent. */
  readonly retryAfter: number;

  constructor(retryAfter: number) {
    const minutes = Math.ceil(retryAfter / 60);
    super(
      429,
      'Too many wrong passwords',
      `Passwords are not looked at for now. Try again in ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}.`,
    );
    this.retryAfter = retryAfter;
  }
}

/**
 * Checks a password, unless too many wrong ones came before; see `ledger/sign-ins.ts`.
 *
 * @param check who the password belongs to; null when it is wrong.
 * @throws {TooManyAttempts}
 */
export async function checkPassword(
  context: Context,
  check: () => Promise<Visitor | null>,
  { ledger, meter, log, now }: Pick<DashboardDependencies, 'ledger' | 'meter' | 'log' | 'now'>,
): Promise<Visitor | null> {
  const address = addressOf(context);
  const browser = browserOf(context);
  const admission = await ledger.signIns.admit([
    ...(browser === null ? [] : [`browser ${browser}`]),
    `address ${sourceOf(address)}`,
  ]);
  if (admission.kind === 'refused') {
    meter.add('refusedSignIns', 1, 'throttled');
    log.info('password not checked', { address, until: new Date(admission.until).toISOString() });
    throw new TooManyAttempts(Math.max(1, Math.ceil((admission.until - now()) / 1000)));
  }
  const visitor = await check();
  if (visitor === null) {
    meter.add('refusedSignIns', 1, 'wrong');
    log.info('wrong password', { address });
    await ledger.signIns.noteWrong(admission);
  } else await ledger.signIns.noteRight(admission);
  return visitor;
}

/** The id in the cookie of this browser; null without a valid one. */
export function browserOf(context: Context): string | null {
  const id = readCookie(context, BROWSER_COOKIE) ?? '';
  return /^[\w-]{22}$/.test(id) ? id : null;
}

/**
 * What counts as one address: all of an IPv4 address, the network of 64 bits of an IPv6 address, of which a single client
 * may have any.
 */
export function sourceOf(address: string): string {
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return 'unknown';
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  return `${groupsOf(address.replace(/%.*$/, '')).slice(0, 4).join(':')}::/64`;
}

/** The eight groups of an IPv6 address, without leading zeros. */
function groupsOf(address: string): string[] {
  const [left = [], right] = address
    .replace(/[0-9.]*\.[0-9.]*$/, '0:0')
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = right === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...(right ?? [])];
  return groups.map((group) => Number.parseInt(group, 16).toString(16));
}

const environment = v.object({
  requestContext: v.object({ http: v.object({ sourceIp: v.string() }) }),
});

/** As API Gateway saw it: clients write `X-Forwarded-For` as they like. */
function addressOf({ env }: Context): string {
  const parsed = v.safeParse(environment, env);
  return parsed.success ? parsed.output.requestContext.http.sourceIp : 'unknown';
}

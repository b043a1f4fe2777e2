import { paginateListSubscriptionsByTopic, type SNSClient, type Subscription } from '@aws-sdk/client-sns';
import { counted } from '../../../lambda/shared/reporting/format.ts';
import { sanitize } from './terminal.ts';

/** The subscribers of the alarms. */
export interface AlarmSubscriptions {
  readonly topicArn: string;
  readonly confirmed: number;
  /** Endpoints that have not confirmed, such as addresses whose confirmation email is still unopened. */
  readonly unconfirmed: readonly string[];
}

/** In place of an ARN: https://docs.aws.amazon.com/sns/latest/api/API_ListSubscriptionsByTopic.html */
const PENDING = 'PendingConfirmation';

/**
 * Tells confirmed subscriptions from others.
 *
 * @param alarmEmail the setting: AWS deletes a subscription that is not confirmed, so its absence counts as unconfirmed.
 */
export function alarmSubscriptions(
  topicArn: string,
  found: readonly Subscription[],
  alarmEmail: string | undefined,
): AlarmSubscriptions {
  const confirmed = found.filter(({ SubscriptionArn }) => SubscriptionArn !== PENDING);
  const pending = found.filter(({ SubscriptionArn }) => SubscriptionArn === PENDING);
  const isMissing = alarmEmail !== undefined && !confirmed.some(({ Endpoint }) => Endpoint === alarmEmail);
  const unconfirmed = new Set([
    ...(isMissing ? [alarmEmail] : []),
    ...pending.map(({ Endpoint, Protocol }) => Endpoint ?? `an endpoint of ${Protocol}`),
  ]);
  return { topicArn, confirmed: confirmed.length, unconfirmed: [...unconfirmed] };
}

/** Asks SNS; null for an operator without `sns:ListSubscriptionsByTopic`. */
export async function readAlarmSubscriptions(
  client: SNSClient,
  topicArn: string,
  alarmEmail: string | undefined,
): Promise<AlarmSubscriptions | null> {
  const found: Subscription[] = [];
  try {
    for await (const page of paginateListSubscriptionsByTopic({ client }, { TopicArn: topicArn })) {
      found.push(...(page.Subscriptions ?? []));
    }
  } catch (error) {
    if (error instanceof Error && /^(?:AuthorizationError|AccessDenied)/.test(error.name)) return null;
    throw error;
  }
  return alarmSubscriptions(topicArn, found, alarmEmail);
}

/** In one line, for a terminal. */
export function subscriptionsText(alarms: AlarmSubscriptions | null): string {
  if (alarms === null) return 'subscriptions not known: sns:ListSubscriptionsByTopic is denied';
  const { confirmed, unconfirmed } = alarms;
  const waiting = unconfirmed.length === 0 ? '' : `, not confirmed: ${unconfirmed.map(sanitize).join(', ')}`;
  return `sent to ${confirmed === 0 ? 'no subscriber' : counted(confirmed, 'subscriber', 'subscribers')}${waiting}`;
}

/** One sentence for each endpoint that alarms do not reach. */
export function unconfirmedSentences({ topicArn, unconfirmed }: AlarmSubscriptions): string[] {
  return unconfirmed
    .map(sanitize)
    .map(
      (endpoint) =>
        `alarms do not reach ${endpoint} yet: confirm the email that AWS has sent there. Its link is valid for two days; ` +
        `a new one comes by: aws sns subscribe --topic-arn ${topicArn} --protocol email --notification-endpoint ${endpoint}`,
    );
}

import type { ServiceCheck, ServiceRefusal } from '../front.ts';
import type { FrontedService, ServiceRequest } from '../service-request.ts';
import type { AccessRequest, Gate, RefusalReason } from './access.ts';
import type { Place } from './actions/context.ts';
import { dynamoDbAccessRequests } from './actions/dynamodb.ts';
import { snsAccessRequests } from './actions/sns.ts';
import { sqsAccessRequests } from './actions/sqs.ts';

/** What the requests to a service are about. */
export interface GatedPlace extends Place {
  /** Name of the tables' partition key. */
  readonly partitionKey: string;
}

const MAPPINGS: Readonly<
  Record<FrontedService, (request: ServiceRequest, place: GatedPlace) => AccessRequest[]>
> = {
  dynamodb: (request, place) => dynamoDbAccessRequests(request, place, place.partitionKey),
  sns: snsAccessRequests,
  sqs: sqsAccessRequests,
};

type Refused = Omit<ServiceRefusal, 'message'>;

/**
 * How each service refuses: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html,
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html (with the code of the query
 * protocol, by which the SDK names the error), https://docs.aws.amazon.com/sns/latest/api/CommonErrors.html.
 */
const REFUSALS: Readonly<Record<FrontedService, Readonly<Record<RefusalReason, Refused>>>> = {
  dynamodb: {
    denied: { status: 400, code: 'com.amazon.coral.service#AccessDeniedException' },
    'unknown-key': { status: 400, code: 'com.amazon.coral.service#UnrecognizedClientException' },
  },
  sns: {
    denied: { status: 403, code: 'AuthorizationError' },
    'unknown-key': { status: 403, code: 'InvalidClientTokenId' },
  },
  sqs: {
    denied: {
      status: 403,
      code: 'com.amazon.coral.service#AccessDeniedException',
      queryCode: 'AccessDenied',
    },
    'unknown-key': {
      status: 403,
      code: 'com.amazon.coral.service#UnrecognizedClientException',
      queryCode: 'InvalidClientTokenId',
    },
  },
};

/** Lets pass what the policies allow, for {@link startFront}. */
export function accessCheck(service: FrontedService, gate: Gate, place: GatedPlace): ServiceCheck {
  return (request) => {
    const decision = gate.authorize(request.accessKeyId, MAPPINGS[service](request, place));
    if (decision.allowed) return undefined;
    return { ...REFUSALS[service][decision.reason], message: decision.message };
  };
}

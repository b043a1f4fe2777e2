import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { type LocalServer, listen } from '../../../infra/local/aws/listen.ts';
import { createMessagingApp } from '../../../infra/local/aws/messaging-app.ts';

export interface TestQueue {
  readonly endpoint: string;
  readonly queueUrl: string;
  readonly client: SQSClient;
  /** Receives and deletes every message. */
  drain(): Promise<string[]>;
  close(): Promise<void>;
}

/** A real queue on fauxqs. */
export async function startQueue(name: string): Promise<TestQueue> {
  const app = await createMessagingApp();
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  const client = new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  });
  await client.send(new CreateQueueCommand({ QueueName: name }));
  const queueUrl = `${endpoint}/000000000000/${name}`;
  return {
    endpoint,
    queueUrl,
    client,
    drain: () => drain(client, queueUrl),
    close: async () => {
      client.destroy();
      await app.close();
    },
  };
}

async function drain(client: SQSClient, queueUrl: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
    );
    if (Messages.length === 0) return bodies;
    bodies.push(...Messages.map((message) => message.Body ?? ''));
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
    await client.send(new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
  }
}

/** Listens on a free port of this machine; `respond` is given the whole body of each request. */
export function serve(
  respond: (incoming: IncomingMessage, body: string, response: ServerResponse) => void,
): Promise<LocalServer> {
  return listen(
    createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => respond(incoming, Buffer.concat(chunks).toString(), response));
    }),
  );
}

/** Forwards a request with this body to another server, and its response to the client. */
export function forward(to: string, incoming: IncomingMessage, body: string, response: ServerResponse): void {
  const headers = { ...incoming.headers, 'content-length': String(Buffer.byteLength(body)) };
  const outgoing = request(
    `${to}${incoming.url ?? '/'}`,
    { method: incoming.method ?? 'POST', headers },
    (forwarded) => {
      response.writeHead(forwarded.statusCode ?? 502, forwarded.headers);
      forwarded.pipe(response);
    },
  );
  outgoing.on('error', () => response.destroy());
  outgoing.end(body);
}

/** The stages of one secret as Secrets Manager serves them; for null it responds 500, for a missing one 400. */
export type SecretStages = Record<string, string | null>;

/** A Secrets Manager with a single secret, whose stages the test may change, and a count of the calls. */
export async function startSecrets(stages: SecretStages): Promise<LocalServer & { calls: () => number }> {
  let calls = 0;
  const server = await serve((_, body, response) => {
    calls += 1;
    const stage = /"VersionStage":"([A-Z]+)"/.exec(body)?.[1] ?? 'AWSCURRENT';
    const text = stages[stage] ?? null;
    const [status, json] =
      stage in stages && text === null
        ? [500, { __type: 'InternalServiceError' }]
        : text === null
          ? [400, { __type: 'ResourceNotFoundException', Message: 'no such version' }]
          : [200, { ARN: 'arn', Name: 'secret', SecretString: text, VersionStages: [stage] }];
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(json));
  });
  return { ...server, calls: () => calls };
}

/**
 * Names that the ledger's code and its CloudFormation template must agree on: `infra/` makes the table from them,
 * `keys.ts` fills them. All key attributes are strings.
 */

/** Key of the table. */
export const TABLE_KEYS = { partitionKey: 'pk', sortKey: 'sk' } as const;

/** Attribute with the epoch second after which DynamoDB may delete an item; absent when records are kept for ever. */
export const TTL_ATTRIBUTE = 'ttl';

/** One global secondary index. */
export interface IndexSchema {
  readonly name: string;
  readonly partitionKey: string;
  readonly sortKey: string;
  /** What an entry holds beside its keys: the whole item, or nothing. */
  readonly projection: 'ALL' | 'KEYS_ONLY';
}

/** The global secondary indexes, one for each way to look records up; sparse, since an item has only its own keys. */
export const INDEXES = {
  /** Primary failures of a UTC day, by time. */
  failuresByDay: {
    name: 'failures-by-day',
    partitionKey: 'dayShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Primary failures of an error class, by time. */
  failuresByClass: {
    name: 'failures-by-class',
    partitionKey: 'classShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Primary failures of a destination host, by time. */
  failuresByHost: {
    name: 'failures-by-host',
    partitionKey: 'hostShard',
    sortKey: 'failedAtKey',
    projection: 'ALL',
  },
  /** Open recoveries by deadline; recovered, lost and failed ones by the time they were settled. */
  recoveriesByState: {
    name: 'recoveries-by-state',
    partitionKey: 'stateShard',
    sortKey: 'stateKey',
    projection: 'ALL',
  },
  /**
   * Records whose event is not published yet, by the time since when. Who publishes reads the item itself, so that an
   * entry that is a moment old makes no event.
   */
  eventsOwed: {
    name: 'events-owed',
    partitionKey: 'owedShard',
    sortKey: 'owedKey',
    projection: 'KEYS_ONLY',
  },
} as const satisfies Record<string, IndexSchema>;

/** Over how many partitions of an index one day, class, host or state is spread. Changing it orphans old items. */
export const SHARDS = 8;

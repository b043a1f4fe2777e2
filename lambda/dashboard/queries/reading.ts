import { type NotedTable, noting } from '../../shared/ledger/unreadable.ts';
import type { DashboardWorld } from '../world.ts';

/** The ledger for one request: what cannot be read is left out, logged once, and there to be named on the page. */
export function readingOf({ table, log }: Pick<DashboardWorld, 'table' | 'log'>): NotedTable {
  return noting(table, (error) => log.error('record cannot be read', { ...error.key, error }));
}

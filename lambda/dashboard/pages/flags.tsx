import type { PrimaryFailureRecord, RecoveryRecord } from '../../shared/ledger/records.ts';
import { outcomeOf } from '../queries/outcome.ts';
import { counted } from '../words/format.ts';
import { ROLE_NAMES } from '../words/states.ts';
import { Outside } from './parts.tsx';

/** What is to be known of an output at a glance: failed uploads, what became of its files, warnings. */
export function Flags(props: {
  readonly failures: readonly PrimaryFailureRecord[];
  readonly recoveries: readonly RecoveryRecord[];
}) {
  const { failures, recoveries } = props;
  const { counts, files } = outcomeOf(recoveries);
  const warnings = recoveries.flatMap((recovery) => recovery.warnings ?? []);
  const mustAct = recoveries.filter(
    ({ state, lastError }) => state === 'pending' && lastError?.meaning === 'customer-must-act',
  );
  return (
    <ul class="flags" aria-label="Flags">
      {files > 0 && <li class="warn">Backup server used</li>}
      {failures.map(({ role, errorClass }) => (
        <li class="bad">
          {ROLE_NAMES[role]} upload failed: <Outside text={errorClass} />
        </li>
      ))}
      {mustAct.length > 0 && <li class="bad">You must act: {counted(mustAct.length, 'file')}</li>}
      {counts.lost > 0 && <li class="bad">Lost: {counted(counts.lost, 'file')}</li>}
      {counts.failed > 0 && <li class="bad">Failed: {counted(counts.failed, 'file')}</li>}
      {warnings.length > 0 && <li class="warn">{counted(warnings.length, 'warning')}</li>}
      {files > 0 && counts.recovered === files && <li class="ok">Recovered</li>}
    </ul>
  );
}

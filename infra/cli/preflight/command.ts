import type { PreflightReport } from '../../../lambda/worker/preflight/report.ts';
import { type CommandContext, NeedsAttention, readOptions } from '../command.ts';
import { progressOn } from '../progress.ts';
import { outputOf, resolveTarget, STACK_OPTIONS, type Target } from '../target.ts';
import type { Terminal } from '../terminal.ts';
import { invokePreflight } from './invoke.ts';
import { textOf } from './text.ts';

/** `npm run preflight`: see its help. */
export async function preflight({ argv, out, err }: CommandContext): Promise<void> {
  const { json, ...which } = readOptions(argv, {
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const target = await resolveTarget(which);
  const functionName = outputOf(target, 'WorkerFunctionName');
  const report = await asked(target, functionName, err);
  const role = target.outputs.WorkerRoleArn;
  await out.write(
    json ? `${JSON.stringify({ role: role ?? null, ...report })}\n` : textOf(out, report, role),
  );
  if (!report.ok)
    throw new NeedsAttention(`preflight: bucket ${report.bucket} cannot take recovered files yet`);
}

async function asked(target: Target, functionName: string, err: Terminal): Promise<PreflightReport> {
  const progress = progressOn(err);
  await progress.show(`Asking ${functionName} to try the bucket …`);
  try {
    return await invokePreflight(target, functionName);
  } finally {
    await progress.clear();
  }
}

import { STACK_HELP } from '../target.ts';

export const HELP = `Usage: npm run preflight -- [options]

Lets the worker's own function, with its own role, do in the bucket all that a recovery does: create, look up,
be refused an overwrite, upload in parts, abort. It uses probe objects of a few bytes under
zencoder-recovery-preflight/, removes them, and says which permission, key policy or region is wrong. Run it after
each change of bucket, policy or key.

  --json            the report as one JSON object

${STACK_HELP}
Exit codes: 0 recoveries into this bucket work, 1 the check could not be made, 2 not understood,
3 something is wrong with the bucket.

Examples:
  npm run preflight
  npm run preflight -- --stack ZencoderRecoveryStaging
  npm run preflight -- --local --json | jq '.checks[] | select(.outcome == "failed")'
`;

/**
 * Mutation testing of the modules that decide, read or write text and touch nothing, by their unit tests. Some of them:
 * `npm run mutants -- --mutate lambda/worker/retry-policy.ts,lambda/worker/key-template.ts` (no braces: Stryker splits at each comma).
 */
export default {
  mutate: [
    'lambda/ingest/{authenticate,request,response}.ts',
    'lambda/reconcile/job-scan.ts',
    'lambda/shared/ledger/{attributes,claim-decision,items,paging,records,table}.ts',
    'lambda/shared/queue/messages.ts',
    'lambda/shared/runtime/{error-summary,json,redact,redact-urls}.ts',
    'lambda/shared/zencoder/{failed-outputs,file-url,notification,notified-thumbnails,signed-url}.ts',
    'lambda/shared/zencoder/{storage,upload-errors}.ts',
    'lambda/worker/{key-template,retry-policy}.ts',
    'lambda/worker/copy/{checksums,errors,object-headers,plan,source-response}.ts',
  ],
  testRunner: 'vitest',
  vitest: { configFile: 'test/mutants/vitest.config.ts' },
  // There is none of this name: Stryker rewrites the references of a tsconfig by an API of the compiler that TypeScript 7
  // has no more. Ours has no references.
  tsconfigFile: 'none.json',
  // A constant of a module belongs to every test: a run for each of them takes longer than all other mutants together.
  ignoreStatic: true,
  concurrency: 2,
  tempDirName: '.local/mutants',
  ignorePatterns: ['.local', 'cdk.out', 'coverage'],
  reporters: ['clear-text', 'html', 'progress-append-only'],
  clearTextReporter: { allowColor: false, reportTests: false },
  htmlReporter: { fileName: '.local/mutants.html' },
};
